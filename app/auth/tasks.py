"""Mails about signing up and passwords, and removing what is over.

Tokens are made here, in the worker: what a stranger asks for is answered the same way, and in the
same time, whether or not there is such an account.
"""

from app.auth import letters
from app.auth.models import Session
from app.extensions import db
from app.mail.sending import is_flooded, link_to, mail_task, send
from app.tasks import Running, housekeeping
from app.users import links
from app.users.models import User
from app.users.one_time import OneTimeToken


@mail_task("Mail: finish a sign-up")
def mail_sign_up(job: Running, number: int, site: str) -> None:
    """Send the link that finishes a sign-up; or, to who has an account, that they have one."""
    row = db.session.get(OneTimeToken, number)
    if row is None or (job.attempt == 1 and is_flooded(row.payload["email"], "sign-up")):
        return
    holder = db.session.scalar(User.by_login(row.payload["email"]))
    if holder is None:
        link = link_to(site, "auth.finish_sign_up", token=row.renew())
        send(letters.finish_sign_up(row.payload["email"], row.payload["username"], link))
        return
    db.session.delete(row)
    send(letters.already_here(holder, link_to(site, "auth.sign_in"), link_to(site, "auth.forgot")))


@mail_task("Mail: reset a password")
def mail_reset(job: Running, email: str, site: str) -> None:
    """Send the link by which a password is chosen anew, if the address has an account."""
    user = db.session.scalar(User.by_login(email))
    if user is None or not user.is_active or (job.attempt == 1 and is_flooded(email, "reset")):
        return
    link = link_to(site, "auth.reset", token=links.issue("reset", user))
    send(letters.reset_password(user, link))


@mail_task("Mail: a password was changed")
def mail_password_changed(_job: Running, user_id: int, site: str) -> None:
    user = db.session.get(User, user_id)
    if user is not None and user.is_active:
        send(letters.password_changed(user, link_to(site, "auth.forgot")))


@mail_task("Mail: second factors were removed")
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
