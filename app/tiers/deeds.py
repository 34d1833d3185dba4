"""What operators do to tiers and their limits, as the audit trail keeps it. The doors commit."""

from app.audit.trail import record
from app.extensions import db
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import limited_routes


def add(tier: Tier) -> None:
    """Store a new tier, on record with its limits. Raises IntegrityError when the name is taken."""
    db.session.add(tier)
    db.session.flush()  # gives it the id by which the trail knows it
    changes = {title(limit.route): (None, limit.on_record) for limit in tier.limits}
    record("tier.created", tier.as_subject, changes=changes)


def rename(tier: Tier, name: str) -> None:
    before = tier.name
    tier.name = name
    if name != before:
        record("tier.renamed", tier.as_subject, changes={"name": (before, name)})


def delete(tier: Tier) -> None:
    """Delete a tier; what it allowed stays readable in the trail."""
    changes = {title(limit.route): (limit.on_record, None) for limit in tier.limits}
    record("tier.deleted", tier.as_subject, changes=changes)
    db.session.delete(tier)


def add_limit(tier: Tier, limit: RateLimit) -> None:
    """Give ``tier`` a limit that is filled in."""
    tier.limits.append(limit)
    record("limit.created", tier.as_subject, changes={title(limit.route): (None, limit.on_record)})


def change_limit(
    limit: RateLimit, requests: int, period: int, observed: bool | None = None
) -> None:
    """Allow so many requests every ``period`` seconds; or only observe it, when that is given."""
    before = limit.on_record
    limit.limit, limit.period = requests, period
    if observed is not None:
        limit.observed = observed
    if limit.on_record != before:
        changes = {title(limit.route): (before, limit.on_record)}
        record("limit.changed", limit.tier.as_subject, changes=changes)


def remove_limit(tier: Tier, limit: RateLimit) -> None:
    record("limit.deleted", tier.as_subject, changes={title(limit.route): (limit.on_record, None)})
    tier.limits.remove(limit)


def title(key: str) -> str:
    """A route as the trail names it: "POST /tasks"; its key when there is no such route."""
    route = limited_routes().get(key)
    return f"{' '.join(route.methods)} {route.path}" if route else key
