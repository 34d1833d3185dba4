"""What programs read and change about the person they act for."""

from typing import Annotated, Any, NoReturn

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_login import current_user
from pydantic import BaseModel, BeforeValidator, ConfigDict

from app.access import sign_in_required
from app.errors import Taken
from app.programs import Problem, read
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


class UserUpdate(BaseModel):
    """What may be sent about oneself; what is not sent stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[PersonName, BeforeValidator(text)] = ""
    username: Annotated[Username, BeforeValidator(text)] = ""
    profile_image_url: Annotated[str | None, BeforeValidator(picture)] = None
    email: Annotated[str, BeforeValidator(refused_address)] = ""


def user_json(user: User) -> dict[str, Any]:
    fields = ("id", "name", "username", "email", "profile_image_url", "tier_id")
    return {field: getattr(user, field) for field in fields}


@users_api.get("/user/me/")
@users_api.get("/user/me")
@sign_in_required
def me() -> ResponseReturnValue:
    """The person this token acts for."""
    return jsonify(user_json(current_user))


@users_api.patch("/user/<username>")
@sign_in_required
def update(username: str) -> ResponseReturnValue:
    """Change what was sent about oneself."""
    if username != current_user.username:
        raise Problem(403, "You can change only your own account.")
    sent = read(UserUpdate).model_dump(exclude_unset=True)
    change(myself(), sent)
    return jsonify(message="User updated")


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
