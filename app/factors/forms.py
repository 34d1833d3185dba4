"""Naming a passkey, and typing the first code of an app."""

from wtforms import HiddenField, StringField
from wtforms.validators import ValidationError

from app.factors.rules import bare, is_app_code
from app.forms import Follows, Form
from app.users.rules import ThingName


class PasskeyNameForm(Form):
    name = StringField("Name", [Follows(ThingName)])


class NewPasskeyForm(PasskeyNameForm):
    answer = HiddenField()


class AppCodeForm(Form):
    code = StringField("Code of the app")

    def validate_code(self, field: StringField) -> None:
        if not is_app_code(bare(field.data)):
            raise ValidationError("Enter the 6 digits that the app shows")
