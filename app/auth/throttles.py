"""Guesses at passwords are slowed down: by account and address, by address, and by account alone.

Each is counted by what was typed, so that nobody learns from it who has an account.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from flask import current_app, request
from flask_limiter import RequestLimit
from sqlalchemy import select

from app.audit.models import Event
from app.audit.trail import record
from app.counters import Window
from app.database import now
from app.extensions import counters, db, limiter, throttled_address
from app.programs import is_for_programs
from app.tries import count_try, is_first_refusal, used_up
from app.users.models import User
from app.users.one_time import digest

HOUR_SECONDS = 3600
OWN_TRIES, OWN_SECONDS = 10, 600
KNOWN_FOR = timedelta(days=90)
NOBODY = 0
COMING_IN = ("sign_in", "api.signed_in", "account.signed_up")

View = TypeVar("View", bound=Callable[..., Any])


def throttle() -> str:
    return str(current_app.config["SIGN_IN_THROTTLE"])


def throttle_per_address() -> str:
    return str(current_app.config["SIGN_IN_THROTTLE_PER_ADDRESS"])


def address_and_account() -> str:
    """Guesses at one account from one address: nobody else is locked out by them."""
    return f"{throttled_address()}/{account(login_of_form())}"


def login_of_form() -> str:
    """Who the request wants to be; programs have another word for it (OAuth 2)."""
    return request.form.get("username" if is_for_programs() else "login", "")


def throttled_sign_in(view: View) -> View:
    """Guesses at every door count together: per account and address, and per address."""
    shared: Any = partial(limiter.shared_limit, on_breach=note_throttled)
    per_account = shared(throttle, scope="sign-in", key_func=address_and_account)
    return shared(throttle_per_address, scope="sign-in-address")(per_account(view))


def account(login: str | None) -> str:
    """What was typed, alike for every spelling that names the same account."""
    return (login or "").strip().lower()[:254]


def typed(login: str | None) -> str:
    """As much of a login as the trail keeps."""
    return (login or "").strip()[:100]


def note_throttled(breached: RequestLimit) -> None:
    if is_first_refusal(breached.key, Window.at(counters.now(), breached.limit.get_expiry())):
        note_wait(login_of_form())


def note_wait(login: str | None) -> None:
    record("sign_in.throttled", detail=typed(login))
    db.session.commit()


def count_stranger(login: str | None, user: User | None) -> None:
    """Count a try at one account from wherever its owner has not signed in lately.

    Many addresses together get 100 an hour; each counts for at most 10 of them, so that one alone
    shuts nobody out. Asked before the password is checked, so that not one too many is. ``user``
    is who has that login, if anybody. Raises TooMany.
    """
    if is_known_here(user):
        return
    window = Window.at(counters.now(), HOUR_SECONDS)
    key = f"strangers/{digest(account(login))[:32]}"
    if not take_place(key, window):
        raise used_up(key, window, note=partial(note_wait, login))


def count_own_password(user: User) -> None:
    """Count a guess, from here, at the password of who is signed in: a copied session buys no more
    guesses than sign-in does, and locks the owner out nowhere else. Raises TooMany.
    """
    count_stranger(user.username, user)
    key = f"own-password/{user.id}/{throttled_address()}"
    count_try(key, OWN_TRIES, OWN_SECONDS, note=partial(note_wait, user.username))


def take_place(key: str, window: Window) -> bool:
    """Count one try; False once the account's tries are used up, whoever used them."""
    total, each = current_app.config["SIGN_IN_STRANGERS"]
    if counters.read(key, window) >= total:
        return False
    if counters.take(f"{key}/{throttled_address()}", window, each) > each:
        return True
    return counters.take(key, window, total) <= total


def is_known_here(user: User | None) -> bool:
    """Whether ``user`` came in from this address, or its network, in the last 90 days.

    One look at an index, which is taken for nobody too and is as quick for whoever signs in often:
    time tells nothing.
    """
    since, by = now() - KNOWN_FOR, user.id if user else NOBODY
    came_in = Event.since_from(since, throttled_address(), by, COMING_IN)
    return db.session.scalar(select(Event.id).where(came_in).limit(1)) is not None
