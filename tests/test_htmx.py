"""A page or a part of it, and answers to a change, for browsers with and without htmx."""

from urllib.parse import urlsplit

import pytest
from flask import Flask, get_flashed_messages
from hypothesis import example, given
from hypothesis import strategies as st

from app.htmx import Toast, own_page, page_before, redirect_with, swap_or_redirect, wants_part
from tests.people import Browser

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("headers", "is_part"),
    [
        ({}, False),
        (HTMX, True),
        ({**HTMX, "HX-Boosted": "true"}, False),
        ({**HTMX, "HX-History-Restore-Request": "true"}, False),
        ({"HX-Request": "false"}, False),
        ({"HX-Boosted": "true"}, False),
    ],
)
def test_only_htmx_itself_gets_a_part(
    alice: Browser, headers: dict[str, str], is_part: bool
) -> None:
    answer = alice.get("/users", headers=headers)

    assert ("<html" not in answer.text) is is_part
    assert 'id="user-results"' in answer.text


def test_a_change_answers_with_303_or_with_the_part(app: Flask) -> None:
    context = {"sentence": "Done"}
    with app.test_request_context("/x", method="POST"):
        page = swap_or_redirect("_error.html", "/users", Toast("Saved"), **context)
    with app.test_request_context("/x", method="POST", headers=HTMX):
        part = swap_or_redirect("_error.html", "/users", Toast("Saved"), **context)
        assert get_flashed_messages() == []

    assert (page.status_code, page.location) == (303, "/users")
    assert part.status_code == 200
    html = part.get_data(as_text=True)
    assert "Done" in html
    assert html.count("Saved") == 1
    assert 'hx-target="#toasts"' in html


def test_undo_gets_the_page_again_even_from_htmx(app: Flask) -> None:
    with app.test_request_context("/x", method="POST", headers=HTMX, data={"undo": "1"}):
        answer = swap_or_redirect("_error.html", "/users", Toast("Back"), sentence="")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/users")


def test_a_redirect_for_htmx_is_an_empty_answer_that_names_the_place(app: Flask) -> None:
    with app.test_request_context("/x", headers=HTMX):
        assert wants_part()
        answer = redirect_with("/users/bob", Toast("Said", is_problem=True))
        said = get_flashed_messages(with_categories=True)

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/users/bob"
    assert "Location" not in answer.headers
    assert answer.data == b""
    assert [(category, message["text"]) for category, message in said] == [("error", "Said")]  # type: ignore[index]


EVIL = (
    *("//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "javascript:alert(1)"),
    *("/\t/evil.test", "/\n/evil.test", " //evil.test", "/ /evil.test", "evil.test", "/\r\nX: y"),
    *("///evil.test", "/\x00/evil.test", "http:/evil.test", "?//evil.test", "", "/a\\b", "data:x"),
)


@pytest.mark.parametrize("target", EVIL)
def test_other_sites_are_never_a_target(target: str) -> None:
    assert own_page(target, "/safe") == "/safe"


@pytest.mark.parametrize("target", ["/", "/users?q=a&page=2", "/users/b%C3%B6b", "/x?next=//y"])
def test_our_own_pages_are(target: str) -> None:
    assert own_page(target, "/safe") == target


def test_no_target_is_the_other_page() -> None:
    assert own_page(None, "/safe") == "/safe"


@given(st.text(alphabet="/\\:?#@.%\t\n\r ab", max_size=12))
@example("/\\/evil")
@example("/.//evil")
def test_whatever_is_asked_for_a_browser_stays_here(target: str) -> None:
    chosen = own_page(target, "/safe")

    # What browsers do first: drop tabs and line ends, and read a backslash as a slash.
    read = "".join(letter for letter in chosen if letter not in "\t\r\n").replace("\\", "/")
    assert read.startswith("/")
    assert not read.startswith("//")
    assert urlsplit(read).netloc == ""


@pytest.mark.parametrize(
    ("referrer", "place"),
    [
        ("http://localhost/users?q=a", "/users?q=a"),
        ("http://localhost/users", "/users"),
        ("http://evil.test/users", "/safe"),
        ("http://localhost.evil.test/users", "/safe"),
        ("http://localhost//evil.test", "/safe"),
        ("http://localhost/\\evil.test", "/safe"),
        ("http://[::1", "/safe"),
        ("nonsense", "/safe"),
        ("", "/safe"),
    ],
)
def test_the_page_before_is_one_of_ours(app: Flask, referrer: str, place: str) -> None:
    with app.test_request_context("/x", headers={"Referer": referrer}):
        assert page_before("/safe") == place
