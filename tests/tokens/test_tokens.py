"""Everybody makes, sees and revokes their own API tokens, and sees each once."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import now
from app.extensions import db
from app.tokens.models import MOST_LIVING, ApiToken
from app.tokens.tasks import forget_expired_tokens
from app.users.one_time import digest
from tests.audit.kept import kept
from tests.auth.coming_in import let_pass
from tests.people import PASSWORD, Browser
from tests.tokens.deeds import me, token_of, tokens_of
from tests.users.saved import everything

FORM = {"name": "Nightly backup", "scope": "read", "days": "7"}


def shown(html: str) -> str:
    """The token in its field."""
    found = re.search(r'id="token" type="text" value="(gtp_[^"]+)"', html)
    assert found, html
    return found.group(1)


def recorded(app: Flask) -> list[tuple[str, str, str]]:
    return [(each.action, each.actor_name, each.detail) for each in kept(app)]


def test_a_token_is_shown_once_and_works(app: Flask, bob: Browser) -> None:
    answer = bob.post("/tokens", FORM)

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.text.count(" autofocus") == 1
    token = shown(answer.text)
    assert me(app, token).json["username"] == "bob"
    assert token not in bob.get("/tokens").text
    [row] = tokens_of(app, "bob")
    assert (row.name, row.scope, row.token_hash) == ("Nightly backup", "read", digest(token))
    assert timedelta(days=6.9) < row.expires_at - now() < timedelta(days=7)
    assert recorded(app) == [("token.created", "Bob Baker", "Nightly backup")]
    assert not any(token in row for rows in everything(app).values() for row in map(str, rows))


def test_the_list_says_what_each_is_for(app: Flask, bob: Browser) -> None:
    empty = bob.get("/tokens").text
    assert "Call the API from your own code" in empty
    assert "/api/v1/user/me" in empty
    used = token_of(app, "bob")
    token_of(app, "bob", days=-1)
    me(app, used)

    page = " ".join(re.sub("<[^>]+>", " ", bob.get("/tokens").text).split())

    assert "Script Expired gtp_…" in page
    assert "Script Read and write" in page
    assert "Never used" in page
    assert "Last used today" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "Enter a name"),
        ({"name": "x" * 61}, "Use 60 characters or fewer"),
        ({"scope": "admin"}, "Choose one from the list"),
        ({"days": "4000"}, "Choose one from the list"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    app: Flask, bob: Browser, fields: dict[str, str], sentence: str
) -> None:
    answer = bob.post("/tokens", FORM | fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert tokens_of(app, "bob") == []


def test_loading_the_page_again_makes_no_second_one(app: Flask, bob: Browser) -> None:
    once = re.search(r'name="once"[^>]* value="([^"]+)"', bob.get("/tokens/new").text)
    assert once
    form = FORM | {"once": once.group(1)}
    bob.post("/tokens", form)

    answer = bob.post("/tokens", form)

    assert (answer.status_code, answer.location) == (303, "/tokens")
    assert len(tokens_of(app, "bob")) == 1
    assert "created already" in bob.get("/tokens").text


def test_the_fifty_first_is_refused(app: Flask, bob: Browser) -> None:
    for _ in range(MOST_LIVING - 1):
        token_of(app, "bob")
    token_of(app, "bob", days=-1)  # does not count
    assert bob.post("/tokens", FORM).status_code == 201

    answer = bob.post("/tokens", FORM)

    assert answer.status_code == 422
    assert "Revoke one that you no longer need" in answer.text
    assert len(tokens_of(app, "bob")) == MOST_LIVING + 1


def test_making_and_revoking_ask_for_the_password(app: Flask, bob: Browser) -> None:
    token_of(app, "bob")
    let_pass(app, 10, "bob")
    [row] = tokens_of(app, "bob")

    assert bob.post("/tokens", FORM).status_code == 403
    assert bob.post(f"/tokens/{row.id}/revoke").status_code == 403
    assert len(tokens_of(app, "bob")) == 1
    answer = bob.post("/tokens", FORM | {"confirm_password": PASSWORD})
    assert answer.status_code == 201


def test_a_revoked_token_is_refused_at_once(app: Flask, bob: Browser) -> None:
    token = token_of(app, "bob")
    [row] = tokens_of(app, "bob")
    assert "Revoke Script?" in bob.get(f"/tokens/{row.id}/revoke").text
    assert me(app, token).status_code == 200

    answer = bob.post(f"/tokens/{row.id}/revoke")

    assert (answer.status_code, answer.location) == (303, "/tokens")
    assert me(app, token).status_code == 401
    assert recorded(app) == [("token.revoked", "Bob Baker", "Script")]


def test_nobody_elses_token_is_there(app: Flask, mallory: Browser, alice: Browser) -> None:
    token_of(app, "bob")
    [row] = tokens_of(app, "bob")
    before = everything(app)

    for browser in (mallory, alice):
        assert "Script" not in browser.get("/tokens").text
        for number in (row.id, 2147483647):
            assert browser.get(f"/tokens/{number}/revoke").status_code == 404
            assert browser.post(f"/tokens/{number}/revoke").status_code == 404

    assert everything(app) == before


def test_strangers_are_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    for path in ("/tokens", "/tokens/new", "/tokens/1/revoke"):
        assert stranger.get(path).location == f"/sign-in?next={path}"
    assert stranger.post("/tokens", FORM).location == "/sign-in"
    assert stranger.post("/tokens/1/revoke").location == "/sign-in"


def test_looking_changes_nothing_and_a_form_needs_its_token(app: Flask, bob: Browser) -> None:
    token_of(app, "bob")
    [row] = tokens_of(app, "bob")
    before = everything(app)

    for path in ("/tokens", "/tokens/new", f"/tokens/{row.id}/revoke"):
        assert bob.get(path).status_code == 200
    for path in ("/tokens", f"/tokens/{row.id}/revoke"):
        assert bob.client.post(path, data=FORM | {"csrf_token": "wrong"}).status_code == 400

    assert everything(app) == before


def test_long_expired_ones_are_removed(app: Flask) -> None:
    for days in (-31, -29, 1):
        token_of(app, "bob", days=days)

    with app.app_context():
        forget_expired_tokens()
        assert len(list(db.session.scalars(select(ApiToken)))) == 2
