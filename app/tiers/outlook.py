"""What the recorded use of a limit tells: who was at it, and what another limit would refuse."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from app.counters import Window
from app.extensions import counters, db
from app.tiers import usage
from app.tiers.models import Tier, Usage
from app.tiers.rules import LARGEST
from app.tiers.usage import KEPT, SLICE_SECONDS, slice_at

DAY_SECONDS = 86400


@dataclass(frozen=True)
class Past:
    """The last 24 hours of a limit: how many people were at it, and what was refused to whom.

    Of an observed limit it is what would have been refused.
    """

    at_limit: int = 0
    refused: int = 0
    people: int = 0


@dataclass(frozen=True)
class WhatIf:
    """What a limit would have refused in the last 24 hours, and to how many people.

    ``waiting`` are at it already in the window that counts now, and wait ``until`` it ends; known
    only when the period stays. A limit whose period is no multiple of five minutes is reckoned
    from what was used within five minutes: then it is not ``exact``, and may be more.
    """

    refusals: int
    people: int
    waiting: int
    until: datetime
    exact: bool


def past(tier: Tier) -> dict[str, Past]:
    """The last 24 hours of a tier, by route."""
    usage.settle()
    full = case((Usage.is_full, Usage.user_id))
    refused = case((Usage.refused > 0, Usage.user_id))
    counted = (func.count(full.distinct()), func.sum(Usage.refused), func.count(refused.distinct()))
    rows = db.session.execute(
        select(Usage.route, *counted)
        .where(*used_on(tier), Usage.slice >= a_day_ago())
        .group_by(Usage.route)
    )
    return {route: Past(*numbers) for route, *numbers in rows}


def used_on(tier: Tier) -> tuple[ColumnElement[bool], ...]:
    """What people of ``tier`` used, not those of a deleted one whose id SQLite gave to it."""
    return Usage.tier_id == tier.id, Usage.slice >= slice_at(tier.created_at.timestamp())


def a_day_ago() -> int:
    return slice_at(counters.now() - DAY_SECONDS)


def what_if(tier: Tier, route: str, limit: int, period: int) -> WhatIf:
    """What ``limit`` calls every ``period`` seconds would mean for the people of a tier."""
    usage.settle()
    is_shorter = period < SLICE_SECONDS
    # Nobody calls more than LARGEST times, and PostgreSQL could not compare with more.
    allowed = min(LARGEST, limit * max(1, SLICE_SECONDS // period))
    refusals, people = db.session.execute(
        refused_by(tier, route, allowed, SLICE_SECONDS if is_shorter else period)
    ).one()
    window = Window.at(counters.now(), period)
    return WhatIf(
        refusals=int(refusals or 0),
        people=people,
        waiting=0 if is_shorter else db.session.scalar(at(tier, route, limit, window)) or 0,
        until=datetime.fromtimestamp(window.end, UTC),
        exact=period % SLICE_SECONDS == 0,
    )


def refused_by(tier: Tier, route: str, limit: int, period: int) -> Select[*tuple[Any, ...]]:
    """Of every person's calls in each window those past the limit, and how many people they are.

    Windows began before the 24 hours that are asked for, so they are added up from their start.
    """
    first = max(a_day_ago() // period * period, slice_at(counters.now() - KEPT.total_seconds()))
    slices = (
        select(Usage.user_id, Usage.slice, func.sum(Usage.calls).label("calls"))
        .where(*used_on(tier), Usage.route == route, Usage.slice >= first)
        .group_by(Usage.user_id, Usage.slice)
        .subquery()
    )
    window = slices.c.slice - slices.c.slice % period
    so_far = func.sum(slices.c.calls).over(
        partition_by=(slices.c.user_id, window), order_by=slices.c.slice
    )
    beyond = so_far - limit
    each = select(
        slices.c.user_id,
        slices.c.slice,
        case((beyond <= 0, 0), (beyond < slices.c.calls, beyond), else_=slices.c.calls).label("n"),
    ).subquery()
    return select(func.sum(each.c.n), func.count(each.c.user_id.distinct())).where(
        each.c.n > 0, each.c.slice >= a_day_ago()
    )


def at(tier: Tier, route: str, limit: int, window: Window) -> Select[*tuple[Any, ...]]:
    """How many people have had ``limit`` calls or more in ``window``."""
    of_window: tuple[ColumnElement[bool], ...] = (
        Usage.slice >= window.start,
        Usage.slice < window.end,
    )
    people = (
        select(Usage.user_id)
        .where(*used_on(tier), Usage.route == route, *of_window)
        .group_by(Usage.user_id)
        .having(func.sum(Usage.calls - Usage.refused) >= limit)
    )
    return select(func.count()).select_from(people.subquery())
