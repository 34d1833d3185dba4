"""What people may say about their own account."""

from typing import Any

from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import ValidationError

from app.forms import ChoiceField, Follows, Form
from app.users.models import User
from app.users.rules import EmailAddress, OptionalPictureUrl, PersonName, Username, time_zones

THEMES = [("", "Follow the device"), ("light", "Light"), ("dark", "Dark")]


class OwnProfileForm(Form):
    name = StringField("Name", [Follows(PersonName)])
    username = StringField("Username", [Follows(Username)])
    picture = StringField("Picture address", [Follows(OptionalPictureUrl)])
    version = HiddenField()
    undo = HiddenField()

    @classmethod
    def of(cls, user: User) -> "OwnProfileForm":
        """The form filled in with what is saved."""
        return cls(formdata=None, data={**cls.values_of(user), "version": user.version})

    @staticmethod
    def values_of(user: User) -> dict[str, str]:
        """What is saved, as the fields say it."""
        picture = user.profile_image_url or ""
        return {"name": user.name, "username": user.username, "picture": picture}

    def apply_to(self, user: User) -> None:
        user.name = self.name.data
        user.username = self.username.data
        user.profile_image_url = self.picture.data or None


class LookForm(Form):
    """How pages look and behave for one person."""

    theme = ChoiceField("Theme")
    time_zone = ChoiceField("Time zone")
    keys = BooleanField("Single-key shortcuts")

    def __init__(self, user: User, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theme.choices = THEMES
        self.time_zone.choices = grouped(user.time_zone)

    @classmethod
    def of(cls, user: User) -> "LookForm":
        """The form filled in with what is saved."""
        return cls(user, formdata=None, data=cls.values_of(user))

    @staticmethod
    def values_of(user: User) -> dict[str, Any]:
        """What is saved, as the fields say it."""
        keys = not user.keys_off
        return {"theme": user.theme or "", "time_zone": user.time_zone, "keys": keys}

    def apply_to(self, user: User) -> None:
        user.theme = self.theme.data or None
        user.time_zone = self.time_zone.data
        user.keys_off = not self.keys.data


def grouped(chosen: str) -> dict[str, list[tuple[str, str]]]:
    """The zones by region, so that typing the first letters of a city finds it in the list.

    One that is ``chosen`` already stays, though it is no usual one.
    """
    groups = {"World": [("UTC", "UTC")]}
    if chosen not in ("UTC", *time_zones()):
        groups["World"].append((chosen, chosen))
    for zone in time_zones():
        region, _, place = zone.partition("/")
        groups.setdefault(region, []).append((zone, place.replace("_", " ").replace("/", ", ")))
    return groups


class AddressForm(Form):
    new_email = StringField("New address", [Follows(EmailAddress)])

    def __init__(self, user: User, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._user = user

    def validate_new_email(self, field: StringField) -> None:
        if field.data == self._user.email:
            raise ValidationError("This is your address already")
