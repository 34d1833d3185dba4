"""The limits of a tier, for operators' programs."""

from typing import Any

from flask import url_for
from sqlalchemy import select

from app.access import operators_only
from app.counting import total
from app.errors import Taken, answering
from app.extensions import db
from app.keyset import Order
from app.operations import Message, PageOf, Paging, check_version, operation
from app.paging import part_of
from app.programs import Problem, wrong
from app.tiers import deeds
from app.tiers.api import LIMITS, tier_named, tiers_api
from app.tiers.models import RateLimit, Tier
from app.tiers.routes import NoSuchRoute, Route, route_named
from app.tiers.schemas import NO_LIMIT, RateLimitCreate, RateLimitRead, RateLimitUpdate

EXAMPLE: dict[str, Any] = {"path": "api/v1/tasks/task", "limit": 10, "period": 3600}
ANOTHER: dict[str, Any] = {"limit": 20}


@tiers_api.get("/tier/<tier_name>/rate_limits")
@operators_only
@operation(LIMITS, query=Paging, gives=PageOf[RateLimitRead])
def limits(tier_name: str, query: Paging) -> PageOf[RateLimitRead]:
    """The limits of a tier, a page at a time."""
    found = select(RateLimit).where(RateLimit.tier_id == tier_named(tier_name).id)
    return part_of(found, Order((RateLimit.id,)), total(found), query, RateLimitRead)


@tiers_api.post("/tier/<tier_name>/rate_limit")
@operators_only
@operation(
    LIMITS,
    body=RateLimitCreate,
    gives=RateLimitRead,
    status=201,
    once=True,
    examples={"body": EXAMPLE},
)
def create_limit(tier_name: str, body: RateLimitCreate) -> tuple[RateLimitRead, str]:
    """Limit a route for a tier, from the next request."""
    tier, route = tier_named(tier_name), route_meant(body.path)
    limit = RateLimit(**body.model_dump(exclude={"path"}))
    limit.route, limit.methods = route.key, " ".join(route.methods)
    save(tier_name, route.key, lambda: deeds.add_limit(tier, limit))
    place = url_for(".show_limit", tier_name=tier.name, id=limit.id)
    return RateLimitRead.model_validate(limit), place


def route_meant(path: str) -> Route:
    """The route that ``path`` names, spelled in any way. Raises Problem with the nearest ones."""
    try:
        return route_named(path)
    except NoSuchRoute as missing:
        near = ", ".join(missing.near)
        sentence = f"This is no limited route, or several. Choose one of: {near}."
        raise Problem(422, [wrong(("path",), sentence, "value_error")]) from None


def save(tier_name: str, route: str, deed: Any) -> None:
    """Do it and commit. Raises Problem when the route has a limit, or Stale."""
    try:
        with answering({"route": "taken"}):
            deed()
            db.session.commit()
    except Taken as taken:
        raise Problem(422, deeds.already_there(tier_named(tier_name), route)) from taken


@tiers_api.get("/tier/<tier_name>/rate_limit/<int:id>")
@operators_only
@operation(LIMITS, gives=RateLimitRead)
def show_limit(tier_name: str, id: int) -> RateLimitRead:
    """A limit of a tier."""
    return RateLimitRead.model_validate(limit_of(tier_name, id))


def limit_of(tier_name: str, identifier: int) -> RateLimit:
    """Raises Problem 404."""
    tier: Tier = tier_named(tier_name)
    limit = next((each for each in tier.limits if each.id == identifier), None)
    if limit is None:
        raise Problem(404, NO_LIMIT)
    return limit


@tiers_api.patch("/tier/<tier_name>/rate_limit/<int:id>")
@operators_only
@operation(LIMITS, body=RateLimitUpdate, gives=Message, errors=(412,), examples={"body": ANOTHER})
def update_limit(tier_name: str, id: int, body: RateLimitUpdate) -> Message:
    """Change what was sent of a limit, from the next request."""
    limit = limit_of(tier_name, id)
    check_version(RateLimitRead.model_validate(limit))
    sent = body.sent
    route = route_meant(sent["path"]) if "path" in sent else None
    save(tier_name, route.key if route else limit.route, lambda: change(limit, route, sent))
    return Message(message="Rate Limit updated")


def change(limit: RateLimit, route: Route | None, sent: dict[str, Any]) -> None:
    requests, period = sent.get("limit", limit.limit), sent.get("period", limit.period)
    deeds.name_limit(limit, sent.get("name", limit.name))  # first: the other's undo has it as left
    deeds.change_limit(limit, requests, period, sent.get("observed"))
    if route:
        deeds.put_limit_on(limit, route)


@tiers_api.delete("/tier/<tier_name>/rate_limit/<int:id>")
@operators_only
@operation(LIMITS, gives=Message, errors=(412,))
def delete_limit(tier_name: str, id: int) -> Message:
    """Remove a limit; the default applies from the next request."""
    limit = limit_of(tier_name, id)
    check_version(RateLimitRead.model_validate(limit))
    save(tier_name, limit.route, lambda: deeds.remove_limit(limit.tier, limit))
    return Message(message="Rate Limit deleted")
