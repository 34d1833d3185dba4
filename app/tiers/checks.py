"""Whether each stored limit is on a route that counts."""

from collections.abc import Callable

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import limited_routes

log = structlog.get_logger()


def orphans() -> list[str]:
    """A sentence for each limit that limits nothing: its route is gone or not limited any more."""
    every = db.session.execute(
        select(Tier.name, RateLimit.route, RateLimit.methods)
        .join(RateLimit.tier)
        .order_by(Tier.name, RateLimit.id)
    )
    return [
        f"The limit of the tier {tier} on {route} ({methods}) limits nothing: there is no such "
        f"limited route. Remove it: flask limits remove {tier!r} {route}"
        for tier, route, methods in every
        if route not in limited_routes()
    ]


def warn(say: Callable[[str], object]) -> None:
    """Say so when a process starts; one that starts before its database goes on."""
    try:
        for sentence in orphans():
            say(f"Warning: {sentence}")
    except SQLAlchemyError as error:
        log.warning("limits.not_checked", error=type(error).__name__)
