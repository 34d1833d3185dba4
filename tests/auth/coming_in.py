"""Signing in through the door, as the tests of this folder do it."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.auth.models import Session
from app.database import now
from app.extensions import db
from app.users.models import User
from tests.people import PASSWORD, Browser


def sign_in(
    browser: Browser, login: str = "bob", password: str = PASSWORD, **fields: Any
) -> TestResponse:
    """Send the sign-in form; on success the browser asks for its next token anew."""
    answer = browser.post("/sign-in", {"login": login, "password": password, **fields})
    if answer.status_code == 303:
        browser.username, browser._token = login, None
    return answer


def is_in(browser: Browser) -> bool:
    """Whether the browser is let in to a page that needs a session."""
    return browser.get("/").status_code == 200


def copy_of(browser: Browser) -> Browser:
    """Another browser with the same cookies, as a thief would have it."""
    copy = Browser(browser.app)
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    copy.client.set_cookie("session", cookie.value)
    copy.username = browser.username
    return copy


def sessions_of(app: Flask, username: str) -> list[Session]:
    """The stored sessions of a person, the oldest first."""
    with app.app_context():
        query = select(Session).join(User).where(User.username == username).order_by(Session.id)
        rows = list(db.session.scalars(query))
        for row in rows:
            db.session.expunge(row)
        return rows


def let_pass(app: Flask, minutes: float, username: str) -> None:
    """Move back in time when a person last gave the password, in every session of theirs."""
    moment = now() - timedelta(minutes=minutes)
    with app.app_context():
        whose = select(User.id).where(User.username == username)
        past = update(Session).where(Session.user_id.in_(whose)).values(confirmed_at=moment)
        db.session.execute(past)
        db.session.commit()
