"""Before what is dangerous the password is asked for again; it then counts for ten minutes."""

import re
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.access import confirmation_required, sign_in_required
from tests.audit.kept import kept, told
from tests.auth.coming_in import copy_of, is_in, let_pass, sessions_of, sign_in
from tests.people import PASSWORD, Browser, undo_of
from tests.users.saved import saved

DOOR = "/users/bob/delete"
FROM = {"Referer": "http://localhost/users?q=bob"}
SENT = {"back": "/users?q=bob", "extra": 'a "quoted" <b>word</b>', "next": "/kept"}


@pytest.fixture
def old(app: Flask, alice: Browser) -> Browser:
    """Alice, who gave her password too long ago."""
    let_pass(app, 10, "alice")
    return alice


def fields(html: str) -> dict[str, str]:
    """What the form that asks would send, as a browser without script does."""
    form = re.search(r"<form[^>]*data-once.*?</form>", html, re.S)
    assert form, html
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.group())
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def action(html: str) -> str:
    found = re.search(r'action="([^"]+)" data-once', html)
    assert found
    return found.group(1)


def answer_it(browser: Browser, page: TestResponse, password: str = PASSWORD) -> TestResponse:
    """Send the form, from the address at which it was shown."""
    sent = {**fields(page.text), "confirm_password": password}
    referer = {"Referer": f"http://localhost{page.request.path}"}
    return browser.post(action(page.text), sent, headers=referer)


def test_it_is_asked_first_and_nothing_is_done(app: Flask, old: Browser) -> None:
    page = old.post(DOOR, SENT, headers=FROM)

    assert page.status_code == 403
    assert "<h1>Confirm it is you</h1>" in page.text
    assert page.text.count(" autofocus") == 1
    assert 'href="/users?q=bob">Cancel</a>' in page.text
    assert fields(page.text) == {**SENT, "came_from": "/users?q=bob"}
    assert not saved(app, "bob").is_deleted
    assert kept(app) == []


def test_signing_in_counts_for_ten_minutes_too(app: Flask, stranger: Browser) -> None:
    """Whoever has just come in has just shown who they are; a passkey shows it as well."""
    sign_in(stranger, "alice")
    stranger.username, stranger._token = "alice", None

    assert stranger.post("/users/carol/deactivate").status_code == 303
    let_pass(app, 10, "alice")
    assert stranger.post(DOOR, SENT, headers=FROM).status_code == 403
    assert not saved(app, "bob").is_deleted


def test_the_right_password_does_it_at_once_and_counts_for_ten_minutes(
    app: Flask, old: Browser
) -> None:
    done = answer_it(old, old.post(DOOR, SENT, headers=FROM))

    assert (done.status_code, done.location) == (303, "/users?q=bob")
    assert saved(app, "bob").is_deleted
    assert [told(event)[:2] for event in kept(app)] == [
        ("Alice Archer", "confirmation"),
        ("Alice Archer", "account.deleted"),
    ]
    assert old.post("/users/carol/deactivate").status_code == 303
    let_pass(app, 9.9, "alice")
    assert old.post("/users/carol/delete").status_code == 303
    let_pass(app, 10, "alice")
    assert old.post("/users/mallory/delete").status_code == 403


def test_another_address_for_somebody_asks_too_and_another_name_does_not(
    app: Flask, old: Browser
) -> None:
    person = {"name": "Bob B", "username": "bob", "email": "bob@example.com", "tier": "free"}

    assert old.post("/users/bob", person).status_code == 303
    page = old.post("/users/bob", person | {"email": "alices@example.com"}, headers=FROM)

    assert page.status_code == 403
    assert saved(app, "bob").email == "bob@example.com"
    assert answer_it(old, page).status_code == 303
    assert saved(app, "bob").email == "alices@example.com"


def test_what_is_done_leads_back_to_where_it_began(app: Flask, old: Browser) -> None:
    page = old.post("/users/bob/promote", headers=FROM)
    again = answer_it(old, page, "wrong")

    done = answer_it(old, again)

    assert fields(again.text)["came_from"] == "/users?q=bob"
    assert (done.status_code, done.location) == (303, "/users?q=bob")


def test_a_refusal_leads_back_as_well(old: Browser) -> None:
    page = old.post("/users/alice/delete", headers={"Referer": "http://localhost/users/alice"})

    done = answer_it(old, page)

    assert (done.status_code, done.location) == (303, "/users/alice")
    assert "You cannot delete your own account here." in old.get("/users/alice").text


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_it_leads_only_to_pages_of_this_site(old: Browser, place: str) -> None:
    page = old.post("/users/bob/deactivate", {"came_from": place})
    assert "evil.example" not in page.text

    sent = {"confirm_password": PASSWORD, "came_from": place, "next": place}
    assert old.post("/users/bob/deactivate", sent).location == "/users/bob"
    assert old.post("/confirm", sent).location == "/"


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", "x" * 5000])
def test_a_wrong_password_is_said_at_its_field(app: Flask, old: Browser, password: str) -> None:
    page = answer_it(old, old.post(DOOR, SENT, headers=FROM), password)

    assert page.status_code == 422
    assert '<a href="#confirm_password">This is not your password</a>' in page.text
    assert 'id="confirm_password-error"' in page.text
    assert page.text.count(" autofocus") == 1
    assert fields(page.text) == {**SENT, "came_from": "/users?q=bob"}
    assert f'value="{password}"' not in page.text
    assert not saved(app, "bob").is_deleted
    assert [told(event)[:2] for event in kept(app)] == [("Alice Archer", "confirmation.failed")]


