"""What may be submitted about a tier and its limits."""

from typing import Self

from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.validators import Optional, ValidationError

from app.forms import Follows, Form
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import NoSuchRoute, limited_routes, route_named
from app.tiers.rules import LARGEST, UNITS, Count, LimitName, TierName, Unit
from app.words import split_period


class TierForm(Form):
    name = StringField("Name", [Follows(TierName)])
    version = HiddenField()
    undo = HiddenField()

    @classmethod
    def of(cls, tier: Tier) -> Self:
        """The form filled in with what is saved."""
        return cls(formdata=None, data={"name": tier.name, "version": tier.version})


class LimitForm(Form):
    """So many requests, every so many units of time."""

    limit = StringField("Requests", [Follows(Count)])
    every = StringField("Every", [Follows(Count)])
    unit = SelectField("Unit of time", [Follows(Unit)], choices=list(UNITS), validate_choice=False)
    observed = BooleanField("Observe only")
    version = HiddenField()
    undo = HiddenField()

    @classmethod
    def of(cls, limit: RateLimit) -> Self:
        """The form filled in with what is saved."""
        every, unit = split_period(limit.period)
        values = {"every": every, "unit": unit + "s", "limit": limit.limit}
        values["observed"] = limit.observed
        values |= {"route": limit.route, "version": limit.version, "name": limit.name}
        return cls(formdata=None, data=values)

    def validate_unit(self, field: SelectField) -> None:
        if isinstance(self.every.data, int) and self.period > LARGEST:
            raise ValidationError("Choose a shorter time")

    @property
    def period(self) -> int:
        """The period in seconds, once the form is valid."""
        return int(self.every.data) * UNITS[self.unit.data]


class NewLimitForm(LimitForm):
    """The same for a route of the application that is limited."""

    route = SelectField("Route", validate_choice=False)
    name = HiddenField("Name", [Optional(), Follows(LimitName)])  # that a program gave

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.route.choices = [(route.key, route.label) for route in limited_routes().values()]

    def validate_route(self, field: SelectField) -> None:
        try:
            field.data = route_named(field.data or "").key
        except NoSuchRoute:
            raise ValidationError("Choose a route from the list") from None
