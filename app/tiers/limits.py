"""What limits this caller on this route now: one answer for doors, pages and commands."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import g
from flask_login import current_user

from app.counters import Window
from app.counts import Note, Outdated
from app.errors import TooMany
from app.extensions import counters, throttled_address
from app.tiers import policy, usage
from app.tiers.policy import Policy, Rule
from app.tiers.routes import Route, limited_routes
from app.words import allowance

log = structlog.get_logger()


@dataclass(frozen=True)
class Caller:
    """Who counts: a person, or an address for strangers."""

    key: str
    tier_id: int | None
    is_person: bool = True


@dataclass(frozen=True)
class Standing:
    """What limits a caller on a route in the current window, and how much of it is used."""

    route: Route
    caller: Caller
    rule: Rule
    tier_name: str | None
    used: int
    window: Window

    @property
    def limit(self) -> int:
        return self.rule.limit

    @property
    def period(self) -> int:
        return self.rule.period

    @property
    def reason(self) -> str:
        """ "rule", or why the default applies: "no tier", "no rule", "signed out"."""
        return self.rule.reason

    @property
    def is_observed(self) -> bool:
        """Whether it only counts: a call past it passes."""
        return self.rule.observed

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exhausted(self) -> bool:
        return self.used >= self.limit and not self.is_observed

    @property
    def is_near(self) -> bool:
        """Whether four fifths are used, but not all."""
        return 0.8 * self.limit <= self.used < self.limit and not self.is_observed

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
    """The caller that ``user`` (with ``id`` and ``tier_id``) is."""
    return Caller(f"user:{user.id}", user.tier_id)


def counter_key(caller: Caller, route: Route, period: int) -> str:
    return f"limit/{caller.key}/{route.key}/{period}"


def placed(known: Policy, caller: Caller, route: Route) -> tuple[Rule, str, Window]:
    """The rule for ``caller``, the key of its count, and the window that counts now."""
    rule = known.rule_for(caller.tier_id, route.key, caller.is_person)
    key = counter_key(caller, route, rule.period)
    return rule, key, Window.at(counters.now(), rule.period)


def standing(caller: Caller, route: Route, known: Policy | None = None) -> Standing:
    """Where ``caller`` stands on ``route`` now. Asking costs no quota."""
    known = known or policy.fresh()
    rule, key, window = placed(known, caller, route)
    used = min(counters.read(key, window), rule.limit)
    return Standing(route, caller, rule, known.tiers.get(caller.tier_id or 0), used, window)


def standings(caller: Caller) -> list[Standing]:
    """Every limit of ``caller``: the exhausted first, then by share used, the observed last."""
    known = policy.fresh()
    every = [standing(caller, route, known) for route in limited_routes().values()]
    return sorted(every, key=urgency)


def urgency(standing: Standing) -> tuple[bool, float, str]:
    return standing.is_observed, -standing.used / standing.limit, standing.route.name


def spend(caller: Caller, route: Route, cost: int = 1) -> Standing:
    """Count one call, which takes ``cost`` of the limit, or all of it where that is less.

    Raises LimitReached, and counts nothing, when the window has no room.
    """
    try:
        now, count = take(policy.kept(), caller, route, cost)
    except Outdated:
        now, count = take(policy.changed(), caller, route, cost, is_fresh=True)
    usage.settle_own_past()
    g.standing = now
    cost = min(cost, now.limit)
    if count == cost:
        warn_of_default(now)
    if count > now.limit and not now.is_observed:
        raise LimitReached(now, cost)
    return now


def take(
    known: Policy, caller: Caller, route: Route, cost: int, is_fresh: bool = False
) -> tuple[Standing, int]:
    """Count one call by ``known``. Raises Outdated when that has changed, unless it is fresh."""
    rule, key, window = placed(known, caller, route)
    cost = min(cost, rule.limit)  # so that it passes in the next window, as the answer says
    note = Note(
        version=None if is_fresh else known.version,
        slice=usage.slice_at(counters.now()),
        who=usage.written(caller.key, caller.tier_id, route.key) if caller.is_person else "",
        enforced=not rule.observed,
    )
    count = counters.take(key, window, rule.limit, cost, note)
    used = count - cost if count > rule.limit and not rule.observed else count
    tier_name = known.tiers.get(caller.tier_id or 0)
    return Standing(route, caller, rule, tier_name, min(used, rule.limit), window), count


def clear(caller: Caller, route: Route) -> None:
    """Give ``caller`` the whole of the current window back."""
    _, key, window = placed(policy.fresh(), caller, route)
    counters.clear(key, window)


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
