"""What programs read and change about the person they act for."""

from typing import Annotated, Any, NoReturn

from flask import Blueprint
from flask_login import current_user
from pydantic import BeforeValidator

from app.access import sign_in_required
from app.errors import Taken
from app.operations import Message, Schema, Shown, check_version, operation
from app.programs import Problem
from app.users import deeds
from app.users.me import myself
from app.users.models import User
from app.users.rules import PersonName, Username, picture_url

users_api = Blueprint("users_api", __name__, url_prefix="/api/v1")

TAKEN = {"username": "Username not available", "email": "Email is already registered"}
CHANGE_ADDRESS = "Change your address on your profile page: the new one has to be confirmed."


def text(value: object) -> str:
    """JSON has other kinds of values than forms have."""
    if not isinstance(value, str):
        raise ValueError("Send a text")
    return value


def picture(value: object) -> str | None:
    return None if value is None else picture_url(text(value))


def refused_address(_value: object) -> NoReturn:
    raise ValueError(CHANGE_ADDRESS)


class UserUpdate(Schema):
    """What may be sent about oneself; what is not sent stays as it is."""

    name: Annotated[PersonName, BeforeValidator(text)] = ""
    username: Annotated[Username, BeforeValidator(text)] = ""
    profile_image_url: Annotated[str | None, BeforeValidator(picture)] = None
    email: Annotated[str, BeforeValidator(refused_address)] = ""


class UserRead(Shown):
    """A person."""

    id: int
    name: str
    username: str
    email: str
    profile_image_url: str | None
    tier_id: int | None


@users_api.get("/user/me/")
@users_api.get("/user/me")
@sign_in_required
@operation("Users", gives=UserRead)
def me() -> UserRead:
    """The person this token acts for."""
    return UserRead.model_validate(current_user)


@users_api.patch("/user/<username>")
@sign_in_required
@operation("Users", body=UserUpdate, gives=Message, errors=(412,))
def update(username: str, body: UserUpdate) -> Message:
    """Change what was sent about oneself."""
    if username != current_user.username:
        raise Problem(403, "You can change only your own account.")
    check_version(UserRead.model_validate(current_user))
    change(myself(), body.model_dump(exclude_unset=True))
    return Message(message="User updated")


def change(user: User, values: dict[str, Any]) -> None:
    """Commit it, on record. Raises Problem when a value belongs to somebody else."""
    before = {field: getattr(user, field) or "" for field in values}
    for field, value in values.items():
        setattr(user, field, value)
    deeds.note_edit(user, before, {field: value or "" for field, value in values.items()})
    try:
        deeds.save(user)
    except Taken as taken:
        raise Problem(422, TAKEN[taken.field]) from taken
