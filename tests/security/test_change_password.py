"""A person changes the password: only with the current one, and every other browser is out."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.audit.models import Event
from app.auth.models import digest
from app.extensions import db
from tests.audit.kept import kept
from tests.auth.coming_in import copy_of, is_in, sessions_of, sign_in
from tests.people import PASSWORD, Browser
from tests.users.saved import everything, saved

NEW = "four quiet green lamps"
TRIES = 10


def form(current: str = PASSWORD, new: str = NEW) -> dict[str, str]:
    return {"current_password": current, "new_password": new}


def change(browser: Browser, current: str = PASSWORD, new: str = NEW) -> TestResponse:
    """Send the form; on success the browser asks for its next token anew."""
    answer = browser.post("/security/password", form(current, new))
    if answer.status_code == 303:
        browser._token = None
    return answer


def error_at(answer: TestResponse, field: str) -> str:
    found = re.search(rf'id="{field}-error"><span[^>]*>Error:</span>([^<]*)', answer.text)
    return found.group(1) if found else ""


def test_the_new_password_lets_in_and_the_old_one_does_not(app: Flask, bob: Browser) -> None:
    answer = change(bob)

    assert (answer.status_code, answer.location) == (303, "/security")
    said = bob.get("/security").text
    assert "Your password is changed. You are signed out everywhere else." in said
    assert sign_in(Browser(app)).status_code == 422
    assert sign_in(Browser(app), "bob", NEW).status_code == 303


def test_every_other_session_ends_and_this_one_goes_on(
    app: Flask, bob: Browser, carol: Browser
) -> None:
    phone = Browser(app, "bob")

    change(bob)

    assert is_in(bob)
    assert not is_in(phone)
    assert is_in(carol)
    assert len(sessions_of(app, "bob")) == 1


def test_this_session_goes_on_under_a_new_id(app: Flask, bob: Browser) -> None:
    before = sessions_of(app, "bob")[0]
    thief = copy_of(bob)

    change(bob)

    after = sessions_of(app, "bob")[0]
    with bob.client.session_transaction() as session:
        assert digest(session["_user_id"]) == after.token_hash != before.token_hash
    assert not is_in(thief)
    assert is_in(bob)
    assert (after.created_at, after.ends_at) == (before.created_at, before.ends_at)


def test_forms_from_before_are_refused_afterwards(app: Flask, bob: Browser) -> None:
    token = bob.token
    change(bob)

    answer = bob.client.post("/security/sessions/end-others", data={"csrf_token": token})

    assert answer.status_code == 400


@pytest.mark.parametrize("keep", ["", "y"])
def test_who_asked_to_stay_signed_in_stays_so(app: Flask, stranger: Browser, keep: str) -> None:
    sign_in(stranger, keep=keep)

    change(stranger)

    with stranger.client.session_transaction() as session:
        assert session.permanent is bool(keep)
    idle = sessions_of(app, "bob")[0].idle_seconds
    assert idle == (7 if keep else 1) * timedelta(days=1).total_seconds()


def test_htmx_gets_the_page_again(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post("/security/password", form())

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/security")
    assert saved(app, "bob").has_password(NEW)


@pytest.mark.parametrize("guess", ["not it at all", PASSWORD + " "])
def test_a_wrong_guess_is_told_and_on_record(app: Flask, bob: Browser, guess: str) -> None:
    phone = Browser(app, "bob")

    answer = change(bob, guess, NEW)

    assert answer.status_code == 422
    assert error_at(answer, "current_password") == "This is not your current password"
    assert guess not in answer.text
    assert saved(app, "bob").has_password(PASSWORD)
    assert is_in(phone)
    event = kept(app, "confirmation.failed")[0]
    assert (event.actor_name, event.address) == ("Bob Baker", "127.0.0.1")


@pytest.mark.parametrize(
    ("current", "new", "field", "sentence"),
    [
        ("", NEW, "current_password", "Enter your current password"),
        (PASSWORD, "", "new_password", "Enter a password"),
        (PASSWORD, "short", "new_password", "Use 8 characters or more"),
        (PASSWORD, "x" * 129, "new_password", "Use 128 characters or fewer"),
        (
            PASSWORD,
            "I am BOB myself",
            "new_password",
            "Choose a password that does not contain your username",
        ),
    ],
)
def test_a_refusal_stands_at_its_field_and_changes_nothing(
    app: Flask, bob: Browser, current: str, new: str, field: str, sentence: str
) -> None:
    phone = Browser(app, "bob")
    before = everything(app)

    page = change(bob, current, new)
    part = bob.htmx_post("/security/password", form(current, new))

    for answer in (page, part):
        assert answer.status_code == 422
        assert error_at(answer, field) == sentence
        assert not current or current not in answer.text
        assert not new or new not in answer.text
    assert "<title>Error: Security" in page.text
    assert "<html" not in part.text
    assert everything(app) == before
    assert is_in(phone)


def test_both_fields_are_refused_at_once(bob: Browser) -> None:
    answer = change(bob, "wrong", "short")

    assert error_at(answer, "current_password")
    assert error_at(answer, "new_password")


def test_password_managers_know_the_fields(bob: Browser) -> None:
    page = bob.get("/security").text

    for field, word in (("current_password", "current"), ("new_password", "new")):
        control = re.search(rf'<input[^>]*name="{field}"[^>]*>', page)
        assert control
        assert f'autocomplete="{word}-password"' in control.group()
        assert 'type="password"' in control.group()


def test_the_change_is_on_record_without_either_password(app: Flask, bob: Browser) -> None:
    change(bob)

    with app.app_context():
        event = db.session.scalars(select(Event)).one()
        assert event.action == "password.changed"
        assert (event.actor_id, event.subject_id) == (saved(app, "bob").id,) * 2
        assert event.address == "127.0.0.1"
    kept = str(everything(app)["audit_events"])
    assert PASSWORD not in kept
    assert NEW not in kept
    assert str(saved(app, "bob").password_hash) not in kept


def test_nothing_but_the_password_can_be_changed_here(app: Flask, bob: Browser) -> None:
    before = saved(app, "bob")

    bob.post("/security/password", {**form(), "is_superuser": "y", "username": "alice", "id": "1"})

    after = saved(app, "bob")
    assert (after.id, after.username, after.is_superuser) == (before.id, "bob", False)
    assert saved(app, "alice").has_password(PASSWORD)


def waits(answer: TestResponse) -> bool:
    """Whether the answer is a 429 with a true time: whole seconds to the end of ten minutes."""
    if answer.status_code != 429:
        return False
    assert re.fullmatch(r"[0-9]+", answer.headers["Retry-After"])
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    return True


@pytest.fixture
def throttled(bob: Browser) -> Browser:
    """Bob's browser, in which the password was guessed as often as one may."""
    for _ in range(TRIES):
        assert change(bob, "").status_code == 422
    return bob


