"""A forgotten password: a mail with a link, by which a new one is chosen."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.audit.trail import record
from app.auth import sessions
from app.auth.forms import FirstPasswordForm, ForgotForm
from app.auth.pages import auth
from app.auth.tasks import mail_password_changed, mail_reset
from app.database import now
from app.errors import Missing, Stale, answering
from app.extensions import db, limiter, throttled_address
from app.htmx import Toast, redirect_with, render
from app.mail.sending import has_mail, this_site
from app.passwords import hash_password
from app.users import links
from app.users.links import DeadLink
from app.users.models import User
from app.users.one_time import OneTimeToken

PURPOSE = "reset"
NO_MAIL = "No mails are sent from here. Ask whoever runs this place to let you in again."
SPENT = "This link was used already, or it is too old. Ask for a new one."


def address_and_mailbox() -> str:
    """Wishes for one mailbox from one address: nobody else is locked out by them."""
    return f"forgot/{throttled_address()}/{request.form.get('email', '').strip().lower()[:254]}"


@auth.get("/forgot")
def forgot() -> ResponseReturnValue:
    if not has_mail():
        raise Missing(NO_MAIL)
    return render_template("auth/forgot.html", form=ForgotForm())


@auth.post("/forgot")
@limiter.limit("5 per 15 minutes", key_func=address_and_mailbox)
@limiter.limit("30 per 15 minutes")
def ask_for_reset() -> ResponseReturnValue:
    """The same for everybody: who has an account is found out later, by the worker."""
    if not has_mail():
        raise Missing(NO_MAIL)
    form = ForgotForm()
    if not form.validate():
        return render("auth/forgot.html", "auth/_forgot.html", form=form), 422
    user = db.session.scalar(User.by_login(form.email.data))
    record("password.asked", user and user.as_subject, detail=form.email.data[:100])
    mail_reset.enqueue(email=form.email.data, site=this_site())
    db.session.commit()
    return redirect_with(url_for(".reset_sent"))


@auth.get("/forgot/sent")
def reset_sent() -> ResponseReturnValue:
    return render_template("auth/sent.html", what="reset")


def spent() -> DeadLink:
    return DeadLink(SPENT, ("Ask for a new link", url_for(".forgot")))


def owner(token: str) -> tuple[OneTimeToken, User]:
    row = links.find(PURPOSE, token)
    if row is None or row.user is None:
        raise spent()
    return row, row.user


@auth.get("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    _, user = owner(token)
    return render_template("auth/reset.html", form=FirstPasswordForm(user), user=user)


@auth.post("/reset/<token>")
@limiter.limit("20 per 10 minutes")
def reset_password(token: str) -> ResponseReturnValue:
    """Choose the password anew and be signed out everywhere; it signs nobody in."""
    row, user = owner(token)
    form = FirstPasswordForm(user)
    if not form.validate():
        return render("auth/reset.html", "auth/_reset.html", form=form, user=user), 422
    # Hashed before the first change, since on SQLite everybody waits from there on.
    password_hash = hash_password(form.password.data)
    try:
        with answering({}):
            if not links.spend(row):
                raise spent()
            user.take_hash(password_hash)
            user.email_confirmed_at = user.email_confirmed_at or now()
            sessions.end_all(user)
            record("password.reset", user.as_subject, actor=user.as_subject)
            mail_password_changed.enqueue(user_id=user.id, site=this_site())
            db.session.commit()
    except Stale:
        owner(token)  # somebody was faster: used already
        raise
    return redirect_with(url_for(".sign_in"), Toast("Your password is set. Sign in with it."))
