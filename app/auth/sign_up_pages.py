"""Signing up: a form, a mail, and a link that finishes it.

Nothing is an account before the link was used, and the answer is the same whether or not the
address has one. So nobody learns who is here, and nobody gets an account made for them by others:
the link asks for the password that was chosen.
"""

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.audit.trail import record
from app.auth import sessions
from app.auth.forms import FinishSignUpForm, SignUpForm
from app.auth.pages import auth
from app.auth.tasks import mail_sign_up
from app.config import Settings
from app.database import now
from app.errors import Missing, Refused, Taken
from app.extensions import db, limiter
from app.htmx import Toast, redirect_with, render
from app.mail.sending import this_site
from app.passwords import hash_password, is_right
from app.tiers.models import Tier
from app.users import deeds, links
from app.users.links import DeadLink
from app.users.models import User
from app.users.one_time import OneTimeToken
from app.users.reach import throttled_sign_up

PURPOSE = "sign-up"
CLOSED = "Sign-up is closed here. Ask whoever runs this place for an account."
SPENT = "This link was used already, or it is too old. Sign up again."
HERE_BY_NOW = "This address has an account by now. Sign in, or ask for a new password."
NOT_CHOSEN = "This is not the password you chose when you signed up"


def is_open() -> bool:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.sign_up == "open" and settings.has_mail


def must_be_open() -> None:
    if not is_open():
        raise Missing(CLOSED)


@auth.get("/sign-up")
def sign_up() -> ResponseReturnValue:
    must_be_open()
    if current_user.is_authenticated:
        return redirect(url_for("home.index"), code=303)
    return render_template("auth/sign_up.html", form=SignUpForm())


@auth.get("/sign-up/check")
@limiter.limit("60 per 10 minutes")
def check_username() -> ResponseReturnValue:
    """Whether a username can be had, while it is typed; nothing is said of addresses."""
    must_be_open()
    form = SignUpForm(formdata=request.args)
    form.username.validate(form)
    said = form.username.errors[0] if form.username.errors else taken(form.username.data)
    name = form.username.data
    return render_template("auth/_username_status.html", said=said, name=name)


def taken(username: str) -> str:
    """Why the username cannot be had, with two that can; "" when it is free."""
    if db.session.scalar(User.by_username(username)) is None:
        return ""
    return f"{username} is taken. {deeds.suggestions(username)}"


@auth.post("/sign-up")
@throttled_sign_up
def create_account() -> ResponseReturnValue:
    must_be_open()
    form = SignUpForm()
    is_valid = form.validate()
    if not is_free(form) or not is_valid:
        return refused(form)
    payload = {name: form[name].data for name in ("name", "username", "email")}
    payload["password_hash"] = hash_password(form.password.data)
    row = OneTimeToken.about(PURPOSE, None, links.LASTS[PURPOSE], **payload)
    db.session.add(row)
    db.session.flush()
    mail_sign_up.enqueue(number=row.id, site=this_site())
    db.session.commit()
    return redirect_with(url_for(".sign_up_sent"))


def refused(form: SignUpForm) -> ResponseReturnValue:
    return render("auth/sign_up.html", "auth/_sign_up.html", form=form), 422


@auth.get("/sign-up/sent")
def sign_up_sent() -> ResponseReturnValue:
    return render_template("auth/sent.html", what="sign-up")


def spent() -> DeadLink:
    return DeadLink(SPENT, ("Sign up again", url_for(".sign_up")))


def pending(token: str) -> OneTimeToken:
    """The sign-up that the link stands for; once sign-up is closed nobody finishes one."""
    must_be_open()
    row = links.find(PURPOSE, token)
    if row is None:
        raise spent()
    return row


@auth.get("/sign-up/finish/<token>")
def finish_sign_up(token: str) -> ResponseReturnValue:
    row = pending(token)
    form = FinishSignUpForm(data={"username": row.payload["username"]})
    if said := taken(row.payload["username"]):
        form.refuse("username", said)
    return render_template("auth/finish.html", form=form, name=row.payload["name"])


@auth.post("/sign-up/finish/<token>")
@limiter.limit("20 per 10 minutes")
def finish_account(token: str) -> ResponseReturnValue:
    row = pending(token)
    form, name = FinishSignUpForm(), row.payload["name"]
    if form.validate() and is_free(form) and is_chosen(form, row):
        try:
            return begin(row, form.username.data)
        except Taken as problem:
            if problem.field != "username":
                raise Refused(HERE_BY_NOW) from problem
            form.refuse("username", problem.sentence)
    return render("auth/finish.html", "auth/_finish.html", form=form, name=name), 422


def is_free(form: SignUpForm | FinishSignUpForm) -> bool:
    """Whether the username can be had; the form says so when not."""
    said = "" if form.username.errors else taken(form.username.data)
    if said:
        form.refuse("username", said)
    return not said


def is_chosen(form: FinishSignUpForm, row: OneTimeToken) -> bool:
    """Whether the password is the one of the sign-up. Raises DeadLink after five that are not."""
    if not links.take_answer(row):
        raise spent()
    if is_right(row.payload["password_hash"], form.password.data):
        return True
    db.session.execute(OneTimeToken.tried(row.id))
    db.session.commit()
    form.refuse("password", NOT_CHOSEN)
    return False


def begin(row: OneTimeToken, username: str) -> ResponseReturnValue:
    """Make the account that ``row`` stands for, and sign in. Raises Taken, and DeadLink when
    somebody was faster; then nothing is spent.
    """
    facts = {name: row.payload[name] for name in ("name", "email", "password_hash")}
    user = User(**facts, username=username, email_confirmed_at=now())
    first_tier = current_app.config["SETTINGS"].tier_name
    user.tier = db.session.scalar(Tier.by_name(first_tier))
    if not links.spend(row):
        raise spent()
    db.session.add(user)
    with deeds.keeping(user):
        db.session.flush()
        changes = deeds.beginnings(user)
        record("account.signed_up", user.as_subject, actor=user.as_subject, changes=changes)
        sessions.begin(user, keep=False)
    return redirect_with(url_for("home.index"), Toast(f"Welcome, {user.name}"))
