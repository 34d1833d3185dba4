"""A person's page, as operators see it."""

import re

import pytest
from flask import Flask

from app.database import now
from tests.people import Browser
from tests.users.saved import add, change


def test_the_page_says_who_somebody_is_and_how_much_is_used(alice: Browser) -> None:
    page = alice.get("/users/bob")

    assert page.status_code == 200
    assert "<h1>Bob Baker</h1>" in page.text
    assert "bob@example.com" in page.text
    assert "Account holder" in page.text
    assert "of 1 used" in page.text


def test_the_page_offers_what_may_be_done(alice: Browser) -> None:
    actions = re.findall(r'action="/users/bob/([\w-]+)"', alice.get("/users/bob").text)

    assert sorted(actions) == ["counts", "deactivate", "delete", "promote", "sign-out", "tier"]


def test_ones_own_page_offers_no_way_to_shut_oneself_out(alice: Browser) -> None:
    page = alice.get("/users/alice").text

    assert "/users/alice/deactivate" not in page
    assert "/users/alice/delete" not in page
    assert "Operator" in page


def test_a_deactivated_person_can_be_activated(app: Flask, alice: Browser) -> None:
    change(app, "bob", active=False)

    page = alice.get("/users/bob").text

    assert 'action="/users/bob/activate"' in page
    assert 'action="/users/bob/deactivate"' not in page


def test_a_deleted_person_can_only_be_restored(app: Flask, alice: Browser) -> None:
    add(app, "gone", "Gone Girl", deleted_at=now())

    page = alice.get("/users/gone")

    assert page.status_code == 200
    assert "This user is deleted." in page.text
    assert set(re.findall(r'action="/users/gone/([\w-]+)"', page.text)) == {"restore"}


def test_the_living_person_comes_before_a_deleted_one_of_the_same_name(
    app: Flask, alice: Browser
) -> None:
    add(app, "twin", "Old Twin", deleted_at=now())
    add(app, "twin", "New Twin", email="new@example.com")

    assert "<h1>New Twin</h1>" in alice.get("/users/twin").text


def test_no_page_ever_shows_a_hash_or_a_token(app: Flask, alice: Browser) -> None:
    for path in ("/users", "/users/bob", "/users/bob/edit"):
        assert "argon2" not in alice.get(path).text


def test_a_missing_person_is_a_404_with_close_matches(alice: Browser) -> None:
    page = alice.get("/users/bobb")

    assert page.status_code == 404
    assert 'href="/users/bob">bob</a>' in page.text


def test_resetting_gives_the_whole_of_the_window_back(alice: Browser, bob: Browser) -> None:
    start = {"task": "demonstration"}
    bob.post("/tasks", start)
    assert "Limit reached" in alice.get("/users/bob").text

    answer = alice.htmx_post("/users/bob/counts")

    assert answer.status_code == 200
    assert 'id="quota-panel"' in answer.text
    assert "Counts of Bob Baker start again at zero" in answer.text
    assert "Limit reached" not in answer.text
    assert "Limit reached" not in alice.get("/users/bob").text


@pytest.mark.parametrize("username", ["BOB", "bob%20", "..%2fusers", "%00", "'", "new-user2", "é"])
def test_an_odd_spelling_is_not_somebody(alice: Browser, username: str) -> None:
    assert alice.get(f"/users/{username}").status_code in (400, 404)
