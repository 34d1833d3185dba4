"""How what was done to tiers and limits is taken back, by the deeds that do it."""

from datetime import datetime
from typing import Any

from app.audit.models import Event
from app.audit.undo import leads_to, undoes
from app.errors import Refused, Stale, Taken, answering
from app.extensions import db
from app.tiers import deeds
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import called, limited_routes
from app.words import count


@leads_to("tier")
def tier_of(event: Event) -> str:
    tier = db.session.scalar(Tier.by_mark(event.subject_id or 0, kept(event)["thing"]))
    return f"Open {tier.label} to edit." if tier else f"The tier {event.subject_name} is deleted."


@undoes("tier.created")
def undo_creation(event: Event) -> str:
    tier = held_tier(event)
    demand(deeds.facts_of(tier) == kept(event)["after"])
    deeds.delete(tier)
    return f"{tier.label} tier deleted again"


@undoes("tier.renamed")
def undo_renaming(event: Event) -> str:
    tier, name = held_tier(event), kept(event)["before"]["name"]
    demand({"name": tier.name, "version": tier.version} == kept(event)["after"])
    try:
        with answering({"name": f"There is another tier named {name} by now. Rename it first."}):
            deeds.rename(tier, name)
            db.session.flush()
    except Taken as taken:
        raise Refused(taken.sentence) from taken
    return f"The tier is {name} again"


@undoes("tier.deleted")
def undo_deletion(event: Event) -> str:
    """Bring the tier back by its old id, so that what the trail says of it leads there."""
    tier, gone = as_it_was(event)
    try:
        with answering({"name": f"There is another tier named {tier.name} by now."}):
            deeds.add(tier)
    except Taken as taken:
        raise Refused(f"{taken.sentence} Rename or delete it first.") from taken
    without = f". Not limited any more: {', '.join(gone)}" if gone else ""
    return f"{tier.label} is back with {count(len(tier.limits), 'limit')}{without}"


def as_it_was(event: Event) -> tuple[Tier, list[str]]:
    """The tier with the limits it had, and the routes of those that would limit nothing now."""
    before = kept(event)["before"]
    tier = Tier(name=before["name"], created_at=datetime.fromisoformat(kept(event)["thing"]))
    if event.subject_id and db.session.get(Tier, event.subject_id) is None:
        tier.id = event.subject_id  # else SQLite gave it to another one
    for facts in before["limits"]:
        if facts["route"] in limited_routes():
            tier.limits.append(limit_from(facts))
    return tier, [each["route"] for each in before["limits"] if not tier.limit_for(each["route"])]


@undoes("limit.created")
def undo_adding(event: Event) -> str:
    tier = held_tier(event)
    limit = limit_as_left(tier, event)
    deeds.remove_limit(tier, limit)
    return f"Limit for {called(limit.route)} removed again"


@undoes("limit.changed")
def undo_change(event: Event) -> str:
    limit, before = limit_as_left(held_tier(event), event), kept(event)["before"]
    demand_limited(limit.route)
    deeds.change_limit(limit, before["limit"], before["period"], before["observed"])
    return again(limit)


@undoes("limit.deleted")
def undo_removal(event: Event) -> str:
    tier, before = held_tier(event), kept(event)["before"]
    demand(tier.limit_for(before["route"]) is None)
    demand_limited(before["route"])
    limit = limit_from(before)
    deeds.add_limit(tier, limit)
    return again(limit)


def kept(event: Event) -> dict[str, Any]:
    return event.undo or {}


def held_tier(event: Event) -> Tier:
    """The tier as it is now, which nobody else changes meanwhile. Raises Stale when it is gone."""
    tier = deeds.held(event.subject_id or 0)
    if tier is None or tier.mark != kept(event)["thing"]:
        raise Stale
    return tier


def limit_as_left(tier: Tier, event: Event) -> RateLimit:
    """The limit that ``event`` added or changed. Raises Stale unless it is as it was then."""
    after = kept(event)["after"]
    limit = tier.limit_for(after["route"])
    if limit is None or deeds.facts_of_limit(limit) != after:
        raise Stale
    return limit


def demand(is_as_left: bool) -> None:
    if not is_as_left:
        raise Stale


def demand_limited(route: str) -> None:
    if route not in limited_routes():
        raise Refused(f"{route} is not limited any more, so its limit cannot come back.")


def limit_from(facts: dict[str, Any]) -> RateLimit:
    """A new limit of the same numbers, for the methods that the route has now."""
    methods = " ".join(limited_routes()[facts["route"]].methods)
    fields = {name: facts[name] for name in ("route", "limit", "period", "observed")}
    return RateLimit(**fields, methods=methods, name=facts.get("name"))


def again(limit: RateLimit) -> str:
    """ "Background tasks allows 10 requests per hour again" """
    return f"{called(limit.route)} allows {limit.on_record} again"
