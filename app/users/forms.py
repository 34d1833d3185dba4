"""What may be submitted about a person."""

from wtforms import BooleanField, FileField, HiddenField, SelectField, StringField
from wtforms.validators import ValidationError

from app.extensions import db
from app.forms import Follows, Form
from app.tiers.models import Tier
from app.users.models import User
from app.users.rules import EmailAddress, PersonName, Username


class TierField(SelectField):
    """A choice among the tiers, or none."""

    def fill(self) -> None:
        tiers = db.session.scalars(Tier.all_by_name())
        self.choices = [("", "No tier"), *((tier.name, tier.label) for tier in tiers)]

    def pre_validate(self, form: object) -> None:
        if self.data not in dict(self.choices):
            raise ValidationError("Choose a tier from the list")

    @property
    def chosen(self) -> Tier | None:
        return db.session.scalar(Tier.by_name(self.data)) if self.data else None


class TierForm(Form):
    tier = TierField("Assigned tier")
    version = HiddenField()
    undo = HiddenField()

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.tier.fill()

    @classmethod
    def of(cls, user: User) -> "TierForm":
        """The form filled in with what is saved."""
        values = {"tier": user.tier.name if user.tier else "", "version": user.version}
        return cls(formdata=None, data=values)


class ProfileForm(Form):
    """A person's name, username, address and tier, as an operator edits them."""

    name = StringField("Name", [Follows(PersonName)])
    username = StringField("Username", [Follows(Username)])
    email = StringField("Email", [Follows(EmailAddress)])
    tier = TierField("Tier")
    version = HiddenField()
    back = HiddenField()
    undo = HiddenField()

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.tier.fill()

    @classmethod
    def of(cls, user: User, back: str) -> "ProfileForm":
        """The form filled in with what is saved; afterwards it leads to the page ``back``."""
        values = {**cls.values_of(user), "version": user.version, "back": back}
        return cls(formdata=None, data=values)

    @staticmethod
    def values_of(user: User) -> dict[str, str]:
        """What is saved, as the fields say it."""
        tier = user.tier.name if user.tier else ""
        return {"name": user.name, "username": user.username, "email": user.email, "tier": tier}

    def apply_to(self, user: User) -> None:
        tier = self.tier.chosen  # asked first: a query flushes what was changed before it
        user.name = self.name.data
        user.username = self.username.data
        user.take_address(self.email.data)
        user.move_to(tier)


class NewUserForm(ProfileForm):
    """Somebody new, who gets a link to choose a password: operators never set one."""


class ImportForm(Form):
    """A file of people; Flask keeps it apart from the fields, in ``request.files``."""

    file = FileField("CSV file")
    check = BooleanField("Only check, import nothing")


class MoveForm(Form):
    """Where those who were selected are to be moved."""

    to = TierField("Move to")

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.to.fill()
        tiers = self.to.choices[1:]
        self.to.choices = [("", "Choose a tier"), *tiers, ("-", "No tier")]

    def validate_to(self, field: TierField) -> None:
        if not field.data:
            raise ValidationError("Choose a tier from the list")

    @property
    def tier(self) -> Tier | None:
        return None if self.to.data == "-" else self.to.chosen
