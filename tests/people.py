"""The cast: Alice is the admin, Bob is free, Carol pays, Mallory is signed in and means harm."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from app.auth.models import Session
from app.auth.sessions import lifetimes
from app.config import Settings
from app.extensions import db
from app.passwords import hash_password
from app.tiers.models import RateLimit, Tier
from app.users.models import User

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
CAST = (
    ("alice", "Alice Archer", "pro", True),
    ("bob", "Bob Baker", "free", False),
    ("carol", "Carol Cooper", "pro", False),
    ("mallory", "Mallory Mason", "free", False),
)
FREE_STARTS, PRO_STARTS = 1, 10


def make_cast() -> None:
    """Two tiers, free with 1 and pro with 10 task starts an hour, and four people; commits."""
    tiers = {name: Tier(name=name) for name in ("free", "pro")}
    db.session.add_all(tiers.values())
    for name, starts in (("free", FREE_STARTS), ("pro", PRO_STARTS)):
        limit = {"route": "jobs.start", "methods": "POST", "limit": starts, "period": 3600}
        db.session.add(RateLimit(tier=tiers[name], **limit))
    db.session.add_all(
        person(username, name, tiers[tier], is_superuser)
        for username, name, tier, is_superuser in CAST
    )
    db.session.commit()


def person(
    username: str, name: str = "", tier: Tier | None = None, is_superuser: bool = False
) -> User:
    """Somebody who can sign in with PASSWORD; not yet added to the session."""
    return User(
        username=username,
        name=name or username.capitalize(),
        email=f"{username}@example.com",
        tier=tier,
        is_superuser=is_superuser,
        password_hash=HASH,
    )


class Browser:
    """A client that keeps cookies and sends the CSRF token, as a browser would."""

    def __init__(self, app: Flask, username: str | None = None) -> None:
        self.app = app
        self.username = username
        self.client: FlaskClient = app.test_client()
        self._token: str | None = None
        if username:
            self._come_in(username)

    def _come_in(self, username: str) -> None:
        settings: Settings = self.app.config["SETTINGS"]
        with self.app.app_context():
            user = db.session.scalars(User.by_username(username)).unique().one()
            row, token = Session.begin(user, *lifetimes(settings, keep=False), "127.0.0.1", "test")
            db.session.add(row)
            db.session.commit()
        with self.client.session_transaction() as session:
            session["_user_id"] = token
            session["_fresh"] = True
            session["csrf_token"] = self.username
        # As Flask-WTF signs it: asking a page for it would cost each test a page.
        key = URLSafeTimedSerializer(settings.secret_key.get_secret_value(), "wtf-csrf-token")
        self._token = key.dumps(self.username)

    @property
    def token(self) -> str:
        if self._token is None:
            html = self.client.get("/" if self.username else "/sign-in").text
            found = re.search(r'name="csrf-token" content="([^"]+)"', html)
            assert found, html
            self._token = found.group(1)
        return self._token

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """POST a form with its token, as without JavaScript."""
        form = {"csrf_token": self.token, **(data or {})}
        return self.client.post(path, data=form, **options)

    def htmx_get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, headers={"HX-Request": "true"}, **options)

    def htmx_post(self, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        headers = {"HX-Request": "true", "X-CSRFToken": self.token}
        return self.client.post(path, data=data or {}, headers=headers)


def undo_of(html: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the Undo form that ``html`` (a page or a fragment) shows."""
    form = re.search(
        r'<form method="post" action="([^"]+)"[^>]*>((?:(?!</form>).)*)Undo', html, re.S
    )
    assert form, f"There is no Undo in {html}"
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', form.group(2))
    return form.group(1), {name: value for name, value in fields if name != "csrf_token"}
