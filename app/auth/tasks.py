"""Mails about signing up and passwords, and removing what is over.

Tokens are made here, in the worker: what a stranger asks for is answered the same way, and in the
same time, whether or not there is such an account.
"""

from collections.abc import Callable

from flask import current_app, url_for

from app.auth import letters
from app.auth.models import Session
from app.extensions import db
from app.mail.sending import is_flooded, send
from app.tasks import Running, housekeeping, task
from app.users import links
from app.users.models import User
from app.users.one_time import OneTimeToken

TRIES = 8  # with their growing pauses about ten minutes, should the mail server be away


def address_at(site: str) -> Callable[..., str]:
    """What makes whole addresses of doors, where no request says how this site is reached."""

    def whole(endpoint: str, **values: str) -> str:
        with current_app.test_request_context(base_url=site):
            return url_for(endpoint, _external=True, **values)

    return whole


@task("Mail: finish a sign-up", by_hand=False, attempts=TRIES)
def mail_sign_up(_job: Running, number: int, site: str) -> None:
    """Send the link that finishes a sign-up; or, to who has an account, that they have one."""
    row = db.session.get(OneTimeToken, number)
    if row is None or is_flooded(row.payload["email"]):
        return
    address = address_at(site)
    holder = db.session.scalar(User.by_login(row.payload["email"]))
    if holder is None:
        link = address("auth.finish_sign_up", token=row.renew())
        send(letters.finish_sign_up(row.payload["email"], row.payload["name"], link))
        return
    db.session.delete(row)
    send(letters.already_here(holder, address("auth.sign_in"), address("auth.forgot")))


@task("Mail: reset a password", by_hand=False, attempts=TRIES)
def mail_reset(_job: Running, email: str, site: str) -> None:
    """Send the link by which a password is chosen anew, if the address has an account."""
    user = db.session.scalar(User.by_login(email))
    if user is None or not user.is_active or is_flooded(email):
        return
    link = address_at(site)("auth.reset", token=links.issue("reset", user))
    send(letters.reset_password(user, link))


@task("Mail: a password was changed", by_hand=False, attempts=TRIES)
def mail_password_changed(_job: Running, user_id: int, site: str) -> None:
    user = db.session.get(User, user_id)
    if user is not None and user.is_active:
        send(letters.password_changed(user, address_at(site)("auth.forgot")))


@task("Mail: second factors were removed", by_hand=False, attempts=TRIES)
def mail_factors_removed(_job: Running, user_id: int) -> None:
    user = db.session.get(User, user_id)
    if user is not None and not user.is_deleted:
        send(letters.factors_removed(user))


@housekeeping
def forget_what_is_over() -> None:
    """Remove sessions and one-time tokens that nobody can use any more; commits."""
    db.session.execute(OneTimeToken.over())
    db.session.execute(Session.over())
    db.session.commit()
