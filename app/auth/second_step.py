"""Between the right password and a session: the step that asks for a second factor.

The step is a one-time token in the browser's cookie, bound to the account as it was when the
password was right. Without it no code is looked at; no session begins before it is spent.
"""

from functools import partial

from flask import session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.audit.trail import record
from app.auth import sessions
from app.errors import TooMany
from app.extensions import db, throttled_address
from app.factors import checks, passkeys
from app.factors.rules import bare, is_app_code
from app.htmx import own_page, redirect_with
from app.tries import count_try as count
from app.users import links
from app.users.models import User
from app.users.one_time import MOST_TRIES, OneTimeToken

STEP, ALONE = "second_step", "passkey_step"  # what the cookie calls the two kinds of steps
LONGEST_TARGET = 2000
PURPOSES = {STEP: "factor", ALONE: "sign-in"}

# Guesses at one account from one address: nobody elsewhere is locked out by them.
TRIES, TRIES_SECONDS = 10, 600
# Nobody guesses a passkey, but each answer is some work; people may share an address.
PASSKEY_TRIES, PASSKEY_SECONDS = 60, 180
DAY_SECONDS = 86400
# The app has a million codes, three of them right. So many are looked at wherever they come from;
# passkeys and recovery codes, which nobody guesses, work on.
APP_TRIES = ((50, 3600), (200, DAY_SECONDS))


def ask(user: User, keep: bool, target: str | None) -> ResponseReturnValue:
    """Send whoever knew the password of ``user`` on to the second step; commits."""
    begin(STEP, user, target, keep=keep)
    return redirect_with(url_for("auth.second_step"))


def begin(kind: str, user: User | None, target: str | None, **payload: object) -> None:
    """Let this browser begin a step, which leads to ``target``; commits."""
    page = own_page(target, "")
    payload["next"] = page if len(page) <= LONGEST_TARGET else ""  # strangers fill this table
    challenge = passkeys.new_challenge()
    session[kind] = links.issue(PURPOSES[kind], user, challenge=challenge, **payload)
    db.session.commit()


def waiting(kind: str) -> OneTimeToken | None:
    """The step this browser is at, unless it is over or the account may not come in any more."""
    row = links.find(PURPOSES[kind], session.get(kind, ""))
    if row is None or (row.user is not None and row.user.must_reset):
        return None
    return row


def finish(row: OneTimeToken, user: User, keep: bool, how: str) -> ResponseReturnValue | None:
    """Sign ``user`` in as after a password; None when another request has spent the step.

    Nothing of this request is kept then: not even the code it used up.
    """
    target = own_page(row.payload["next"], url_for("home.index"))
    if not links.spend(row):
        db.session.rollback()
        return None
    record("sign_in", actor=user.as_subject, detail=f"with {how}")
    sessions.begin(user, keep=keep)
    return redirect_with(target)


def failed(row: OneTimeToken, user: User | None) -> bool:
    """Put a wrong answer on record and count it; commits. Whether another may be given."""
    number = row.id
    record("sign_in.factor_failed", user.as_subject if user else None)
    db.session.execute(OneTimeToken.tried(number))
    db.session.commit()
    tries = db.session.scalar(select(OneTimeToken.tries).where(OneTimeToken.id == number))
    return tries is not None and tries < MOST_TRIES


def count_try(user: User) -> None:
    """One more answer, for ``user``, from this address. Raises TooMany."""
    take(f"factor/{user.id}/{throttled_address()}", TRIES, TRIES_SECONDS, user)


def count_passkey(deed: str) -> None:
    """One more passkey of whomever, from this address. Raises TooMany."""
    take(f"passkey-{deed}/{throttled_address()}", PASSKEY_TRIES, PASSKEY_SECONDS, None)


def count_app_try(user: User, code: str | None) -> TooMany | None:
    """One more code of the app, from wherever; until when no more are looked at, if so."""
    if not is_app_code(bare(code)):
        return None
    try:
        for tries, seconds in APP_TRIES:
            take(f"factor-app/{user.id}/{seconds}", tries, seconds, user)
    except TooMany as wait:
        return wait
    return None


def has_code(user: User, code: str) -> bool:
    """Whether a program that gave the password has a code as well; counted as on the page.

    The caller commits. Raises TooMany.
    """
    count_try(user)
    wait = count_app_try(user, code)
    if wait:
        raise wait
    return checks.check_code(user, code)


def take(key: str, tries: int, seconds: int, user: User | None) -> None:
    count(key, tries, seconds, note=partial(note_throttled, user))


def note_throttled(user: User | None) -> None:
    record("sign_in.factor_throttled", user.as_subject if user else None)
    db.session.commit()
