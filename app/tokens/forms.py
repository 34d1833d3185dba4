"""What is asked about a new API token."""

from wtforms import HiddenField, StringField
from wtforms.fields.choices import SelectChoice

from app.forms import ChoiceField, Follows, Form
from app.users.rules import ThingName

SCOPES = [SelectChoice("read", "Read only"), SelectChoice("write", "Read and write")]
DAYS = [*(SelectChoice(days, f"{days} days") for days in ("7", "30", "90"))]
DAYS += [SelectChoice("365", "1 year")]


class TokenForm(Form):
    name = StringField("Name", [Follows(ThingName)])
    scope = ChoiceField("What it may do", choices=SCOPES, default="read")
    days = ChoiceField("Expires after", choices=DAYS, default="30")
    # Made anew for each form, so that sending one twice makes one token.
    once = HiddenField()
