"""A program changes a post."""

from typing import Any

import pytest
from flask import Flask

from tests.audit.kept import kept
from tests.posts.written import ask, stored, write
from tests.users.saved import everything


def patch(app: Flask, number: int, body: Any, by: str = "bob", **options: Any) -> Any:
    return ask(app, "PATCH", f"/bob/post/{number}", by, json=body, **options)


def test_only_what_was_sent_changes(app: Flask) -> None:
    number = write(app, media_url="https://example.com/a.jpg")

    answer = patch(app, number, {"title": "Goodbye"})

    assert (answer.status_code, answer.json) == (200, {"message": "Post updated"})
    post = stored(app, number)
    assert post is not None
    assert (post.title, post.text) == ("Goodbye", "Hello, everybody")
    assert (post.media_url, post.version) == ("https://example.com/a.jpg", 2)
    assert post.updated_at is not None
    assert patch(app, number, {"media_url": None}).status_code == 200
    post = stored(app, number)
    assert post is not None
    assert post.media_url is None
    assert kept(app) == []


def test_nothing_sent_changes_nothing(app: Flask) -> None:
    number = write(app)

    assert patch(app, number, {}).json == {"message": "Post updated"}
    post = stored(app, number)
    assert post is not None
    assert post.version == 1


@pytest.mark.parametrize("body", [{"title": ""}, {"text": None}, {"id": 7}, {"author": 1}])
def test_what_is_wrong_changes_nothing(app: Flask, body: dict[str, Any]) -> None:
    number = write(app)
    before = stored(app, number)

    answer = patch(app, number, body)

    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["body", *body])
    after = stored(app, number)
    assert before is not None
    assert after is not None
    assert after.version == before.version


def test_others_and_strangers_change_nothing(app: Flask) -> None:
    number = write(app)
    before = everything(app, but=("used_at", "address"))["posts"]

    assert patch(app, number, {"title": "Mine"}, "mallory").status_code == 403
    assert patch(app, number, {"title": "Mine"}, "").status_code == 401
    mine = ask(app, "PATCH", f"/mallory/post/{number}", "mallory", json={"title": "Mine"})
    assert (mine.status_code, mine.json["detail"]) == (404, "Post not found")
    assert everything(app)["posts"] == before


def test_a_token_that_only_reads_changes_nothing(app: Flask) -> None:
    from tests.tokens.deeds import bearing, token_of

    number, reader = write(app), bearing(token_of(app, "bob", "read"))

    assert patch(app, number, {"title": "New"}, "", headers=reader).status_code == 403


def test_what_an_operator_changes_is_on_record(app: Flask) -> None:
    number = write(app)

    assert patch(app, number, {"title": "Goodbye"}, "alice").status_code == 200

    [event] = kept(app)
    assert (event.action, event.actor_name) == ("post.changed", "Alice Archer")
    assert (event.subject_name, event.detail) == ("Bob Baker", "Goodbye")
    assert event.changes == {"title": ["Hello", "Goodbye"]}


def test_nobody_overwrites_what_somebody_else_did(app: Flask) -> None:
    number = write(app)
    read = ask(app, "GET", f"/bob/post/{number}").headers["ETag"]
    patch(app, number, {"title": "Faster"})

    late = patch(app, number, {"title": "Later"}, headers={"If-Match": read})

    assert late.status_code == 412
    post = stored(app, number)
    assert post is not None
    assert post.title == "Faster"
    now = ask(app, "GET", f"/bob/post/{number}").headers["ETag"]
    assert patch(app, number, {"title": "Later"}, headers={"If-Match": now}).status_code == 200
