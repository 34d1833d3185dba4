"""A password for an access token and a refresh cookie: the same answer for every refusal."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import passwords
from app.auth.models import API
from app.config import load_settings
from app.database import now
from app.users.one_time import digest
from tests.audit.kept import kept
from tests.auth.coming_in import sessions_of, sign_in
from tests.auth.programs import Program, claims_of
from tests.factors.held import code_of, give_app, wrong_code
from tests.people import PASSWORD, Browser
from tests.users.saved import change, everything

WRONG = "Wrong username, email or password."


def actions(app: Flask) -> list[tuple[str, str]]:
    return [(each.action, each.actor_name) for each in kept(app)]


@pytest.mark.parametrize("name", ["bob", "bob@example.com", " BOB "])
def test_a_password_for_two_tokens(app: Flask, name: str) -> None:
    answer = Program(app).login(name)

    assert answer.status_code == 200
    assert answer.json.keys() == {"access_token", "token_type"}
    assert answer.json["token_type"] == "bearer"
    cookie = answer.headers["Set-Cookie"]
    assert re.match(r"refresh_token=[\w.-]+; ", cookie)
    parts = set(cookie.split("; ")[1:])
    assert {"Max-Age=604800", "HttpOnly", "Path=/api/v1", "SameSite=Lax"} <= parts
    assert "Secure" not in parts
    assert Program(app).is_in(answer.json["access_token"])
    assert actions(app) == [("api.signed_in", "Bob Baker")]


def test_outside_of_local_the_cookie_is_secure(app: Flask, monkeypatch: Any) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"environment": "staging"})
    monkeypatch.setitem(app.config, "SETTINGS", settings)

    assert "; Secure" in Program(app).login("bob").headers["Set-Cookie"]


def test_another_site_signs_no_browser_in(app: Flask) -> None:
    program = Program(app)
    program.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"

    assert program.login("bob").status_code == 403
    assert program.cookie == ""
    assert sessions_of(app, "bob") == []


def test_what_the_tokens_say(app: Flask) -> None:
    program = Program(app, "bob")
    access, refresh = claims_of(program.access), claims_of(program.cookie)
    [row] = sessions_of(app, "bob")

    for claims, kind in ((access, "access"), (refresh, "refresh")):
        assert claims["sub"] == str(row.user_id)
        assert (claims["iss"], claims["aud"]) == ("gatehouse", "gatehouse-api")
        assert claims["token_type"] == kind
        assert claims["sid"] == row.sid
    assert access["exp"] - access["iat"] == 30 * 60
    assert refresh["exp"] - refresh["iat"] == 7 * 86400
    assert access["jti"] != refresh["jti"]
    assert (row.kind, row.token_hash) == (API, digest(refresh["jti"]))
    assert timedelta(days=29) < row.ends_at - now() < timedelta(days=30)
    stored = str(everything(app))
    assert program.access not in stored
    assert program.cookie not in stored
    assert refresh["jti"] not in stored


REFUSALS: list[tuple[str, str, dict[str, Any]]] = [
    ("bob", "wrong", {}),
    ("nobody", PASSWORD, {}),
    ("nobody@example.com", PASSWORD, {}),
    ("bob", PASSWORD, {"active": False}),
    ("bob", PASSWORD, {"must_reset": True}),
    ("bob", PASSWORD, {"password_hash": None}),
    ("bob", PASSWORD, {"deleted_at": now()}),
]


@pytest.mark.parametrize(("name", "password", "values"), REFUSALS)
def test_every_refusal_is_the_same_and_costs_one_hash(
    app: Flask, monkeypatch: Any, name: str, password: str, values: dict[str, Any]
) -> None:
    change(app, "bob", **values)
    checked: list[str] = []

    class Counting:
        def verify(self, encoded: str, password: str) -> bool:
            checked.append(encoded)
            return hasher.verify(encoded, password)

    hasher = passwords.HASHER
    monkeypatch.setattr(passwords, "HASHER", Counting())

    answer = Program(app).login(name, password)

    assert answer.status_code == 401
    assert answer.json["detail"] == WRONG
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in answer.headers
    assert len(checked) == 1
    assert sessions_of(app, "bob") == []
    assert [action for action, _ in actions(app)] == ["sign_in.failed"]


def test_what_is_missing_is_named(app: Flask) -> None:
    answer = app.test_client().post("/api/v1/login?username=bob", data={"password": "secret"})

    assert answer.status_code == 422
    missing = {"loc": ["body", "username"], "msg": "Field required", "type": "missing"}
    assert answer.json["detail"] == [missing]
    assert "secret" not in answer.text


def test_guesses_at_both_doors_count_together(app: Flask, stranger: Browser) -> None:
    for _ in range(5):
        sign_in(stranger, "bob", "wrong")
        Program(app).login("bob", "wrong")

    answer = Program(app).login("BOB")

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 181
    assert answer.json["retry_after"] == int(answer.headers["Retry-After"])
    assert answer.json["detail"] == "Rate limit exceeded."
    assert sign_in(stranger).status_code == 429
    assert Program(app).login("carol").status_code == 200


def test_another_fields_name_buys_no_tries(app: Flask) -> None:
    for number in range(10):
        Program(app).login("bob", "wrong", login=f"user{number}")

    assert Program(app).login("bob", login="fresh").status_code == 429


def test_a_second_factor_is_asked_for(app: Flask) -> None:
    secret = give_app(app)
    code = code_of(secret)

    for fields in ({}, {"code": wrong_code(secret)}):
        answer = Program(app).login("bob", **fields)
        assert answer.status_code == 401
        assert answer.json["detail"].startswith("Enter the code of your second factor as code")
    assert Program(app).login("bob", "wrong", code=code).json["detail"] == WRONG
    assert Program(app).login("bob", code=code).status_code == 200
    assert ("sign_in.factor_failed", "Bob Baker") in actions(app)


def test_the_sign_in_is_on_the_security_page_and_ends_there(app: Flask, bob: Browser) -> None:
    program = Program(app)
    program.client.environ_base["HTTP_USER_AGENT"] = "curl/8.14.1"
    access = program.login("bob").json["access_token"]
    row = sessions_of(app, "bob")[-1]
    assert "API sign-in, curl" in bob.get("/security").text

    bob.post(f"/security/sessions/{row.id}/end")

    assert not program.is_in(access)
    assert program.refresh().status_code == 401


def test_signing_out_everywhere_ends_programs(app: Flask, alice: Browser) -> None:
    program = Program(app, "bob")

    alice.post("/users/bob/sign-out")

    assert not program.is_in()
    assert program.refresh().status_code == 401


def test_the_refresh_token_is_no_session_of_a_page(app: Flask) -> None:
    jti = claims_of(Program(app, "bob").cookie)["jti"]
    browser = Browser(app)
    with browser.client.session_transaction() as session:
        session["_user_id"] = jti

    assert browser.get("/").status_code == 303


def test_settings_decide_how_long(
    app: Flask, mode_settings: dict[str, Any], monkeypatch: Any
) -> None:
    short = load_settings(
        **mode_settings, access_token_expire_minutes=1, refresh_token_expire_days=2
    )
    monkeypatch.setitem(app.config, "SETTINGS", short)
    program = Program(app, "bob")
    assert program.is_in()
    access, refresh = claims_of(program.access), claims_of(program.cookie)
    assert access["exp"] - access["iat"] == 60
    assert refresh["exp"] - refresh["iat"] == 2 * 86400
