"""What is asked about a new API token."""

from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import ValidationError

from app.forms import Form

LONGEST_NAME = 60
SCOPES = [("read", "Read only"), ("write", "Read and write")]
DAYS = [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year")]


class TokenForm(Form):
    name = StringField("Name")
    scope = SelectField("What it may do", choices=SCOPES, default="read")
    days = SelectField("Expires after", choices=DAYS, default="30")
    # Made anew for each form, so that sending one twice makes one token.
    once = HiddenField()

    def validate_name(self, field: StringField) -> None:
        field.data = " ".join((field.data or "").split())
        if not field.data:
            raise ValidationError("Enter a name")
        if len(field.data) > LONGEST_NAME:
            raise ValidationError(f"Use {LONGEST_NAME} characters or fewer")
        if not field.data.isprintable():
            raise ValidationError("Use letters, digits and spaces only")
