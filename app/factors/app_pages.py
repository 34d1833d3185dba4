"""An authenticator app on one's own Security page: add, remove."""

import pyotp
import segno
from flask import current_app, render_template, session, url_for
from flask.typing import ResponseReturnValue

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.config import Settings
from app.errors import Missing, Refused, Taken, answering
from app.extensions import db
from app.factors import checks
from app.factors.forms import AppCodeForm
from app.factors.models import AuthenticatorApp
from app.factors.pages import added, codes_for_first, factors, removed, tell_owner
from app.factors.rules import bare
from app.factors.sealing import seal, unseal
from app.htmx import redirect_with
from app.users import links
from app.users.me import myself
from app.users.models import User
from app.users.one_time import OneTimeToken

ADDING = "adding_app"  # in the browser's cookie: the token of the step that was begun
SECRET_LENGTH = 32  # letters of 5 bits: the 160 that RFC 4226, 4 asks for
NOT_RIGHT = "This is not the code of the app right now. Type the one it shows next"
TOO_LATE = "That took too long, or too many codes were wrong. Start again."
ONE_ONLY = "You have an authenticator app. Remove it first to use another one."
BORDER = 2  # light modules around it; the stylesheet adds the rest of the four (ISO/IEC 18004)


@factors.post("/app/new")
@sign_in_required
@confirmation_required
def begin_app() -> ResponseReturnValue:
    user = myself()
    if db.session.scalar(AuthenticatorApp.of(user)):
        raise Refused(ONE_ONLY)
    secret = seal(pyotp.random_base32(SECRET_LENGTH), user.uuid)
    session[ADDING] = links.issue("app", user, secret=secret)
    db.session.commit()
    return redirect_with(url_for(".new_app"))


@factors.get("/app/new")
@sign_in_required
@confirmation_required
def new_app() -> ResponseReturnValue:
    user = myself()
    return page(AppCodeForm(), begun(user), user)


def begun(user: User) -> OneTimeToken:
    """The step this browser has begun for ``user``. Raises Refused when it is over."""
    row = links.find("app", session.get(ADDING, ""))
    if row is None or row.user_id != user.id:
        raise Refused(TOO_LATE)
    return row


def secret_of(row: OneTimeToken, user: User) -> str:
    secret = unseal(row.payload["secret"], user.uuid)
    if secret is None:
        raise Refused(TOO_LATE)
    return secret


def page(form: AppCodeForm, row: OneTimeToken, user: User) -> str:
    settings: Settings = current_app.config["SETTINGS"]
    secret = secret_of(row, user)
    address = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=settings.app_name)
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    size, path = drawn(address)
    context = {"address": address, "groups": groups, "size": size, "path": path}
    return render_template("factors/app_new.html", form=form, **context)


def drawn(text: str) -> tuple[int, str]:
    """A QR code of ``text``: how many modules wide, and its dark ones as the path of an SVG."""
    rows = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=BORDER)]
    dark = [(x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module]
    return len(rows), "".join(f"M{x} {y}h1v1h-1z" for x, y in dark)


@factors.post("/app")
@sign_in_required
@confirmation_required
def create_app() -> ResponseReturnValue:
    user, form = myself(), AppCodeForm()
    row = begun(user)
    if not form.validate():
        return page(form, row, user), 422
    step = checks.step_of(secret_of(row, user), bare(form.code.data))
    if step is None:
        db.session.execute(OneTimeToken.tried(row.id))
        db.session.commit()
        form.refuse("code", NOT_RIGHT)
        return page(form, begun(user), user), 422
    return keep(row, user, step)


def keep(row: OneTimeToken, user: User, step: int) -> ResponseReturnValue:
    """Store the app; the code that proved it is used up."""
    secret, codes = row.payload["secret"], codes_for_first(user)
    if not links.spend(row):
        raise Refused(TOO_LATE)
    session.pop(ADDING, None)
    try:
        with answering({"user_id": ONE_ONLY}):
            db.session.add(AuthenticatorApp(user_id=user.id, secret=secret, last_step=step))
            record("factor.app_added", user.as_subject)
            tell_owner(user, "An authenticator app was added.")
            db.session.commit()
    except Taken as taken:
        raise Refused(taken.sentence) from None
    return added(codes, "Your authenticator app is added")


def mine() -> AuthenticatorApp:
    app = db.session.scalar(AuthenticatorApp.of(myself()))
    if app is None:
        raise Missing("You have no authenticator app. It may have been removed already.")
    return app


@factors.get("/app/remove")
@sign_in_required
def confirm_remove_app() -> ResponseReturnValue:
    app = mine()
    is_last = checks.standing(myself()).is_last(app)
    return render_template("factors/app_remove.html", app=app, is_last=is_last)


@factors.post("/app/remove")
@sign_in_required
@confirmation_required
def remove_app() -> ResponseReturnValue:
    app, user = mine(), myself()
    with answering({}):
        db.session.delete(app)
        record("factor.app_removed", user.as_subject)
        return removed(user, "Your authenticator app is removed")
