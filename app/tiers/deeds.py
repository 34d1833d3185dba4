"""What operators do to tiers and their limits, as the audit trail keeps it. The doors commit."""

from collections.abc import Callable
from typing import Any

from app.audit.models import Event
from app.audit.trail import record
from app.errors import Refused, Stale
from app.extensions import db
from app.tiers import policy
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import Route, limited_routes
from app.words import count

Facts = dict[str, Any]
# What features above do for whoever leaves with a tier that is about to be deleted.
BEFORE_DELETION: list[Callable[[Tier], None]] = []


def add(tier: Tier) -> Event:
    """Store a new tier with the limits it has, on record. Raises IntegrityError when the name is
    taken."""
    db.session.add(tier)
    db.session.flush()  # gives it the id by which the trail knows it
    changes = {title(limit.route): (None, limit.on_record) for limit in tier.limits}
    undo = undo_of(tier, "", None, facts_of(tier))
    return record("tier.created", tier.as_subject, changes=changes, undo=undo)


def rename(tier: Tier, name: str) -> None:
    before, version = tier.name, tier.version
    if name == before:
        return
    tier.name = name
    undo = undo_of(tier, "name", {"name": before}, {"name": name, "version": version + 1})
    record("tier.renamed", tier.as_subject, changes={"name": (before, name)}, undo=undo)


def delete(tier: Tier) -> Event:
    """Delete a tier; what it allowed stays readable in the trail.

    Raises Refused while people are on it; nobody comes to it until the caller commits.
    """
    if held(tier.id) is None:
        raise Stale
    if tier.people:
        people = count(tier.people, "user")
        raise Refused(f"{people} on {tier.label}. Move them to another tier first.")
    for let_go in BEFORE_DELETION:
        let_go(tier)
    changes = {title(limit.route): (limit.on_record, None) for limit in tier.limits}
    undo = undo_of(tier, "", facts_of(tier), None)
    event = record("tier.deleted", tier.as_subject, changes=changes, undo=undo)
    db.session.delete(tier)
    return event


def held(identifier: int) -> Tier | None:
    """The tier as it is now; until the caller commits nobody else changes it or comes to it."""
    # Every change of a tier or a limit begins with the version: none waits for another in a ring.
    policy.moved(db.session.connection())
    tier = db.session.get(Tier, identifier, populate_existing=True, with_for_update=True)
    if tier is not None:
        db.session.expire(tier, ["limits", "people"])
    return tier


def add_limit(tier: Tier, limit: RateLimit) -> None:
    """Give ``tier`` a limit that is filled in. Raises IntegrityError when the route has one."""
    tier.limits.append(limit)
    db.session.flush()  # gives it its id
    note_limit(tier, limit)


def note_limit(tier: Tier, limit: RateLimit) -> None:
    changes = {title(limit.route): (None, limit.on_record)}
    undo = undo_of(tier, limit.route, None, facts_of_limit(limit))
    record("limit.created", tier.as_subject, changes=changes, undo=undo)


def change_limit(
    limit: RateLimit, requests: int, period: int, observed: bool | None = None
) -> None:
    """Allow so many requests every ``period`` seconds; ``observed`` stays as it is if not given."""
    before, said, tier = facts_of_limit(limit), limit.on_record, limit.tier
    limit.limit, limit.period = requests, period
    limit.observed = limit.observed if observed is None else observed
    if limit.on_record != said:
        after = {**facts_of_limit(limit), "version": before["version"] + 1}
        changes = {title(limit.route): (said, limit.on_record)}
        undo = undo_of(tier, limit.route, before, after)
        record("limit.changed", tier.as_subject, changes=changes, undo=undo)


def name_limit(limit: RateLimit, name: str | None) -> None:
    """Call it otherwise, where programs read it; None for what it is called by itself."""
    if name != limit.name:
        changes = {f"name of {title(limit.route)}": (limit.name, name)}
        record("limit.changed", limit.tier.as_subject, changes=changes)
        limit.name = name


def put_limit_on(limit: RateLimit, route: Route) -> None:
    """Limit another route instead. Raises IntegrityError when that has a limit."""
    if route.key != limit.route:
        note_removal(limit.tier, limit)
        limit.route, limit.methods = route.key, " ".join(route.methods)
        db.session.flush()
        note_limit(limit.tier, limit)


def remove_limit(tier: Tier, limit: RateLimit) -> None:
    note_removal(tier, limit)
    tier.limits.remove(limit)


def note_removal(tier: Tier, limit: RateLimit) -> None:
    changes = {title(limit.route): (limit.on_record, None)}
    undo = undo_of(tier, limit.route, facts_of_limit(limit), None)
    record("limit.deleted", tier.as_subject, changes=changes, undo=undo)


def already_there(tier: Tier, route: str) -> str:
    there = tier.limit_for(route)
    words = f"allows {there.on_record}" if there else "has a limit"
    return f"{tier.label} already {words} for {limited_routes()[route].name}. Edit it instead."


def title(key: str) -> str:
    """A route as the trail names it: "POST /tasks"; its key when there is no such route."""
    route = limited_routes().get(key)
    return f"{' '.join(route.methods)} {route.path}" if route else key


def undo_of(tier: Tier, part: str, before: Facts | None, after: Facts | None) -> Facts:
    """What it takes to put a change back (app/tiers/undoing.py)."""
    return {"thing": tier.mark, "part": part, "before": before, "after": after}


def facts_of(tier: Tier) -> Facts:
    limits = [facts_of_limit(limit) for limit in tier.limits]
    return {"name": tier.name, "version": tier.version, "limits": limits}


def facts_of_limit(limit: RateLimit) -> Facts:
    """A name only where there is one: older entries of the trail know none."""
    fields = ("id", "version", "route", "limit", "period", "observed")
    facts = {field: getattr(limit, field) for field in fields}
    return {**facts, "name": limit.name} if limit.name else facts
