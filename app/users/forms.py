"""What may be submitted about a person."""

from wtforms import HiddenField, SelectField, StringField

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

    @property
    def chosen(self) -> Tier | None:
        return db.session.scalar(Tier.by_name(self.data)) if self.data else None


class TierForm(Form):
    tier = TierField("Assigned tier", validate_choice=True)
    version = HiddenField()
    undo = HiddenField()

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.tier.fill()


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

    def apply_to(self, user: User) -> None:
        tier = self.tier.chosen  # asked first: a query flushes what was changed before it
        user.name = self.name.data
        user.username = self.username.data
        user.email = self.email.data
        user.move_to(tier)


class NewUserForm(ProfileForm):
    """Somebody new, who gets a link to choose a password: operators never set one."""
