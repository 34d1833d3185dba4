"""What operators' programs do about people, besides what people do about themselves (api)."""

from flask_login import current_user

from app.access import operators_only
from app.counting import WITH_WORDS, total
from app.extensions import db
from app.operations import Message, PageOf, check_version, operation
from app.paging import part_of
from app.programs import Problem
from app.tiers.models import Tier
from app.tiers.schemas import NO_TIER, RateLimitRead
from app.users import deeds
from app.users.api import users_api, with_tier
from app.users.found import matching, order
from app.users.models import User
from app.users.reach import ME, found, meant
from app.users.schemas import TierMove, UserLimits, UserQuery, UserRead


@users_api.get("/users")
@operators_only
@operation("Users", query=UserQuery, gives=PageOf[UserRead])
def index(query: UserQuery) -> PageOf[UserRead]:
    """The people that match, a page at a time."""
    asked = {"q": query.q, "tier": query.tier}
    people = matching(**asked, state="deleted" if query.deleted else "")
    many = total(people, WITH_WORDS if query.q else None)
    return part_of(people, order(query.sort), many, query, UserRead)


@users_api.delete("/db_user/<username>")
@operators_only
@operation("Users", gives=Message, errors=(412,))
def erase(username: str) -> Message:
    """Take a person out of the database for good, deleted before or not.

    Their tokens, sessions and second factors go too; the audit trail stays.
    """
    user = anybody(username)
    check_version(UserRead.model_validate(user))
    deeds.erase(user, current_user)
    return Message(message="User deleted from the database")


def anybody(username: str) -> User:
    """The living person of that name, else the one deleted last. Raises Problem 404."""
    if username == ME:
        return meant(username)
    return found(db.session.scalar(User.any_by_username(username)))


@users_api.post("/user/<username>/restore")
@operators_only
@operation("Users", gives=UserRead)
def restore(username: str) -> UserRead:
    """Bring back who was deleted last of that name."""
    user = found(db.session.scalar(User.deleted_by_username(username)))
    deeds.restore(user)
    return UserRead.model_validate(user)


@users_api.get("/user/<username>/rate_limits")
@operators_only
@operation("Users", gives=UserLimits)
def show_limits(username: str) -> UserLimits:
    """A person with the limits of their tier."""
    user = meant(username)
    limits = user.tier.limits if user.tier else []
    shown = [RateLimitRead.model_validate(limit) for limit in limits]
    return UserLimits(**UserRead.model_validate(user).model_dump(), tier_rate_limits=shown)


@users_api.patch("/user/<username>/tier")
@operators_only
@operation("Users", body=TierMove, gives=Message, errors=(412,), examples={"body": {"tier_id": 2}})
def move(username: str, body: TierMove) -> Message:
    """Move a person to another tier, whose limits count from the next request."""
    user = meant(username)
    check_version(with_tier(user))
    deeds.move(user, tier_of(body.tier_id))
    return Message(message=f"User {user.name} Tier updated")


def tier_of(identifier: int | None) -> Tier | None:
    tier = None if identifier is None else db.session.get(Tier, identifier)
    if tier is None and identifier is not None:
        raise Problem(404, NO_TIER)
    return tier
