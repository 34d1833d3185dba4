"""A person's e-mail address: confirmed, or changed, by a link that is mailed to it."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.database import now
from app.errors import Refused, Taken
from app.extensions import db, limiter, throttled_address
from app.htmx import Toast, redirect_with, render
from app.mail.sending import has_mail, this_site
from app.tries import count_try
from app.users import deeds, links
from app.users.links import DeadLink
from app.users.mail_tasks import (
    mail_address_asked,
    mail_address_changed,
    mail_confirmation,
    mail_new_address,
)
from app.users.me import myself
from app.users.models import User
from app.users.one_time import OneTimeToken
from app.users.profile_forms import AddressForm
from app.users.profile_pages import about, profile

GONE = "This link was used already, or it is too old. Ask for a new one on your profile."
TAKEN = "Another account has this address by now. Nothing was changed."
ON_ITS_WAY = "If this address is free, a link is on its way to it."
HOUR = 3600
MAILS_PER_PERSON, MAILS_PER_ADDRESS = 5, 20


def count_mail() -> None:
    """One mail more for this person, and for wherever they are. Raises TooMany.

    A network has more than a person, so that one of its people does not use it up for the others.
    """
    person, place = f"links/{current_user.id}", f"links-from/{throttled_address()}"
    for key, most in ((person, MAILS_PER_PERSON), (place, MAILS_PER_ADDRESS)):
        count_try(key, most, HOUR, again="ask for another link")


def check_mail_works() -> None:
    if not has_mail():
        raise Refused("This site sends no mail, so it cannot send a link. Ask an operator.")


@profile.post("/profile/confirm-email")
@sign_in_required
def ask_to_confirm() -> ResponseReturnValue:
    """Mail a link that proves the present address."""
    check_mail_works()
    user = myself()
    if user.email_confirmed_at:
        return redirect_with(url_for(".index"), Toast("Your address is confirmed already"))
    count_mail()
    mail_confirmation.enqueue(user_id=user.id, site=this_site())
    db.session.commit()
    return redirect_with(url_for(".index"), Toast("A link is on its way to your address"))


@profile.post("/profile/email")
@sign_in_required
@confirmation_required
def ask_to_change_email() -> ResponseReturnValue:
    """Mail a link to the new address and a notice to the old one; nothing else changes yet."""
    check_mail_works()
    user = myself()
    form = AddressForm(user)
    if not form.validate():
        context = {**about(user), "address": form}
        return render("profile/index.html", "profile/_email.html", **context), 422
    count_mail()
    email = form.new_email.data
    record("email.asked", user.as_subject, detail=email)
    mail_new_address.enqueue(user_id=user.id, email=email, site=this_site())
    mail_address_asked.enqueue(user_id=user.id, email=email)
    db.session.commit()
    return redirect_with(url_for(".index"), Toast(ON_ITS_WAY))


def gone() -> DeadLink:
    return DeadLink(GONE, ("Open your profile", url_for(".index")))


def found(purpose: str, token: str) -> tuple[OneTimeToken, User]:
    """What the link stands for, and whose it is. Raises DeadLink."""
    row = links.find(purpose, token)
    if row is None or row.user is None:
        raise gone()
    return row, row.user


def page(user: User, email: str, is_new: bool, problem: str = "") -> str:
    context = {"user": user, "email": email, "is_new": is_new, "problem": problem}
    return render_template("profile/link.html", **context)


@profile.get("/confirm-email/<token>")
def confirm_email(token: str) -> ResponseReturnValue:
    """Looking changes nothing: scanners of mails follow links."""
    _, user = found("confirm", token)
    return page(user, user.email, is_new=False)


@profile.post("/confirm-email/<token>")
@limiter.limit("20 per 10 minutes")
def confirm_this_email(token: str) -> ResponseReturnValue:
    row, user = found("confirm", token)
    if not links.spend(row):
        raise gone()
    user.email_confirmed_at = now()
    record("email.confirmed", user.as_subject, actor=user.as_subject, detail=user.email)
    deeds.save(user)
    return redirect_with(page_after(user), Toast("Your address is confirmed"))


@profile.get("/change-email/<token>")
def change_email(token: str) -> ResponseReturnValue:
    """Looking changes nothing: scanners of mails follow links."""
    row, user = found("email", token)
    return page(user, row.payload["email"], is_new=True)


@profile.post("/change-email/<token>")
@limiter.limit("20 per 10 minutes")
def change_to_this_email(token: str) -> ResponseReturnValue:
    """Use the address from now on. The link proves the mailbox, and signs nobody in."""
    row, user = found("email", token)
    before, email = user.email, row.payload["email"]
    if not links.spend(row):
        raise gone()
    mail_address_changed.enqueue(user_id=user.id, before=before)
    me = user.as_subject
    record("email.changed", me, actor=me, changes={"email": (before, email)})
    user.email, user.email_confirmed_at = email, now()
    try:
        deeds.save(user)
    except Taken:
        return page(user, email, is_new=True, problem=TAKEN), 409
    return redirect_with(page_after(user), Toast(f"Your address is now {email}"))


def page_after(user: User) -> str:
    """The profile of whoever is signed in as that person; sign-in for everybody else."""
    is_theirs = current_user.is_authenticated and current_user.id == user.id
    return url_for(".index") if is_theirs else url_for("auth.sign_in")
