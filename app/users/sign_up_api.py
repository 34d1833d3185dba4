"""Programs make accounts, where sign-up is open.

Other than the pages, which make none before a mailed link was used, this tells whose address and
name are taken, as clients of this API expect (docs/security.md).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import current_app, url_for
from flask_login import current_user

from app.access import open_to_strangers
from app.config import Settings
from app.errors import Taken
from app.extensions import db
from app.operations import operation
from app.programs import Problem
from app.tiers.models import Tier
from app.users import deeds
from app.users.api import TAKEN, users_api
from app.users.mail_tasks import ask_to_confirm
from app.users.models import User
from app.users.reach import throttled_sign_up
from app.users.schemas import UserCreate, UserRead

View = TypeVar("View", bound=Callable[..., Any])

CLOSED = "Sign-up is closed here. Ask whoever runs this place for an account."
EXAMPLE = {
    "name": "Bob Baker",
    "username": "bob",
    "email": "bob@example.com",
    "password": "seven green bottles",
}


def while_sign_up_is_open(view: View) -> View:
    """Refuse everybody with 403 while it is closed, before anything is read."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        settings: Settings = current_app.config["SETTINGS"]
        if settings.sign_up != "open":
            raise Problem(403, CLOSED)
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


@users_api.post("/user")
@throttled_sign_up
@open_to_strangers
@while_sign_up_is_open
@operation(
    "Users",
    body=UserCreate,
    gives=UserRead,
    status=201,
    errors=(429,),
    once=True,
    examples={"body": EXAMPLE},
)
def create(body: UserCreate) -> tuple[UserRead, str]:
    """Make an account, where sign-up is open.

    A link to confirm the address is mailed to it, where the site sends mail.
    """
    user = User(**body.model_dump(exclude={"password"}), password_hash=body.password_hash)
    first_tier = current_app.config["SETTINGS"].tier_name
    user.tier = db.session.scalar(Tier.by_name(first_tier))
    try:
        deeds.add(user, ask_to_confirm, by_themselves=not current_user.is_authenticated)
    except Taken as taken:
        raise Problem(422, TAKEN[taken.field]) from taken
    return UserRead.model_validate(user), url_for(".show", username=user.username)
