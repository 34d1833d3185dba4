"""Bob writes a post on a page."""

import pytest
from flask import Flask

from tests.people import Browser
from tests.posts.written import all_stored
from tests.users.saved import saved

POST = {"title": " Hello ", "text": "One.\r\nTwo.", "media_url": ""}


def test_bob_writes_a_post(app: Flask, bob: Browser) -> None:
    form = bob.get("/posts/new").text
    answer = bob.post("/posts", POST)

    [post] = all_stored(app)
    assert form.count("autofocus") == 1
    assert (answer.status_code, answer.location) == (303, f"/posts/{post.id}")
    assert (post.title, post.text, post.media_url) == ("Hello", "One.\nTwo.", None)
    assert post.created_by_user_id == saved(app, "bob").id
    assert "Hello is published" in bob.get(answer.location).text


def test_with_htmx_the_browser_is_sent_on(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post("/posts", POST)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        204,
        f"/posts/{all_stored(app)[0].id}",
    )


@pytest.mark.parametrize("part", [False, True])
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    app: Flask, bob: Browser, part: bool
) -> None:
    form = {"title": "x", "text": "<b>kept</b>", "media_url": "ftp://example.com"}

    answer = (bob.htmx_post if part else bob.post)("/posts", form)

    assert answer.status_code == 422
    assert ("<html" in answer.text) is not part
    assert 'id="title-error"' in answer.text
    assert "Use 2 to 30 characters" in answer.text
    assert "Enter an address that starts with https://" in answer.text
    assert "&lt;b&gt;kept&lt;/b&gt;" in answer.text
    assert answer.text.count("autofocus") == 1
    assert all_stored(app) == []


def test_nothing_that_was_sent_is_asked_for_again(bob: Browser) -> None:
    answer = bob.post("/posts")

    assert answer.status_code == 422
    assert "Enter a title" in answer.text
    assert "Write something" in answer.text


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/posts/new").location == "/sign-in?next=/posts/new"
    assert stranger.post("/posts", POST).location == "/sign-in"
    assert all_stored(app) == []
