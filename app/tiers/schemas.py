"""What programs send and get about tiers and limits."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from app.kinds import text, truth
from app.operations import Changes, Schema, Shown
from app.tiers.models import RateLimit
from app.tiers.routes import LONGEST, limited_routes
from app.tiers.rules import LimitName, Number, TierName

NO_TIER, NO_LIMIT = "Tier not found", "Rate Limit not found"

Name = Annotated[TierName, BeforeValidator(text)]
Path = Annotated[
    str,
    BeforeValidator(text),
    Field(
        min_length=1,
        max_length=LONGEST,
        description="A limited route, such as api/v1/tasks/task, api_v1_tasks_task or a rule "
        "with variables, api/v1/user/<username>.",
    ),
]
Observed = Annotated[bool, BeforeValidator(truth)]


def name_or_none(value: object) -> str | None:
    return None if value is None else text(value)


NAMED = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^\S(.*\S)?$"}
GivenName = Annotated[
    LimitName | None,
    BeforeValidator(name_or_none),
    WithJsonSchema({"anyOf": [NAMED, {"type": "null"}]}),
]


class TierCreate(Schema):
    """A new tier, without limits of its own."""

    name: Name


class TierUpdate(Changes):
    """Another name for a tier."""

    name: Name = ""


class TierRead(Shown):
    """A group of people with the same limits."""

    id: int
    name: str
    created_at: datetime


class RateLimitCreate(Schema):
    """So many calls of a route, every so many seconds."""

    path: Path
    limit: Number
    period: Number
    name: GivenName = None
    observed: Observed = False


class RateLimitUpdate(Changes):
    """What may be sent of a limit."""

    path: Path = ""
    limit: Number = 1
    period: Number = 1
    name: GivenName = None
    observed: Observed = False


class RateLimitRead(Shown):
    """How often a tier may call a route."""

    id: int
    tier_id: int
    name: str
    path: str = Field(description="The route with underscores: api_v1_tasks_task.")
    limit: int
    period: int = Field(description="Seconds.")
    rule: str | None = Field(description="The route itself; null if it is not limited any more.")
    endpoint: str
    methods: list[str]
    observed: bool = Field(description="Whether it only counts, and refuses nothing.")

    @model_validator(mode="before")
    @classmethod
    def of(cls, given: Any) -> Any:
        return facts_of(given) if isinstance(given, RateLimit) else given


def facts_of(limit: RateLimit) -> dict[str, Any]:
    route = limited_routes().get(limit.route)
    door = route.for_programs if route else None
    path = door.path.strip("/").replace("/", "_") if door else limit.route
    same = {name: getattr(limit, name) for name in ("id", "tier_id", "limit", "period", "observed")}
    return {
        **same,
        "name": limit.name or f"{path}:{limit.limit}:{limit.period}",
        "path": path,
        "rule": door.path if door else None,
        "endpoint": limit.route,
        "methods": list(door.methods) if door else limit.methods.split(),
    }


class StandingRead(Shown):
    """Where the caller stands on a limited route now."""

    name: str
    endpoint: str
    path: str
    methods: list[str]
    tier: str | None
    reason: str = Field(description="rule; or why the default applies: no tier, no rule.")
    observed: bool
    limit: int
    period: int = Field(description="Seconds.")
    used: int
    left: int
    reset: int = Field(description="Seconds.")
    reset_at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class OwnLimits(Shown):
    """Every limit of the caller, the exhausted first."""

    data: list[StandingRead]
