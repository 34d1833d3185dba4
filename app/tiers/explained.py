"""Where a caller stands on a limited route, as programs and people at a terminal read it."""

from typing import Any

from app.extensions import counters
from app.tiers.limits import Standing
from app.words import count, duration

REASONS = {
    "rule": "the limit of the tier {tier} on this route",
    "no rule": "the default, since the tier {tier} has no limit on this route",
    "no tier": "the default, since they have no tier",
    "signed out": "the default, since nobody is signed in",
}
NOT_KNOWN = "not known here: without Redis each process has counts of its own"


def why(standing: Standing) -> str:
    reason = REASONS[standing.reason].format(tier=standing.tier_name)
    return f"{reason}, observed only: nothing is refused" if standing.is_observed else reason


def as_json(standing: Standing) -> dict[str, Any]:
    """What ``GET /api/v1/rate_limits/me`` tells of one route; ``period`` and ``reset`` in seconds,
    ``reset_at`` in UTC (ISO 8601)."""
    route = standing.route
    return {
        "name": route.name,
        "endpoint": route.key,
        "path": route.path,
        "methods": list(route.methods),
        "tier": standing.tier_name,
        "reason": standing.reason,
        "observed": standing.is_observed,
        "limit": standing.limit,
        "period": standing.period,
        "used": standing.used,
        "left": standing.left,
        "reset": standing.retry_after,
        "reset_at": standing.reset_at.isoformat(),
    }


def from_outside(standing: Standing) -> dict[str, Any]:
    """The same for another process than the one that counts; ``used`` and ``left`` are null where
    it cannot know them."""
    told = {**as_json(standing), "counted_by": standing.caller.key}
    return {**told, "used": None, "left": None} if counters.is_lone else told


def in_words(standing: Standing) -> str:
    """Five lines for a terminal of another process."""
    used = f"{standing.used} of {standing.limit}, {count(standing.left, 'call')} left"
    lines = {
        "Route": standing.route.label,
        "Limit": f"{standing.phrase}: {why(standing)}",
        "Used": NOT_KNOWN if counters.is_lone else used,
        "Resets": f"{standing.reset_at:%Y-%m-%d %H:%M:%S} UTC, in {duration(standing.retry_after)}",
        "Counted": f"as {standing.caller.key}",
    }
    return "\n".join(f"{name:<8} {value}" for name, value in lines.items())
