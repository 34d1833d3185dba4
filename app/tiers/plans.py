"""What a file of limits would change, in words, and the deeds that change it. The door commits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import selectinload, undefer

from app.audit.trail import printable
from app.errors import Missing
from app.extensions import db
from app.tiers import deeds, policy
from app.tiers.files import Draft, WrittenLimit, WrittenTier
from app.tiers.models import RateLimit, Tier
from app.tiers.plain_yaml import Unreadable
from app.tiers.routes import limited_routes, route_named
from app.words import count

PATIENCE = "10s"


@dataclass(frozen=True)
class Change:
    """A difference between the file and the database: its lines, and what ends it."""

    lines: tuple[str, ...]
    make: Callable[[], Any]


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...]
    left_alone: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        return [line for change in self.changes for line in change.lines]

    def carry_out(self) -> None:
        for change in self.changes:
            change.make()


def hold_still() -> None:
    """Let nobody else add or remove tiers, limits or people of a tier until this transaction ends.

    So what is read after it is still so when it is changed. Raises OperationalError when somebody
    else takes too long.
    """
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    # Whoever changes a tier or a limit begins with the version, too: nobody waits in a ring.
    policy.moved(db.session.connection())
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE tiers IN EXCLUSIVE MODE"))


def saved_tiers() -> Sequence[Tier]:
    every = Tier.all_by_name().options(selectinload(Tier.limits), undefer(Tier.people))
    return db.session.scalars(every).all()


def compare(draft: Draft, prune: bool) -> Plan:
    """What it takes that each tier of the file allows what the file says, and nothing else.

    With ``prune``, tiers that it does not name go too. Raises Unreadable when that cannot be.
    """
    saved = {tier.name: tier for tier in saved_tiers()}
    named = {tier.name for tier in draft.tiers}
    others = [tier for name, tier in saved.items() if name not in named]
    problems = [*draft.problems]
    wanted = {each.name: limits_of(each, saved.get(each.name), problems) for each in draft.tiers}
    sentences = [sentence for _, sentence in sorted(problems)]
    sentences += [in_use(tier) for tier in others if prune and tier.people]
    if sentences:
        raise Unreadable(*sentences)
    changes: list[Change] = []
    for name, limits in wanted.items():
        there = saved.get(name)
        changes += changes_of(there, limits) if there else [new_tier(name, limits)]
    changes += [no_tier(tier) for tier in others if prune]
    return Plan(tuple(changes), () if prune else tuple(tier.name for tier in others))


def in_use(tier: Tier) -> str:
    people = f"{count(tier.people, 'user')} on it"
    return f"{tier.name} is not in the file, and has {people}. Move them to another tier first."


def limits_of(
    tier: WrittenTier, saved: Tier | None, problems: list[tuple[int, str]]
) -> list[RateLimit]:
    """The limits that a file wants a tier to have, by their routes; what is wrong is noted."""
    found: dict[str, tuple[int, RateLimit]] = {}
    for limit in tier.limits:
        place = f"line {limit.line}: {tier.name}"
        try:
            wanted = limit_of(limit, saved)
        except Missing as missing:
            problems.append((limit.line, printable(f"{place}: {missing.description}", 300)))
            continue
        line, first = found.setdefault(wanted.route, (limit.line, wanted))
        if first is not wanted:
            twice = f"{place}: {limit.route}: This route has a limit on line {line} already."
            problems.append((limit.line, printable(twice, 300)))
    return [wanted for _, wanted in found.values()]


def limit_of(written: WrittenLimit, saved: Tier | None) -> RateLimit:
    """Raises Missing when there is no such route, unless the tier has a limit on it all the same:
    a route that went away is no reason to refuse what was exported."""
    orphan = saved.limit_for(written.route) if saved else None
    if orphan and orphan.route not in limited_routes():
        limit = orphan.twin()
    else:
        route = route_named(written.route)
        limit = RateLimit(route=route.key, methods=" ".join(route.methods))
    limit.limit, limit.period, limit.observed = written.limit, written.period, written.observed
    return limit


def changes_of(tier: Tier, wanted: list[RateLimit]) -> Iterator[Change]:
    """What turns the limits of a tier into those that are wanted."""
    routes = {limit.route for limit in wanted}
    for limit in wanted:
        there = tier.limit_for(limit.route)
        if there is None:
            yield new_limit(tier, limit)
        elif there.on_record != limit.on_record:
            yield other_limit(there, limit)
    for limit in tier.limits:
        if limit.route not in routes:
            yield no_limit(tier, limit)


def new_tier(name: str, limits: list[RateLimit]) -> Change:
    lines = (f"+ {name}: {said(limit)}" for limit in limits)
    return Change(
        (f"+ {name}: a new tier", *lines), lambda: deeds.add(Tier(name=name, limits=limits))
    )


def no_tier(tier: Tier) -> Change:
    line = f"- {tier.name}: the tier, with {count(len(tier.limits), 'limit')} (not in the file)"
    return Change((line,), lambda: deeds.delete(tier))


def new_limit(tier: Tier, limit: RateLimit) -> Change:
    return Change((f"+ {tier.name}: {said(limit)}",), lambda: deeds.add_limit(tier, limit))


def no_limit(tier: Tier, limit: RateLimit) -> Change:
    line = f"- {tier.name}: {said(limit)} (not in the file)"
    return Change((line,), lambda: deeds.remove_limit(tier, limit))


def other_limit(limit: RateLimit, wanted: RateLimit) -> Change:
    line = f"~ {limit.tier.name}: {said(limit)} → {wanted.on_record}"
    numbers = (wanted.limit, wanted.period, wanted.observed)
    return Change((line,), lambda: deeds.change_limit(limit, *numbers))


def said(limit: RateLimit) -> str:
    route = limited_routes().get(limit.route)
    return f"{route.name if route else limit.route} {limit.on_record}"
