"""Signing programs in and out: a password for an access token and a refresh cookie."""

from typing import Any, Literal

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from app.access import NOT_SIGNED_IN
from app.audit.trail import record
from app.auth import api_sessions, sessions
from app.auth.bearers import bearer
from app.auth.jwt_tokens import ACCESS, REFRESH
from app.auth.pages import nobody_has
from app.auth.second_step import has_code
from app.auth.throttles import count_stranger, throttled_sign_in, typed
from app.config import Settings
from app.envelope import FORMS
from app.extensions import db
from app.factors.checks import has_factors
from app.operations import Message, Shown, operation
from app.programs import Problem, readers_too, wrong
from app.tokens.models import PREFIX, ApiToken
from app.users.models import User

auth_api = Blueprint("auth_api", __name__, url_prefix="/api/v1")

COOKIE, COOKIE_PATH = "refresh_token", "/api/v1"
WRONG = "Wrong username, email or password."
CODE_NEEDED = "Enter the code of your second factor as code, or use a personal API token."


class Credentials(BaseModel):
    """The password form of OAuth 2.0 (RFC 6749, 4.3.2)."""

    username: str = Field(description="The username, or the email address.", min_length=1)
    password: str = Field(min_length=1, json_schema_extra={"format": "password"})
    code: str = Field("", description="Of the second factor, for accounts with one.")


class Token(Shown):
    """What to send as ``Authorization: Bearer …``; the refresh token is in the cookie."""

    access_token: str
    token_type: Literal["bearer"]


@auth_api.post("/login")
@readers_too
@throttled_sign_in
@operation("Sign-in", form=Credentials, gives=Token, errors=(429,))
def login() -> ResponseReturnValue:
    """Sign in with a form of ``username`` (or e-mail address) and ``password``."""
    name, password = credentials()
    user = db.session.scalar(User.by_login(name))
    count_stranger(name, user)
    # Asked first and for everybody, so that the time is the same whoever exists.
    right = user.has_password(password) if user else nobody_has(password)
    if user is None or not right or not api_sessions.may_come_in(user):
        record("sign_in.failed", user.as_subject if user else None, detail=typed(name))
        db.session.commit()
        raise Problem(401, WRONG)
    check_second_step(user)
    if user.has_outdated_hash:
        sessions.upgrade_hash(user, password)
    return with_tokens(api_sessions.begin(user))


def credentials() -> tuple[str, str]:
    """The two fields of the form, which is the only place that is read."""
    if request.mimetype not in FORMS:
        abort(415)
    fields = {name: request.form.get(name, "") for name in ("username", "password")}
    missing = [wrong((name,), "Field required", "missing") for name in fields if not fields[name]]
    if missing:
        raise Problem(422, missing)
    return fields["username"], fields["password"]


def check_second_step(user: User) -> None:
    """Raise Problem unless the form has what this person needs besides the password."""
    if not has_factors(user):
        return
    code = request.form.get("code", "")
    if code and has_code(user, code):
        return
    if code:
        record("sign_in.factor_failed", user.as_subject, actor=user.as_subject)
        db.session.commit()
    raise Problem(401, CODE_NEEDED)


@auth_api.post("/refresh")
@readers_too
@operation("Sign-in", gives=Token)
def refresh() -> ResponseReturnValue:
    """Change the refresh cookie for a new one and a new access token."""
    tokens = api_sessions.rotate(request.cookies.get(COOKIE, ""))
    if tokens is None:
        raise Problem(401, "The refresh token is not valid. Sign in again.")
    return with_tokens(tokens)


@auth_api.post("/logout")
@readers_too
@operation("Sign-in", gives=Message)
def logout() -> ResponseReturnValue:
    """Revoke what was presented: the token of the header, the cookie, or both."""
    ended = [user for user in (end_bearer(), end_cookie()) if user is not None]
    if not ended:
        raise Problem(401, NOT_SIGNED_IN)
    record("sign_out", actor=ended[0].as_subject)
    db.session.commit()
    answer = jsonify(message="Logged out successfully")
    answer.delete_cookie(COOKIE, **cookie_options())
    return answer


def end_bearer() -> User | None:
    token = bearer(request) or ""
    if not token.startswith(PREFIX):
        return api_sessions.end(ACCESS, token)
    row = db.session.scalar(ApiToken.living(token))
    if row is None:
        return None
    record("token.revoked", row.user.as_subject, actor=row.user.as_subject, detail=row.name)
    db.session.delete(row)
    return row.user


def end_cookie() -> User | None:
    return api_sessions.end(REFRESH, request.cookies.get(COOKIE, ""))


def with_tokens(tokens: api_sessions.Tokens) -> Response:
    answer = jsonify({"access_token": tokens.access, "token_type": "bearer"})
    lasts = api_sessions.refresh_lifetime()
    answer.set_cookie(COOKIE, tokens.refresh, max_age=lasts, **cookie_options())
    return answer


def cookie_options() -> dict[str, Any]:
    settings: Settings = current_app.config["SETTINGS"]
    return {
        "path": COOKIE_PATH,
        "secure": not settings.is_local,
        "httponly": True,
        "samesite": "Lax",
    }
