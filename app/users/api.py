"""What programs read and change about a person: everybody of themselves, operators of all.

More doors: admin_api, sign_up_api.
"""

from typing import Any

from flask import Blueprint
from flask_login import current_user

from app.access import sign_in_required
from app.errors import Taken
from app.operations import Message, check_version, operation
from app.programs import Problem, wrong
from app.users import deeds
from app.users.mail_tasks import tell_address_before, tell_of_leaving
from app.users.me import myself
from app.users.models import User
from app.users.reach import is_own, meant, own_or_operators
from app.users.schemas import UserRead, UserTier, UserUpdate

users_api = Blueprint("users_api", __name__, url_prefix="/api/v1")

TAKEN = {"username": "Username not available", "email": "Email is already registered"}
CHANGE_ADDRESS = "Change your address on your profile page: the new one has to be confirmed."


@users_api.get("/user/me/")
@users_api.get("/user/me")
@sign_in_required
@operation("Users", gives=UserRead)
def me() -> UserRead:
    """The person this token acts for."""
    return UserRead.model_validate(current_user)


@users_api.patch("/user/me")
@sign_in_required
@operation("Users", body=UserUpdate, gives=Message, errors=(412,))
def update_me(body: UserUpdate) -> Message:
    """Change what was sent about the person this token acts for."""
    return changed(myself(), body)


@users_api.delete("/user/me")
@sign_in_required
@operation("Users", gives=Message, errors=(412,))
def delete_me() -> Message:
    """Delete the person this token acts for. Tokens and sessions end at once."""
    return deleted(myself())


@users_api.get("/user/<username>")
@own_or_operators
@operation("Users", gives=UserRead, errors=(403,))
def show(username: str) -> UserRead:
    """A person: oneself, or for operators anybody."""
    return UserRead.model_validate(meant(username))


@users_api.patch("/user/<username>")
@own_or_operators
@operation(
    "Users",
    body=UserUpdate,
    gives=Message,
    errors=(412,),
    examples={"body": {"name": "Robert Baker"}},
)
def update(username: str, body: UserUpdate) -> Message:
    """Change what was sent about oneself, or for operators about anybody.

    One's own address is changed on the profile page. When an operator changes it, it counts as
    unconfirmed, and the old one is told.
    """
    return changed(meant(username), body)


def changed(user: User, body: UserUpdate) -> Message:
    check_version(UserRead.model_validate(user))
    check_address(user, body.sent)
    change(user, body.sent)
    return Message(message="User updated")


def check_address(user: User, values: dict[str, Any]) -> None:
    """Raise Problem when people would change their own without confirming it."""
    if values.get("email", user.email) != user.email and is_own(user.username):
        raise Problem(422, [wrong(("email",), CHANGE_ADDRESS, "value_error")])


def change(user: User, values: dict[str, Any]) -> None:
    """Commit it, on record. Raises Problem when a value belongs to somebody else."""
    before = {field: getattr(user, field) or "" for field in values}
    if values.get("email", user.email) != user.email:
        tell_address_before(user)
        user.take_address(values["email"])
    for field, value in values.items():
        setattr(user, field, value)
    deeds.note_edit(user, before, {field: value or "" for field, value in values.items()})
    try:
        deeds.save(user)
    except Taken as taken:
        raise Problem(422, TAKEN[taken.field]) from taken


@users_api.delete("/user/<username>")
@own_or_operators
@operation("Users", gives=Message, errors=(412,))
def delete(username: str) -> Message:
    """Delete oneself, or for operators somebody else, who can be restored.

    Tokens and sessions end at once.
    """
    return deleted(meant(username))


def deleted(user: User) -> Message:
    check_version(UserRead.model_validate(user))
    if is_own(user.username):
        tell_of_leaving(user)
        deeds.leave(user)
    else:
        deeds.delete(user, current_user)
    return Message(message="User deleted")


@users_api.get("/user/<username>/tier")
@own_or_operators
@operation("Users", gives=UserTier | None, errors=(403,))
def show_tier(username: str) -> UserTier | None:
    """A person with their tier; null for somebody without one."""
    return with_tier(meant(username))


def with_tier(user: User) -> UserTier | None:
    if user.tier is None:
        return None
    facts = {"tier_name": user.tier.name, "tier_created_at": user.tier.created_at}
    return UserTier(**UserRead.model_validate(user).model_dump(), **facts)
