"""Tiers, for programs; and where whoever asks stands. Their limits: limit_api."""

from typing import Any

from flask import Blueprint, url_for
from flask_login import current_user
from sqlalchemy import select

from app.access import operators_only, sign_in_required
from app.cached import cached
from app.counting import total
from app.errors import Taken, answering
from app.extensions import db
from app.keyset import Order
from app.operations import Message, PageOf, Paging, check_version, operation
from app.paging import part_of
from app.programs import Problem
from app.tiers import deeds, policy
from app.tiers.explained import as_json
from app.tiers.limits import caller_of, standings
from app.tiers.models import Tier
from app.tiers.schemas import NO_TIER, OwnLimits, TierCreate, TierRead, TierUpdate

tiers_api = Blueprint("tiers_api", __name__, url_prefix="/api/v1")

TAG, LIMITS = "Tiers", "Rate limits"
TAKEN = "Tier Name not available"
EXAMPLE: dict[str, Any] = {"body": {"name": "pro"}}


@tiers_api.get("/rate_limits/me")
@sign_in_required
@operation(LIMITS, gives=OwnLimits)
def mine() -> OwnLimits:
    """Every limit that applies to whoever asks, the exhausted first. Asking costs no quota."""
    data = [as_json(each) for each in standings(caller_of(current_user))]
    return OwnLimits.model_validate({"data": data})


def version(**_address: Any) -> int:
    """It moves in the transaction of whatever changes a tier, by any door, command or undo."""
    return policy.stored_version()


kept = cached(key_prefix="tiers", expiration=60, shared=True, version=version)


@tiers_api.get("/tiers")
@sign_in_required
@kept
@operation(TAG, query=Paging, gives=PageOf[TierRead])
def index(query: Paging) -> PageOf[TierRead]:
    """The tiers, a page at a time."""
    every = select(Tier)
    return part_of(every, Order((Tier.id,)), total(every), query, TierRead)


@tiers_api.post("/tier")
@operators_only
@operation(TAG, body=TierCreate, gives=TierRead, status=201, once=True, examples=EXAMPLE)
def create(body: TierCreate) -> tuple[TierRead, str]:
    """Make a tier, without limits of its own."""
    tier = Tier(name=body.name)
    save(lambda: deeds.add(tier))
    return TierRead.model_validate(tier), url_for(".show", name=tier.name)


def save(deed: Any) -> None:
    """Do it and commit. Raises Problem when the name is taken, or Stale."""
    try:
        with answering({"name": TAKEN}):
            deed()
            db.session.commit()
    except Taken as taken:
        raise Problem(422, taken.sentence) from taken


@tiers_api.get("/tier/<name>")
@sign_in_required
@kept
@operation(TAG, gives=TierRead)
def show(name: str) -> TierRead:
    """A tier."""
    return TierRead.model_validate(tier_named(name))


def tier_named(name: str) -> Tier:
    """Raises Problem 404."""
    tier = db.session.scalar(Tier.by_name(name))
    if tier is None:
        raise Problem(404, NO_TIER)
    return tier


@tiers_api.patch("/tier/<name>")
@operators_only
@operation(TAG, body=TierUpdate, gives=Message, errors=(412,), examples=EXAMPLE)
def update(name: str, body: TierUpdate) -> Message:
    """Rename a tier."""
    tier = tier_named(name)
    check_version(TierRead.model_validate(tier))
    save(lambda: deeds.rename(tier, body.name if body.sent else tier.name))
    return Message(message="Tier updated")


@tiers_api.delete("/tier/<name>")
@operators_only
@operation(TAG, gives=Message, errors=(412,))
def delete(name: str) -> Message:
    """Delete a tier that nobody is on, with its limits."""
    tier = tier_named(name)
    check_version(TierRead.model_validate(tier))
    save(lambda: deeds.delete(tier))
    return Message(message="Tier deleted")
