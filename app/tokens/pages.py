"""Everybody's own API tokens: made here, shown once, revoked here."""

import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import confirmation_required, sign_in_required
from app.audit.trail import record
from app.counters import Window
from app.database import now
from app.errors import Missing
from app.extensions import counters, db
from app.htmx import Toast, redirect_with
from app.tokens.forms import TokenForm
from app.tokens.models import MOST_LIVING, ApiToken
from app.users.me import myself
from app.users.one_time import digest

tokens = Blueprint("tokens", __name__)

DAY = 86400
TOO_MANY = f"You have {MOST_LIVING} tokens. Revoke one that you no longer need first."


@tokens.get("/tokens")
@sign_in_required
def index() -> ResponseReturnValue:
    return render_template("tokens/index.html", **listing())


def listing() -> dict[str, Any]:
    return {"tokens": db.session.scalars(ApiToken.of(myself())).all(), "created": None}


@tokens.get("/tokens/new")
@sign_in_required
def new() -> ResponseReturnValue:
    form = TokenForm(data={"once": secrets.token_urlsafe(16)})
    return render_template("tokens/new.html", form=form)


@tokens.post("/tokens")
@sign_in_required
@confirmation_required
def create() -> ResponseReturnValue:
    """The answer is the only page that ever has the token, so it is no redirect."""
    form = TokenForm()
    if not form.validate():
        return render_template("tokens/new.html", form=form), 422
    if has_many():
        form.form_errors.append(TOO_MANY)
        return render_template("tokens/new.html", form=form), 422
    if was_sent_before(form.once.data or ""):
        said = "This token was created already. It is not shown again."
        return redirect_with(url_for(".index"), Toast(said, is_problem=True))
    token = made(form)
    return render_template("tokens/index.html", **listing() | {"created": token}), 201


def has_many() -> bool:
    """Whether there are as many as may be; whoever asks at the same time waits."""
    db.session.execute(ApiToken.held(myself()))
    return (db.session.scalar(ApiToken.count_living(myself())) or 0) >= MOST_LIVING


def was_sent_before(once: str) -> bool:
    """Whether this very form made a token today: a page that is loaded again sends it again."""
    key = f"token-form/{current_user.id}/{digest(once)}"
    return bool(once) and counters.take(key, Window.at(counters.now(), DAY), 1) > 1


def made(form: TokenForm) -> str:
    """Commit a new one, and return the token."""
    user = myself()
    expires_at = now() + timedelta(days=int(form.days.data))
    row, token = ApiToken.made(user, form.name.data or "", form.scope.data, expires_at)
    db.session.add(row)
    record("token.created", user.as_subject, detail=row.name)
    db.session.commit()
    return token


def mine(number: int) -> ApiToken:
    row = db.session.scalar(ApiToken.of_number(myself(), number))
    if row is None:
        raise Missing("There is no such token. It may have been revoked already.")
    return row


@tokens.get("/tokens/<int(max=2147483647):number>/revoke")
@sign_in_required
def confirm_revoke(number: int) -> ResponseReturnValue:
    return render_template("tokens/revoke.html", token=mine(number))


@tokens.post("/tokens/<int(max=2147483647):number>/revoke")
@sign_in_required
@confirmation_required
def revoke(number: int) -> ResponseReturnValue:
    row = mine(number)
    name = row.name
    record("token.revoked", myself().as_subject, detail=name)
    db.session.delete(row)
    db.session.commit()
    return redirect_with(url_for(".index"), Toast(f"{name} is revoked"))
