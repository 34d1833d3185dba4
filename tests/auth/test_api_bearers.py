"""Who a program acts for: only the token in its header says so, and only while it is good."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.database import now
from app.extensions import db
from app.passwords import hash_password
from app.tokens.models import ApiToken
from app.users.models import User
from tests.people import PASSWORD, Browser
from tests.tokens.deeds import bearing, me, token_of, tokens_of
from tests.users.saved import change, saved


def patch(app: Flask, token: str, body: Any = None, **options: Any) -> Any:
    options = {"json": body} if body is not None else options
    return app.test_client().patch("/api/v1/user/bob", headers=bearing(token), **options)


def test_a_session_cookie_alone_gets_401_from_the_api(bob: Browser) -> None:
    for path in ("/api/v1/user/me", "/api/v1/user/me/"):
        answer = bob.get(path)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "Set-Cookie" not in answer.headers
        said = {"title": "Unauthorized", "status": 401}
        assert said.items() <= answer.json.items()
        assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_the_token_decides_whatever_the_cookie_says(app: Flask, bob: Browser) -> None:
    answer = bob.get("/api/v1/user/me", headers=bearing(token_of(app, "carol")))

    assert answer.json["username"] == "carol"


def test_a_token_opens_no_page(app: Flask) -> None:
    headers = bearing(token_of(app, "alice"))

    assert app.test_client().get("/users", headers=headers).status_code == 303


def test_a_token_anywhere_else_is_no_token(app: Flask) -> None:
    token, client = token_of(app, "bob"), app.test_client()
    client.set_cookie("access_token", token)

    assert client.get("/api/v1/user/me", query_string={"access_token": token}).status_code == 401
    options = {"data": {"access_token": token, "name": "Robert"}}
    assert client.patch("/api/v1/user/bob", **options).status_code == 401
    basic = client.get("/api/v1/user/me", auth=("bob", token))
    assert basic.status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer x", "Bearer gtp_x", "Bearer a.b.c", "Bearer é.é.é"]
)
def test_nonsense_is_401(app: Flask, header: str) -> None:
    answer = app.test_client().get("/api/v1/user/me", headers={"Authorization": header})

    assert answer.status_code == 401


def test_the_use_is_noted_once_a_minute(app: Flask) -> None:
    token = token_of(app, "bob")
    me(app, token, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    [first] = tokens_of(app, "bob")
    me(app, token)
    [second] = tokens_of(app, "bob")
    assert first.used_at == second.used_at
    assert second.address == "203.0.113.9"
    assert saved(app, "bob").last_seen_at is not None
    with app.app_context():
        db.session.execute(update(ApiToken).values(used_at=now() - timedelta(seconds=61)))
        db.session.commit()

    me(app, token)

    assert tokens_of(app, "bob")[0].used_at > first.used_at


def test_an_expired_token_is_refused(app: Flask) -> None:
    assert me(app, token_of(app, "bob", days=-0.0001)).status_code == 401


def test_a_reading_token_changes_nothing(app: Flask) -> None:
    token = token_of(app, "bob", "read")

    answer = patch(app, token, {"name": "Robert"})

    assert me(app, token).status_code == 200
    assert answer.status_code == 403
    assert answer.json["detail"] == "This token may only read. Use one that may write."
    assert saved(app, "bob").name == "Bob Baker"


def test_every_changing_door_of_the_api_is_closed_to_readers(app: Flask) -> None:
    headers, client = bearing(token_of(app, "bob", "read")), app.test_client()
    open_doors = {"auth_api.login", "auth_api.refresh", "auth_api.logout"}  # they act for nobody
    doors = [
        (method, rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.endpoint not in open_doors
    ]

    assert doors
    for method, rule in doors:
        path = re.sub("<[^>]+>", "1", rule.rule.replace("<username>", "bob"))
        assert client.open(path, method=method, headers=headers).status_code == 403, rule


CHANGES: list[dict[str, Any]] = [
    {"password_hash": hash_password("four quiet green lamps")},
    {"active": False},
    {"deleted_at": now()},
    {"is_superuser": True},
    {"must_reset": True},
]


@pytest.mark.parametrize("values", CHANGES, ids=lambda values: next(iter(values)))
def test_tokens_end_when_the_trust_changes(app: Flask, values: dict[str, Any]) -> None:
    token, other = token_of(app, "bob"), token_of(app, "carol")
    login = {"username": "bob", "password": PASSWORD}
    access = app.test_client().post("/api/v1/login", data=login).json["access_token"]
    assert me(app, access).status_code == 200

    change(app, "bob", **values)

    assert tokens_of(app, "bob") == []
    assert [me(app, each).status_code for each in (token, access, other)] == [401, 401, 200]


def test_nothing_else_ends_a_token(app: Flask) -> None:
    token = token_of(app, "bob")
    change(app, "bob", name="Robert", tier="pro")
    with app.app_context():
        user = db.session.scalars(User.by_username("bob")).unique().one()
        db.session.execute(user.rehashed(PASSWORD))
        db.session.commit()

    answer = me(app, token)

    assert answer.status_code == 200
    assert answer.json["name"] == "Robert"
    assert answer.json["tier_id"] == saved(app, "carol").tier_id  # at the very next request


# Errors


def test_errors_are_json(app: Flask) -> None:
    client, token = app.test_client(), token_of(app, "bob")
    deep = b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    kind = {"content_type": "application/json"}
    answers = {
        404: [client.get("/api/v1/nothing"), client.post("/api/x", data={"a": "b"})],
        405: [client.delete("/api/v1/login"), client.get("/api/v1/refresh")],
        413: [patch(app, token, data=b'"' + b"x" * 1_100_000 + b'"', **kind)],
        415: [patch(app, token, data="name=Robert"), client.post("/api/v1/login", json={})],
        400: [
            patch(app, token, data=b'{"name": "\xff\xfe"}', **kind),
            patch(app, token, data='{"name": "Robert"}'.encode("utf-16"), **kind),
            patch(app, token, data='{"name": "Robert"}'.encode("utf-16-le"), **kind),
            patch(app, token, data=deep, **kind),
            patch(app, token, data=b"{", **kind),
            patch(app, token, []),
        ],
    }

    for status, several in answers.items():
        for answer in several:
            assert answer.status_code == status, answer.text
            assert answer.is_json
            said = json.loads(answer.text)
            assert {"detail", "title", "status", "request_id"} == said.keys()
            assert said["status"] == status
