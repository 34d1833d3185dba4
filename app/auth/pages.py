"""Signing in and out, and the link that lets an invited person choose a password."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, operators_only, sign_in_required
from app.audit.trail import record
from app.auth import second_step, sessions
from app.auth.forms import FirstPasswordForm, SignInForm
from app.auth.tasks import mail_reset
from app.auth.throttles import count_stranger, throttled_sign_in, typed
from app.database import now
from app.errors import Stale, answering
from app.extensions import db, limiter
from app.factors.checks import has_factors
from app.htmx import Toast, own_page, page_before, redirect_with, render
from app.mail.sending import this_site
from app.users.links import DeadLink, invited
from app.users.models import User

auth = Blueprint("auth", __name__)

WRONG = "The username or password is not right."
DEACTIVATED = "This account is deactivated. Ask your administrator."
MUST_RESET = (
    "You have to choose a new password first. A link for that is on its way to you by mail."
)


@auth.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(own_page(request.args.get("next"), url_for("home.index")), code=303)
    form = SignInForm(data={"next": request.args.get("next", "")})
    return render_template("auth/sign_in.html", form=form)


@auth.post("/sign-in")
@throttled_sign_in
def create_session() -> ResponseReturnValue:
    form = SignInForm()
    if not form.validate():
        return refused(form)
    user = db.session.scalar(User.by_login(form.login.data))
    count_stranger(form.login.data, user)
    # Asked first and for everybody, so that the time is the same whoever exists.
    right = user.has_password(form.password.data) if user else nobody_has(form.password.data)
    if user is None or not right:
        return failed(form, user, WRONG)
    if not user.is_active:
        return failed(form, user, DEACTIVATED)
    if user.must_reset:
        mail_reset.enqueue(email=user.email, site=this_site())
        return failed(form, user, MUST_RESET)
    if user.has_outdated_hash:
        sessions.upgrade_hash(user, form.password.data)
    if has_factors(user):
        return second_step.ask(user, form.keep.data, form.next.data)
    record("sign_in", actor=user.as_subject, detail="with the password")
    sessions.begin(user, keep=form.keep.data)
    return redirect_with(own_page(form.next.data, url_for("home.index")))


def nobody_has(password: str) -> bool:
    return User().has_password(password)


def failed(form: SignInForm, user: User | None, sentence: str) -> ResponseReturnValue:
    """Put on record what was tried, about whom if there is such a person, and say no."""
    subject = user.as_subject if user else None
    record("sign_in.failed", subject, detail=typed(form.login.data))
    db.session.commit()
    form.form_errors.append(sentence)
    return refused(form)


def refused(form: SignInForm) -> ResponseReturnValue:
    return render("auth/sign_in.html", "auth/_sign_in.html", form=form), 422


@auth.post("/sign-out")
@sign_in_required
def sign_out() -> ResponseReturnValue:
    record("sign_out")
    sessions.end()
    return redirect_with(url_for(".sign_in"), Toast("You are signed out"))


@auth.post("/users/<username>/sign-out")
@operators_only
def sign_out_everywhere(username: str) -> ResponseReturnValue:
    user = db.one_or_404(User.by_username(username))
    sessions.end_all(user)
    record("session.ended_all", user.as_subject)
    db.session.commit()
    place = page_before(url_for("users.show", username=username))
    return redirect_with(place, Toast(f"{user.name} is signed out everywhere"))


@auth.post("/confirm")
@sign_in_required
@confirmation_required
def confirm() -> ResponseReturnValue:
    """Where a page that needs the password sends it; then the page is opened again."""
    return redirect_with(own_page(request.form.get("next"), url_for("home.index")))


def guest(token: str) -> tuple[User, bool]:
    """Whom the link invites, and whether it came by mail. Raises DeadLink."""
    user, mailed = invited(token)
    if user is None:
        raise DeadLink("This link was used already, or it is too old. Ask for a new one.")
    return user, mailed


@auth.get("/welcome/<token>")
def welcome(token: str) -> ResponseReturnValue:
    user, _ = guest(token)
    return render_template("auth/welcome.html", form=FirstPasswordForm(user), user=user)


@auth.post("/welcome/<token>")
@limiter.limit("20 per 10 minutes")
def choose_password(token: str) -> ResponseReturnValue:
    user, mailed = guest(token)
    form = FirstPasswordForm(user)
    if not form.validate():
        return render("auth/welcome.html", "auth/_welcome.html", form=form, user=user), 422
    try:
        with answering({}):
            user.set_password(form.password.data)
            sessions.end_all(user)
            record("password.set", actor=user.as_subject)
            if mailed:
                confirm_address(user)
            db.session.commit()
    except Stale:
        guest(token)  # somebody was faster: used already
        raise
    return redirect_with(url_for(".sign_in"), Toast("Your password is set. Sign in with it."))


def confirm_address(user: User) -> None:
    """The link came by mail, so the mailbox is theirs."""
    user.email_confirmed_at = now()
    record("email.confirmed", user.as_subject, actor=user.as_subject, detail=user.email)
