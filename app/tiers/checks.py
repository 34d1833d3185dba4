"""Whether each stored limit is on a route that counts."""

from sqlalchemy import select

from app.extensions import db
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import limited_routes


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
