"""A program writes a post, in the name of its person."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.operations import ODD_KEY
from app.posts.rules import TEXT, TITLE, fits
from app.users.rules import WEB_ADDRESS
from tests.audit.kept import kept
from tests.posts.written import all_stored, ask
from tests.users.saved import everything, saved

BODY = {"title": "Hello", "text": "What I saw.\nToday.", "media_url": "https://example.com/a.jpg"}


def post(app: Flask, body: Any, by: str = "bob", whom: str = "bob", **options: Any) -> TestResponse:
    return ask(app, "POST", f"/{whom}/post", by, json=body, **options)


def test_bob_writes_a_post(app: Flask) -> None:
    answer = post(app, BODY)

    [stored] = all_stored(app)
    shown = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/bob/post/{stored.id}"
    assert shown.pop("created_at") == stored.created_at.isoformat().replace("+00:00", "Z")
    assert shown == {**BODY, "id": stored.id, "created_by_user_id": saved(app, "bob").id}
    assert (stored.title, stored.text) == ("Hello", "What I saw.\nToday.")
    assert kept(app) == []


def test_spaces_around_a_title_and_a_missing_picture_are_fine(app: Flask) -> None:
    answer = post(app, {"title": " My post ", "text": "  as typed  "})

    assert answer.status_code == 201
    assert (answer.json["title"], answer.json["text"]) == ("My post", "  as typed  ")
    assert answer.json["media_url"] is None


def test_the_longest_text_is_kept_whole(app: Flask) -> None:
    text = "😀" * 63_206

    assert post(app, {**BODY, "text": text}).status_code == 201
    assert all_stored(app)[0].text == text


WRONG = [
    ({"title": "x"}, "title", "Use 2 to 30 characters"),
    ({"title": "x" * 31}, "title", "Use 2 to 30 characters"),
    ({"title": " x" + " " * 9}, "title", "Use 2 to 30 characters"),
    ({"title": None}, "title", "Enter a title"),
    ({"title": ["x"]}, "title", "Send a text"),
    ({"title": "a\u202eb"}, "title", "Use letters, digits, signs and spaces only"),
    ({"title": "a\nb"}, "title", "Use letters, digits, signs and spaces only"),
    ({"title": "a\ud800b"}, "title", "This holds half a character, which cannot be kept"),
    ({"text": "x" * 63_207}, "text", "Use 63,206 characters or fewer"),
    ({"text": " \n "}, "text", "Write something"),
    ({"text": "x" * 60_000 + "\0"}, "text", "This holds the character zero, which cannot be kept"),
    ({"media_url": "ftp://example.com/a"}, "media_url", "Enter an address that starts with"),
    ({"media_url": ""}, "media_url", "Enter an address that starts with"),
    ({"media_url": "javascript:alert(1)"}, "media_url", "Enter an address that starts with"),
    ({"media_url": "https://bank.example@evil.example/"}, "media_url", "Enter an address that"),
    ({"media_url": "https://example.com/\n"}, "media_url", "Enter an address that starts with"),
    ({"media_url": "https://example.com/" + "a" * 481}, "media_url", "Enter an address that"),
    ({"created_by_user_id": 1}, "created_by_user_id", "Extra inputs are not permitted"),
    ({"is_deleted": True}, "is_deleted", "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("change", "field", "message"), WRONG)
def test_what_is_wrong_is_told_without_the_value(
    app: Flask, change: dict[str, Any], field: str, message: str
) -> None:
    answer = post(app, {**BODY, **change})

    [problem] = answer.json["detail"]
    assert (answer.status_code, problem["loc"]) == (422, ["body", field])
    assert problem["msg"].startswith(message)
    assert all_stored(app) == []


def test_nothing_in_it_is_told_of_both_fields(app: Flask) -> None:
    answer = post(app, {})

    assert [each["loc"][-1] for each in answer.json["detail"]] == ["title", "text"]


def test_the_published_patterns_say_the_same_as_the_rules() -> None:
    for schema, name in ((TITLE, "title"), (WEB_ADDRESS, "media_url")):
        values = [change[name] for change, field, _ in WRONG if field == name]
        texts = [value for value in values if isinstance(value, str) and "\ud800" not in value]
        assert texts
        assert not any(
            fits(schema, text) and len(text) >= schema.get("minLength", 0) for text in texts
        )
    for schema, name in ((TITLE, "title"), (TEXT, "text"), (WEB_ADDRESS, "media_url")):
        assert fits(schema, BODY[name])


def test_everybody_writes_in_their_own_name_only(app: Flask) -> None:
    for by, whom, status in (
        *(("mallory", "bob", 403), ("alice", "bob", 403), ("mallory", "nobody", 404)),
        *(("", "bob", 401), ("", "nobody", 401)),
    ):
        assert post(app, BODY, by, whom).status_code == status

    assert all_stored(app) == []


def test_the_same_key_writes_one_post(app: Flask) -> None:
    first, second = (post(app, BODY, headers={"Idempotency-Key": "monday"}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert len(all_stored(app)) == 1


@pytest.mark.parametrize("key", ["", " ", "\xe9", "\xfc2", "x" * 256])
def test_an_odd_key_is_refused_and_not_taken_for_that_of_another_call(app: Flask, key: str) -> None:
    answer = post(app, BODY, headers={"Idempotency-Key": key})

    assert (answer.status_code, answer.json["detail"]) == (422, ODD_KEY)
    assert all_stored(app) == []


def test_a_stranger_changes_nothing(app: Flask) -> None:
    before = everything(app)

    assert post(app, {"title": 1}, by="").status_code == 401
    assert everything(app) == before
