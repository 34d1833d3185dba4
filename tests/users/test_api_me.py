"""What programs read and change about the person they act for."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.audit.models import Event
from app.extensions import db
from tests.tokens.deeds import bearing, me, token_of
from tests.users.saved import everything, saved


def patch(app: Flask, body: Any, whom: str = "bob", by: str = "bob") -> TestResponse:
    path, headers = f"/api/v1/user/{whom}", bearing(token_of(app, by))
    return app.test_client().patch(path, json=body, headers=headers)


def test_i_read_myself_at_both_addresses(app: Flask) -> None:
    token, bob = token_of(app, "bob"), saved(app, "bob")
    other = app.test_client().get("/api/v1/user/me", headers=bearing(token))

    assert me(app, token).json == other.json
    assert other.json == {
        "id": bob.id,
        "name": "Bob Baker",
        "username": "bob",
        "email": "bob@example.com",
        "profile_image_url": None,
        "tier_id": bob.tier_id,
    }


def test_only_what_was_sent_changes(app: Flask) -> None:
    answer = patch(app, {"profile_image_url": "https://example.com/bob.png"})

    assert (answer.status_code, answer.json) == (200, {"message": "User updated"})
    bob = saved(app, "bob")
    assert (bob.name, bob.username) == ("Bob Baker", "bob")
    assert bob.profile_image_url == "https://example.com/bob.png"
    assert patch(app, {"profile_image_url": None}).status_code == 200
    assert patch(app, {"name": " Robert  Baker ", "username": "robert"}).status_code == 200
    bob = saved(app, "robert")
    assert (bob.name, bob.profile_image_url) == ("Robert Baker", None)
    with app.app_context():
        last = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert last is not None
        assert last.action == "account.changed"
        assert last.changes == {
            "name": ["Bob Baker", "Robert Baker"],
            "username": ["bob", "robert"],
        }


def test_nothing_sent_changes_nothing(app: Flask) -> None:
    assert patch(app, {}).json == {"message": "User updated"}
    assert saved(app, "bob").version == 1


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"name": "x"}, "name", "Use 2 to 30 characters"),
        ({"name": None}, "name", "Send a text"),
        ({"name": ["list"]}, "name", "Send a text"),
        ({"name": "se\x00cret"}, "name", "Use letters and spaces only"),
        ({"name": "\ud800\ud800"}, "name", "Use letters and spaces only"),
        ({"username": "Not!"}, "username", "Use 2 to 20 lower-case letters and digits"),
        ({"profile_image_url": "javascript:1"}, "profile_image_url", "Enter an address that"),
        ({"email": "new@example.com"}, "email", "Change your address on your profile page: the"),
        ({"is_superuser": True}, "is_superuser", "Extra inputs are not permitted"),
        ({"tier_id": 987654}, "tier_id", "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_told_without_the_value(
    app: Flask, body: dict[str, Any], field: str, message: str
) -> None:
    answer = patch(app, body)

    assert answer.status_code == 422
    [problem] = answer.json["detail"]
    assert problem.keys() == {"loc", "msg", "type"}
    assert problem["loc"] == ["body", field]
    assert problem["msg"].startswith(message)
    assert str(next(iter(body.values()))) not in str(answer.json["detail"])
    assert saved(app, "bob").version == 1


def test_a_name_that_is_taken(app: Flask) -> None:
    answer = patch(app, {"username": "carol"})

    assert (answer.status_code, answer.json["detail"]) == (422, "Username not available")


def test_nobody_changes_anybody_else(app: Flask) -> None:
    for by, whom in (("mallory", "bob"), ("mallory", "nobody")):
        assert patch(app, {"name": "Robert"}, whom, by).status_code == 403

    assert saved(app, "bob").name == "Bob Baker"


def test_a_stranger_is_refused(app: Flask) -> None:
    before = everything(app)

    answer = app.test_client().patch("/api/v1/user/bob", json={"name": "Robert"})

    assert answer.status_code == 401
    assert everything(app) == before
