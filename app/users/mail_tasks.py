"""Mails about a person's own account, sent by the worker. Tokens are made here, so none is kept."""

from collections.abc import Callable

from app.extensions import db
from app.mail.sending import Letter, has_mail, is_flooded, link_to, mail_task, send, this_site
from app.tasks import Running
from app.users import letters, links
from app.users.models import User


def living(user_id: int) -> User | None:
    """The person, unless they were shut out since they asked."""
    user = db.session.get(User, user_id)
    return user if user is not None and user.is_active else None


@mail_task("Mail: to confirm an address")
def mail_confirmation(job: Running, user_id: int, site: str) -> None:
    user = living(user_id)
    if user is None or (job.attempt == 1 and is_flooded(user.email, "confirm")):
        return
    if user.email_confirmed_at is None:
        token = links.issue("confirm", user)
        link = link_to(site, "profile.confirm_email", token=token)
        send(letters.confirm_address(user, link))


def ask_to_confirm(user: User) -> None:
    """Mail somebody new a link; where no mail works their address stays unconfirmed."""
    if has_mail():
        mail_confirmation.enqueue(user_id=user.id, site=this_site())


@mail_task("Mail: to a new address")
def mail_new_address(job: Running, user_id: int, email: str, site: str) -> None:
    """The link, if the address is free; else a word to whoever has it.

    It is decided here and not on the page, which so takes the same time and says the same.
    """
    user = living(user_id)
    if user is None or (job.attempt == 1 and is_flooded(email, "email")):
        return
    holder = db.session.scalar(User.by_login(email))
    if holder is not None:
        send(letters.address_wanted(holder))
    else:
        token = links.issue("email", user, email=email)
        link = link_to(site, "profile.change_email", token=token)
        send(letters.new_address(user, email, link))


@mail_task("Mail: that an address may change")
def mail_address_asked(_job: Running, user_id: int, email: str) -> None:
    user = living(user_id)
    if user is not None:
        send(letters.address_asked(user, email))


@mail_task("Mail: that an address was changed")
def mail_address_changed(_job: Running, user_id: int, before: str) -> None:
    tell(user_id, lambda user: letters.address_changed(user, before))


@mail_task("Mail: that an operator changed an address")
def mail_address_edited(_job: Running, user_id: int, before: str) -> None:
    tell(user_id, lambda user: letters.address_edited(user, before))


def tell_address_before(user: User) -> None:
    """An operator is about to change the address; mailed only if that is committed."""
    if has_mail():
        mail_address_edited.enqueue(user_id=user.id, before=user.email)


@mail_task("Mail: that an account is deleted")
def mail_account_deleted(_job: Running, user_id: int) -> None:
    tell(user_id, letters.account_deleted)


def tell_of_leaving(user: User) -> None:
    if has_mail():
        mail_account_deleted.enqueue(user_id=user.id)


def tell(user_id: int, letter: Callable[[User], Letter]) -> None:
    """Tell somebody what was done, also when they are shut out by now."""
    user = db.session.get(User, user_id)
    if user is not None:
        send(letter(user))


@mail_task("Mail: with an invitation")
def mail_invitation(_job: Running, user_id: int, site: str) -> None:
    user = living(user_id)
    if user is not None and user.password_hash is None:
        token = links.invitation(user, mailed=True)
        send(letters.invitation(user, link_to(site, "auth.welcome", token=token)))