def test_no_password_is_no_guess(app: Flask, old: Browser) -> None:
    page = answer_it(old, old.post(DOOR, SENT, headers=FROM), "")

    assert page.status_code == 422
    assert '<a href="#confirm_password">Enter your password</a>' in page.text
    assert kept(app) == []
    assert not saved(app, "bob").is_deleted


def test_htmx_gets_it_in_place_of_the_page(old: Browser) -> None:
    headers = {"HX-Request": "true", "X-CSRFToken": old.token, **FROM}

    part = old.client.post(DOOR, data=SENT, headers=headers)

    assert part.status_code == 403
    assert (part.headers["HX-Retarget"], part.headers["HX-Reswap"]) == ("#main", "innerHTML")
    assert "<html" not in part.text
    assert fields(part.text) == {**SENT, "came_from": "/users?q=bob"}
    assert answer_it(old, part).location == "/users?q=bob"


def test_the_id_changes_the_copy_is_dead_and_open_forms_stay_good(app: Flask, old: Browser) -> None:
    token = old.token
    copy, before = copy_of(old), sessions_of(app, "alice")[0].token_hash

    answer_it(old, old.post(DOOR))

    [row] = sessions_of(app, "alice")
    assert row.token_hash != before
    assert (is_in(old), is_in(copy)) == (True, False)
    sent = {"csrf_token": token}
    assert old.client.post("/users/carol/deactivate", data=sent).status_code == 303


def test_another_session_of_the_same_person_is_not_confirmed(app: Flask, old: Browser) -> None:
    other = Browser(app, "alice")
    let_pass(app, 11, "alice")

    answer_it(old, old.post(DOOR))

    assert other.post("/users/carol/delete").status_code == 403
    assert is_in(other)


def test_too_many_guesses_stop_even_the_right_password(
    app: Flask, old: Browser, bob: Browser
) -> None:
    page = old.post(DOOR)
    other = Browser(app, "alice")
    let_pass(app, 11, "alice")
    guesses = [answer_it(old, page, "wrong").status_code for _ in range(10)]

    answer = answer_it(other, page)

    assert guesses == [422] * 10
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    assert PASSWORD not in answer.text
    assert not saved(app, "bob").is_deleted
    assert len(kept(app, "confirmation.failed")) == 10
    let_pass(app, 11, "bob")
    sent = {"confirm_password": PASSWORD}
    assert bob.post("/confirm", sent).status_code == 303  # nobody else waits


def test_alice_is_not_locked_out_at_another_address(app: Flask, old: Browser) -> None:
    page = old.post(DOOR)
    for _ in range(10):
        answer_it(old, page, "wrong")
    phone = {"environ_base": {"REMOTE_ADDR": "10.0.0.2"}}

    assert answer_it(old, page).status_code == 429
    assert old.post("/confirm", {"confirm_password": PASSWORD}, **phone).status_code == 303


def test_undo_works_within_the_ten_minutes(app: Flask, old: Browser) -> None:
    answer_it(old, old.post("/users/bob/promote", headers=FROM))
    page = old.get("/users?q=bob").text

    old.post(*undo_of(page))

    assert not saved(app, "bob").is_superuser


def opened(app: Flask, browser: Browser, path: str) -> TestResponse:
    """GET ``path`` as if its page asked for the password."""
    endpoint = app.url_map.bind("").match(path.partition("?")[0])[0]
    view = app.view_functions[endpoint]
    app.view_functions[endpoint] = sign_in_required(confirmation_required(view))
    try:
        return browser.get(path, headers=FROM)
    finally:
        app.view_functions[endpoint] = view


def test_a_page_is_opened_after_it_was_confirmed(app: Flask, old: Browser) -> None:
    page = opened(app, old, "/audit?group=role")

    assert page.status_code == 403
    assert fields(page.text) == {"next": "/audit?group=role", "came_from": "/users?q=bob"}
    assert action(page.text) == "/confirm"
    sent = {**fields(page.text), "confirm_password": PASSWORD}
    wrong = old.post("/confirm", {**sent, "confirm_password": "no"})
    assert fields(wrong.text) == fields(page.text)
    done = old.post("/confirm", sent)
    assert (done.status_code, done.location) == (303, "/audit?group=role")


def test_a_stranger_and_a_forged_form_get_nowhere(
    app: Flask, old: Browser, stranger: Browser
) -> None:
    sent = {"confirm_password": PASSWORD, "came_from": "/users"}

    assert stranger.post("/confirm", sent).location == "/sign-in"
    forged = old.client.post(DOOR, data=sent)

    assert forged.status_code == 400
    assert "did not come from this site" in forged.text
    assert kept(app) == []
