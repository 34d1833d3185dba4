"""What limits this caller on this route now: one answer for doors, pages and commands."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import current_app, g
from flask_login import current_user

from app.counters import Window
from app.errors import TooMany
from app.extensions import counters, db, throttled_address
from app.tiers.models import RateLimit
from app.tiers.routes import Route, limited_routes
from app.words import allowance

log = structlog.get_logger()


@dataclass(frozen=True)
class Caller:
    """Who counts: a person, or an address for strangers."""

    key: str
    tier_id: int | None
    tier_name: str | None = None
    is_person: bool = True


@dataclass(frozen=True)
class Standing:
    """What limits a caller on a route in the current window, and how much of it is used.

    ``reason`` is "rule", or why the default applies: "no tier", "no rule", "signed out".
    """

    route: Route
    caller: Caller
    limit: int
    period: int
    used: int
    window: Window
    reason: str

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exhausted(self) -> bool:
        return self.used >= self.limit

    @property
    def is_near(self) -> bool:
        """Whether four fifths are used, but not all."""
        return 0.8 * self.limit <= self.used < self.limit

    @property
    def reset_at(self) -> datetime:
        return datetime.fromtimestamp(self.window.end, UTC)

    @property
    def retry_after(self) -> int:
        """Whole seconds until the count returns to zero, at least 1."""
        return max(1, self.window.end - int(counters.now()))

    @property
    def phrase(self) -> str:
        return allowance(self.limit, self.period)


def current_caller() -> Caller:
    if not current_user.is_authenticated:
        return Caller(f"address:{throttled_address()}", None, is_person=False)
    return caller_of(current_user)


def caller_of(user: Any) -> Caller:
    """The caller that ``user`` (with ``id``, ``tier_id`` and ``tier``) is."""
    tier = user.tier
    return Caller(f"user:{user.id}", user.tier_id, tier.label if tier else None)


def policy_for(caller: Caller, route: Route) -> tuple[int, int, str]:
    """The limit, its period in seconds, and the reason."""
    default = (
        current_app.config["DEFAULT_RATE_LIMIT_LIMIT"],
        current_app.config["DEFAULT_RATE_LIMIT_PERIOD"],
    )
    if not caller.is_person:
        return (*default, "signed out")
    if caller.tier_id is None:
        return (*default, "no tier")
    rule = db.session.execute(RateLimit.of(caller.tier_id, route.key)).first()
    return (rule.limit, rule.period, "rule") if rule else (*default, "no rule")


def counter_key(caller: Caller, route: Route, period: int) -> str:
    return f"limit/{caller.key}/{route.key}/{period}"


def standing(caller: Caller, route: Route) -> Standing:
    """Where ``caller`` stands on ``route`` now. Asking costs no quota."""
    limit, period, reason = policy_for(caller, route)
    window = Window.at(counters.now(), period)
    used = counters.read(counter_key(caller, route, period), window)
    return Standing(route, caller, limit, period, min(used, limit), window, reason)


def standings(caller: Caller) -> list[Standing]:
    """Every limit of ``caller``: the exhausted first, then by share used."""
    every = [standing(caller, route) for route in limited_routes().values()]
    return sorted(every, key=lambda each: (-each.used / each.limit, each.route.name))


def spend(caller: Caller, route: Route, cost: int = 1) -> Standing:
    """Count one call, which takes ``cost`` of the limit, or all of it where that is less.

    Raises LimitReached, and counts nothing, when the window has no room.
    """
    limit, period, reason = policy_for(caller, route)
    window = Window.at(counters.now(), period)
    cost = min(cost, limit)  # so that it passes in the next window, as the answer says
    count = counters.take(counter_key(caller, route, period), window, limit, cost)
    used = count if count <= limit else min(count - cost, limit)
    now = Standing(route, caller, limit, period, used, window, reason)
    g.standing = now
    if count == cost:
        warn_of_default(now)
    if count > limit:
        raise LimitReached(now, cost)
    return now


def clear(caller: Caller, route: Route) -> None:
    """Give ``caller`` the whole of the current window back."""
    _, period, _ = policy_for(caller, route)
    counters.clear(counter_key(caller, route, period), Window.at(counters.now(), period))


def warn_of_default(standing: Standing) -> None:
    """Say in the log that no rule of a tier applied; asked once per caller, route and window."""
    if standing.reason in ("no tier", "no rule"):
        log.warning(
            "limits.default_applies",
            caller=standing.caller.key,
            route=standing.route.key,
            reason=standing.reason,
        )


class LimitReached(TooMany):
    """A caller has used the whole limit of a route, or more than leaves room for ``cost``."""

    def __init__(self, standing: Standing, cost: int = 1) -> None:
        super().__init__(standing.reset_at, again=standing.route.again, standing=standing)
        self.cost = cost

    @property
    def retry_after(self) -> int:
        return int(self.standing.retry_after)