def test_after_ten_guesses_even_the_right_password_has_to_wait(
    app: Flask, throttled: Browser
) -> None:
    answer = change(throttled)

    assert waits(answer)
    assert PASSWORD not in answer.text
    assert NEW not in answer.text
    assert saved(app, "bob").has_password(PASSWORD)


def test_htmx_is_told_to_wait_above_the_form(throttled: Browser) -> None:
    answer = throttled.htmx_post("/security/password", form())

    assert waits(answer)
    assert answer.headers["HX-Retarget"] == "#notice"


def test_another_browser_at_the_address_buys_no_new_guesses(app: Flask, throttled: Browser) -> None:
    assert waits(change(Browser(app, "bob")))


def test_bob_himself_is_not_locked_out_elsewhere(app: Flask, throttled: Browser) -> None:
    elsewhere = {"environ_base": {"REMOTE_ADDR": "10.0.0.2"}}

    assert Browser(app, "bob").post("/security/password", form(), **elsewhere).status_code == 303


def test_many_addresses_together_buy_no_more_guesses_than_at_sign_in(
    app: Flask, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_STRANGERS", (2, 1))
    answers = [
        bob.post("/security/password", form(current="wrong"), environ_base={"REMOTE_ADDR": address})
        for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 429]


def test_somebody_else_at_the_address_does_not_have_to_wait(
    throttled: Browser, carol: Browser
) -> None:
    assert change(carol).status_code == 303


def test_a_browser_that_was_signed_out_changes_nothing(app: Flask, bob: Browser) -> None:
    phone = Browser(app, "bob")
    assert phone.token
    change(bob)

    answer = phone.post("/security/password", form(NEW, "and a third one now"))

    assert answer.status_code in (303, 400)
    assert saved(app, "bob").has_password(NEW)


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    before = everything(app)

    assert stranger.post("/security/password", form()).location == "/sign-in"
    assert stranger.get("/security").location == "/sign-in?next=/security"
    assert everything(app) == before


def test_the_token_of_the_form_is_needed(app: Flask, bob: Browser, mallory: Browser) -> None:
    before = everything(app)

    for token in ("", "wrong", mallory.token):
        answer = bob.client.post("/security/password", data={**form(), "csrf_token": token})
        assert answer.status_code == 400

    assert everything(app) == before
