"""Signing in with a second factor after the password, or with a passkey alone."""

from typing import Any

from flask import make_response, redirect, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth import second_step as step
from app.auth.forms import PasskeySignInForm, SecondStepForm
from app.auth.pages import DEACTIVATED, MUST_RESET, auth
from app.auth.tasks import mail_reset
from app.errors import TooMany
from app.factors import checks, passkeys
from app.htmx import Toast, redirect_with, render, wants_part
from app.mail.sending import this_site
from app.users import links
from app.users.models import User
from app.users.one_time import OneTimeToken
from app.words import when

WRONG_CODE = "This code is not right. Type the one the app shows now, or another recovery code"
WRONG_PASSKEY = "That did not work with this passkey. Try again, or use another way"
USED_UP = "That was wrong too often. Sign in again."
OVER = "That took too long. Sign in again."
NO_NAME = "Passkeys need the name of this site in its address, not a number."
NOTHING_WAITS = (
    "Too many codes of the app were tried. Use a passkey or a recovery code, or wait until"
)


def back_to_sign_in(sentence: str) -> ResponseReturnValue:
    for kind in step.PURPOSES:
        session.pop(kind, None)
    return redirect_with(url_for(".sign_in"), Toast(sentence, is_problem=True))


def asked(row: OneTimeToken) -> User:
    """Whose second step it is: never nobody's."""
    if row.user is None:
        raise LookupError("A second step belongs to somebody.")
    return row.user


def page(form: SecondStepForm, row: OneTimeToken, user: User) -> str:
    standing, named = checks.standing(user), passkeys.site_name() is not None
    challenge = row.payload["challenge"]
    can_use = named and bool(standing.passkeys)
    options = passkeys.request_options(challenge, user) if can_use else None
    context = {"form": form, "options": options, "standing": standing}
    return render("auth/second_step.html", "auth/_second_step.html", **context)


@auth.get("/sign-in/second-step")
def second_step() -> ResponseReturnValue:
    row = step.waiting(step.STEP)
    if row is None:
        return back_to_sign_in(OVER)
    return page(SecondStepForm(), row, asked(row))


@auth.post("/sign-in/second-step")
def pass_second_step() -> ResponseReturnValue:
    """A code, or the answer of a passkey."""
    row, form = step.waiting(step.STEP), SecondStepForm()
    if row is None:
        return back_to_sign_in(OVER)
    if not form.validate():
        return page(form, row, asked(row)), 422
    user = asked(row)
    step.count_try(user)
    return by_passkey(form, row, user) if form.answer.data else by_code(form, row, user)


def by_code(form: SecondStepForm, row: OneTimeToken, user: User) -> ResponseReturnValue:
    wait = step.count_app_try(user, form.code.data)
    if wait:
        return app_waits(form, row, user, wait)
    if not links.take_answer(row):
        return back_to_sign_in(USED_UP)
    if checks.check_code(user, form.code.data):
        return step.finish(
            row, user, keep=row.payload["keep"], how="the password and a code"
        ) or back_to_sign_in(OVER)
    return wrong(form, row, user, "code", WRONG_CODE)


def by_passkey(form: SecondStepForm, row: OneTimeToken, user: User) -> ResponseReturnValue:
    if not links.take_answer(row):
        return back_to_sign_in(USED_UP)
    if passkeys.check(form.answer.data, row.payload["challenge"], user):
        return step.finish(
            row, user, keep=row.payload["keep"], how="the password and a passkey"
        ) or back_to_sign_in(OVER)
    return wrong(form, row, user, None, WRONG_PASSKEY)


def wrong(
    form: SecondStepForm, row: OneTimeToken, user: User, field: str | None, sentence: str
) -> ResponseReturnValue:
    if not step.failed(row, user):
        return back_to_sign_in(USED_UP)
    form.say(field, sentence)
    return page(form, row, user), 422


def app_waits(form: SecondStepForm, row: OneTimeToken, user: User, wait: TooMany) -> Any:
    """The step stays open for passkeys and recovery codes while the app has to wait."""
    form.say("code", f"{NOTHING_WAITS} {when(wait.reset_at, wait.retry_after)}")
    response = make_response(page(form, row, user), 429)
    response.headers["Retry-After"] = str(wait.retry_after)
    if wants_part():
        response.headers["HX-Retarget"] = "#second-step"
        response.headers["HX-Reswap"] = "outerHTML"
    return response


@auth.post("/sign-in/passkey")
def begin_passkey() -> ResponseReturnValue:
    """Ask for a passkey without knowing of whom; whoever holds it is who it names."""
    if passkeys.site_name() is None:
        return redirect_with(url_for(".sign_in"), Toast(NO_NAME, is_problem=True))
    step.count_passkey("begin")
    step.begin(step.ALONE, None, PasskeySignInForm().next.data)
    return redirect_with(url_for(".passkey"))


@auth.get("/sign-in/passkey")
def passkey() -> ResponseReturnValue:
    row = step.waiting(step.ALONE)
    if current_user.is_authenticated:
        return redirect(url_for("home.index"), code=303)
    return passkey_page(PasskeySignInForm(), row) if row else back_to_sign_in(OVER)


def passkey_page(form: PasskeySignInForm, row: OneTimeToken) -> str:
    options = passkeys.request_options(row.payload["challenge"], None)
    context = {"form": form, "options": options, "begins": not form.errors}
    return render("auth/passkey.html", "auth/_passkey.html", **context)


@auth.post("/sign-in/passkey/answer")
def pass_with_passkey() -> ResponseReturnValue:
    row, form = step.waiting(step.ALONE), PasskeySignInForm()
    if row is None:
        return back_to_sign_in(OVER)
    step.count_passkey("answer")
    if not links.take_answer(row):
        return back_to_sign_in(USED_UP)
    key = passkeys.check(form.answer.data, row.payload["challenge"])
    reason = shut_out(key.user) if key else WRONG_PASSKEY
    if key and not reason:
        return step.finish(
            row, key.user, keep=form.keep.data, how="a passkey alone"
        ) or back_to_sign_in(OVER)
    if not step.failed(row, key.user if key else None):
        return back_to_sign_in(USED_UP)
    form.form_errors.append(reason)
    return passkey_page(form, row), 422


def shut_out(user: User) -> str | None:
    """Why ``user`` may not sign in, as after a right password."""
    if not user.is_active:
        return DEACTIVATED
    if user.must_reset:
        mail_reset.enqueue(email=user.email, site=this_site())
        return MUST_RESET
    return None
