"""What is asked about a new API token."""

from wtforms import HiddenField, SelectField, StringField

from app.forms import Follows, Form
from app.users.rules import ThingName

SCOPES = [("read", "Read only"), ("write", "Read and write")]
DAYS = [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year")]


class TokenForm(Form):
    name = StringField("Name", [Follows(ThingName)])
    scope = SelectField("What it may do", choices=SCOPES, default="read")
    days = SelectField("Expires after", choices=DAYS, default="30")
    # Made anew for each form, so that sending one twice makes one token.
    once = HiddenField()
