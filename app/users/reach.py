"""What a program gets to of people: everybody to themselves, operators to all."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort
from flask_login import current_user

from app.access import sign_in_required
from app.extensions import db, limiter
from app.programs import Problem
from app.users.me import myself
from app.users.models import User

View = TypeVar("View", bound=Callable[..., Any])

ME = "me"  # in an address, whoever asks; nobody is called so (rules.py)
OWN_ONLY = "You may open and change only your own account."
NOBODY = "User not found"

# The page and the API count together.
throttled_sign_up: Any = limiter.shared_limit("20 per hour", scope="sign-up")


def own_or_operators(view: View) -> View:
    """Let people pass to themselves and operators to everybody; others get 403, whether or not
    there is such a person, before anything is read.
    """

    @wraps(view)
    def guarded(*args: Any, username: str, **kwargs: Any) -> Any:
        if not is_own(username) and not current_user.is_superuser:
            abort(403, OWN_ONLY)
        return view(*args, username=username, **kwargs)

    closed: Any = sign_in_required(guarded)
    return closed


def is_own(username: str) -> bool:
    return username in (ME, current_user.username)


def meant(username: str) -> User:
    """The living person whom an address names. Raises Problem 404."""
    if is_own(username):
        return myself()
    return found(db.session.scalar(User.by_username(username)))


def found(user: User | None) -> User:
    if user is None:
        raise Problem(404, NOBODY)
    return user
