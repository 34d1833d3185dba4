"""What people hold as second factors, given to them behind the doors' back."""

import html
import json
import re
import secrets
from datetime import datetime
from typing import Any

import pyotp
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.database import now
from app.extensions import db
from app.factors import checks
from app.factors.models import AuthenticatorApp, Passkey
from app.factors.sealing import seal
from app.users.models import User
from tests.factors.authenticator import Authenticator
from tests.people import PASSWORD, Browser


def user_named(username: str) -> User:
    return db.session.scalars(User.by_username(username)).unique().one()


def give_app(app: Flask, username: str = "bob") -> str:
    """An authenticator app; returns its secret."""
    secret = pyotp.random_base32()
    with app.app_context():
        user = user_named(username)
        db.session.add(AuthenticatorApp(user_id=user.id, secret=seal(secret, user.uuid)))
        db.session.commit()
    return secret


def give_passkey(app: Flask, username: str) -> int:
    """A passkey that no device has; returns its id."""
    with app.app_context():
        key = Passkey(user_id=user_named(username).id, name="My laptop", public_key=b"")
        key.credential_id = secrets.token_urlsafe(16)
        db.session.add(key)
        db.session.commit()
        return key.id


def give_codes(app: Flask, username: str = "bob") -> list[str]:
    with app.app_context():
        codes = checks.make_codes(user_named(username))
        db.session.commit()
    return codes


def code_of(secret: str, away: int = 0, moment: datetime | None = None) -> str:
    """What the app shows now, or at that moment, or so many steps later."""
    return pyotp.TOTP(secret).at(moment or now(), counter_offset=away)


def wrong_code(secret: str) -> str:
    """Six digits that are right neither now nor soon."""
    right = {code_of(secret, away) for away in range(-2, 4)}
    return next(code for code in map("{:06}".format, range(10)) if code not in right)


def options_in(answer: TestResponse) -> dict[str, Any]:
    """What the page asks an authenticator for."""
    found = re.search(r'data-options="([^"]+)"', answer.text)
    assert found, answer.text
    options: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return options


def add_passkey(browser: Browser, **kind: Any) -> Authenticator:
    """A passkey of whoever is signed in, added through the door."""
    with browser.app.app_context():
        device = Authenticator(user_named(str(browser.username)).uuid.bytes, **kind)
    assert browser.post("/security/passkeys/new").status_code == 303
    options = options_in(browser.get("/security/passkeys/new"))
    answer = browser.post("/security/passkeys", {"name": "Key", "answer": device.create(options)})
    assert answer.status_code in (200, 303), answer.text
    return device


def half_in(browser: Browser, login: str = "bob", **fields: Any) -> Browser:
    """A browser after the right password, at the second step."""
    answer = browser.post("/sign-in", {"login": login, "password": PASSWORD, **fields})
    assert answer.location == "/sign-in/second-step", (answer.status_code, answer.location)
    return browser


def step(browser: Browser, code: str = "", **fields: Any) -> TestResponse:
    """Answer the second step; on success the browser asks for its next token anew."""
    answer = browser.post("/sign-in/second-step", {"code": code, **fields})
    if answer.status_code == 303 and answer.location != "/sign-in":
        browser.username, browser._token = "bob", None
    return answer


def stored(app: Flask, model: Any) -> list[Any]:
    """Every row, as stored now."""
    with app.app_context():
        rows = list(db.session.scalars(select(model).order_by(model.id)))
        db.session.expunge_all()
    return rows
