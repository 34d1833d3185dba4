"""Signing in through the door, as the tests of this folder do it."""

from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.auth.models import Session
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
