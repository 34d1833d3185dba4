"""A program that signs in by the API and keeps its refresh cookie, and tokens made by hand."""

from datetime import timedelta
from typing import Any

import jwt
from flask import Flask
from werkzeug.test import TestResponse

from app.auth.jwt_tokens import key_for
from app.database import now
from tests.people import PASSWORD
from tests.tokens.deeds import bearing, me

ROOT = "/api/v1"


class Program:
    """Speaks to the API as curl with a cookie jar would."""

    def __init__(self, app: Flask, username: str | None = None) -> None:
        self.app = app
        self.client = app.test_client()
        self.access = self.login(username).json["access_token"] if username else ""

    def login(self, username: str, password: str = PASSWORD, **fields: Any) -> TestResponse:
        form = {"username": username, "password": password, **fields}
        return self.client.post(f"{ROOT}/login", data=form)

    @property
    def cookie(self) -> str:
        """The refresh token in the jar; "" when there is none."""
        found = self.client.get_cookie("refresh_token", path=ROOT)
        return found.value if found else ""

    def refresh(self, cookie: str | None = None, **headers: str) -> TestResponse:
        if cookie is not None:
            self.client.set_cookie("refresh_token", cookie, path=ROOT)
        return self.client.post(f"{ROOT}/refresh", headers=headers)

    def logout(self, bearer: str | None = None) -> TestResponse:
        headers = bearing(bearer) if bearer else {}
        return self.client.post(f"{ROOT}/logout", headers=headers)

    def is_in(self, access: str | None = None) -> bool:
        return me(self.app, access or self.access).status_code == 200


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def forged(
    app: Flask, token: str, kind: str = "access", algorithm: str = "HS256", **claims: Any
) -> str:
    """The same token signed anew with the true key of ``kind``; what is None is left out."""
    payload = {**claims_of(token), **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    with app.app_context():
        return jwt.encode(payload, key_for(kind), algorithm=algorithm)


def long_ago() -> int:
    return int((now() - timedelta(minutes=1)).timestamp())
