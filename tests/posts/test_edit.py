"""Bob changes a post on a page."""

import pytest
from flask import Flask

from app.posts.models import Post
from tests.audit.kept import kept
from tests.people import Browser
from tests.posts.written import ask, stored, write

NEW = {"title": "Goodbye", "text": "Another text", "media_url": "https://example.com/b"}


def the(app: Flask, number: int) -> Post:
    post = stored(app, number)
    assert post is not None
    return post


@pytest.mark.parametrize("part", [False, True])
def test_bob_changes_a_post(app: Flask, bob: Browser, part: bool) -> None:
    number = write(app)
    form = bob.get(f"/posts/{number}/edit").text

    answer = (bob.htmx_post if part else bob.post)(f"/posts/{number}", {**NEW, "version": "1"})

    assert 'value="Hello"' in form
    assert (answer.headers["HX-Redirect"] if part else answer.location) == f"/posts/{number}"
    assert (the(app, number).title, the(app, number).text) == ("Goodbye", "Another text")
    assert the(app, number).media_url == "https://example.com/b"
    assert "Goodbye is saved" in bob.get(f"/posts/{number}").text
    assert kept(app) == []


@pytest.mark.parametrize("part", [False, True])
def test_what_is_wrong_is_told(app: Flask, bob: Browser, part: bool) -> None:
    number = write(app)

    answer = (bob.htmx_post if part else bob.post)(f"/posts/{number}", {**NEW, "title": ""})

    assert answer.status_code == 422
    assert ("<html" in answer.text) is not part
    assert "Enter a title" in answer.text
    assert "Another text" in answer.text
    assert the(app, number).version == 1


@pytest.mark.parametrize("part", [False, True])
def test_a_change_from_elsewhere_is_shown_and_not_overwritten_by_accident(
    app: Flask, bob: Browser, part: bool
) -> None:
    number, send = write(app), bob.htmx_post if part else bob.post
    ask(app, "PATCH", f"/bob/post/{number}", "bob", json={"title": "Faster", "text": "By program"})

    late = send(f"/posts/{number}", {**NEW, "version": "1"})

    assert late.status_code == 409
    assert "This post was changed meanwhile" in late.text
    assert "“Faster”" in late.text
    assert "By program" in late.text
    assert 'value="Goodbye"' in late.text
    assert late.text.count("autofocus") == 1
    assert the(app, number).title == "Faster"
    assert 'name="version" type="hidden" value="2"' in late.text
    assert send(f"/posts/{number}", {**NEW, "version": "2"}).status_code in (204, 303)
    assert the(app, number).title == "Goodbye"


@pytest.mark.parametrize("who", ["mallory", "alice"])
def test_nobody_else_changes_it(app: Flask, who: str) -> None:
    number = write(app)
    browser = Browser(app, who)

    assert browser.get(f"/posts/{number}/edit").status_code == 404
    assert browser.post(f"/posts/{number}", NEW).status_code == 404
    assert the(app, number).version == 1


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    number = write(app)

    assert stranger.post(f"/posts/{number}", NEW).location == "/sign-in"
    assert the(app, number).version == 1
