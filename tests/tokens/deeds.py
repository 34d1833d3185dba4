"""Making and using personal tokens, as the tests of the API do it."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.database import now
from app.extensions import db
from app.tokens.models import ApiToken
from app.users.models import User


def token_of(app: Flask, username: str, scope: str = "write", days: float = 30) -> str:
    """A stored personal token of that person."""
    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        row, token = ApiToken.made(user, "Script", scope, now() + timedelta(days=days))
        db.session.add(row)
        db.session.commit()
        return token


def tokens_of(app: Flask, username: str) -> list[ApiToken]:
    """The stored tokens of a person, the oldest first."""
    with app.app_context():
        query = select(ApiToken).join(User).where(User.username == username).order_by(ApiToken.id)
        rows = list(db.session.scalars(query))
        db.session.expunge_all()
        return rows


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def me(app: Flask, token: str, **options: Any) -> TestResponse:
    return app.test_client().get("/api/v1/user/me/", headers=bearing(token), **options)
