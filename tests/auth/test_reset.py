"""A forgotten password is reset by a mailed link: once, soon, and it signs nobody in."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.database import now
from app.envelope import path_to_log
from app.extensions import db
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept
from tests.auth.coming_in import is_in, sign_in
from tests.mailbox import link_in, link_to, mails_to
from tests.people import PASSWORD, Browser
from tests.users.saved import add, change, everything, saved

NEW = "four quiet green lamps"
BOBS = "bob@example.com"


def ask(browser: Browser, email: str = BOBS, **options: Any) -> TestResponse:
    return browser.post("/forgot", {"email": email}, **options)


@pytest.fixture
def link(app: Flask, stranger: Browser) -> str:
    """The path of the link in the mail to Bob."""
    assert ask(stranger).status_code == 303
    return link_to(app, BOBS)


def test_bob_chooses_a_new_password_and_signs_in_with_it(
    app: Flask, stranger: Browser, link: str
) -> None:
    page = stranger.get(link)
    answer = stranger.post(link, {"password": NEW})

    assert "For your account <strong>bob</strong>" in page.text
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert not is_in(stranger)
    assert "Your password is set. Sign in with it." in stranger.get("/sign-in").text
    assert sign_in(Browser(app), "bob", PASSWORD).status_code == 422
    assert sign_in(Browser(app), "bob", NEW).status_code == 303


def test_a_reset_ends_every_session(app: Flask, bob: Browser, stranger: Browser, link: str) -> None:
    stranger.post(link, {"password": NEW})

    assert not is_in(bob)


def test_bob_is_told_that_it_was_changed_and_the_trail_too(
    app: Flask, stranger: Browser, link: str
) -> None:
    stranger.post(link, {"password": NEW})

    assert mails_to(app, BOBS)[-1].subject == "Your password was changed"
    asked, reset = kept(app)[-2:]
    assert (asked.action, asked.subject_name, asked.detail) == ("password.asked", "Bob Baker", BOBS)
    assert (reset.action, reset.actor_name, reset.address) == (
        "password.reset", "Bob Baker", "127.0.0.1",
    )  # fmt: skip
    assert saved(app, "bob").email_confirmed_at is not None


def test_a_changed_password_is_told_by_mail(app: Flask, bob: Browser) -> None:
    bob.post("/security/password", {"current_password": PASSWORD, "new_password": NEW})

    assert mails_to(app, BOBS)[-1].subject == "Your password was changed"


def test_looking_spends_nothing_and_a_link_works_once(
    app: Flask, stranger: Browser, link: str
) -> None:
    before = everything(app)
    assert [stranger.get(link).status_code for _ in range(3)] == [200] * 3
    assert everything(app) == before

    assert stranger.post(link, {"password": NEW}).status_code == 303
    assert stranger.post(link, {"password": "another one of mine"}).status_code == 404
    dead = stranger.get(link)
    assert dead.status_code == 404
    assert "This link no longer works" in dead.text
    assert '<a class="btn btn-primary" href="/forgot">Ask for a new link</a>' in dead.text
    assert link not in dead.text
    assert saved(app, "bob").has_password(NEW)


def test_a_refused_password_spends_nothing(stranger: Browser, link: str) -> None:
    refused = stranger.post(link, {"password": "bob is bob"})

    assert refused.status_code == 422
    assert "does not contain your username" in refused.text
    assert stranger.post(link, {"password": NEW}).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "new@example.com"},
        {"password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAA"},
        {"active": False},
        {"deleted_at": now()},
    ],
    ids=["address", "password", "deactivated", "deleted"],
)
def test_a_link_ends_with_the_state_it_was_made_for(
    app: Flask, stranger: Browser, link: str, changes: dict[str, Any]
) -> None:
    change(app, "bob", **changes)

    assert stranger.get(link).status_code == 404
    assert stranger.post(link, {"password": NEW}).status_code == 404


def test_of_two_links_the_second_ends_with_the_first(app: Flask, stranger: Browser) -> None:
    ask(stranger)
    ask(stranger)
    first, second = (link_in(mail) for mail in mails_to(app, BOBS))

    assert stranger.get(first).status_code == stranger.get(second).status_code == 200
    stranger.post(second, {"password": NEW})
    assert stranger.get(first).status_code == 404


def test_a_link_lasts_an_hour(app: Flask, stranger: Browser, link: str) -> None:
    def expire_in(minutes: int) -> None:
        with app.app_context():
            later = now() + timedelta(minutes=minutes)
            db.session.execute(update(OneTimeToken).values(expires_at=later))
            db.session.commit()

    with app.app_context():
        row = db.session.scalars(select(OneTimeToken)).one()
        assert timedelta(minutes=59) < row.expires_at - now() <= timedelta(hours=1)
    expire_in(1)
    assert stranger.get(link).status_code == 200
    expire_in(-1)
    assert stranger.get(link).status_code == 404
    assert stranger.post(link, {"password": NEW}).status_code == 404


def test_a_link_for_something_else_opens_nothing(stranger: Browser, link: str) -> None:
    token = link.rpartition("/")[2]

    for path in (f"/sign-up/finish/{token}", f"/welcome/{token}", f"/reset/{token}x", "/reset/x"):
        assert stranger.get(path).status_code == 404
        assert stranger.post(path, {"password": NEW}).status_code == 404


def test_nobody_learns_which_addresses_have_an_account(app: Flask, stranger: Browser) -> None:
    add(app, "off", active=False)

    def outside(email: str) -> tuple[Any, ...]:
        answer, page = ask(stranger, email), stranger.get("/forgot/sent")
        chance = ("X-Request-ID", "Set-Cookie", "Content-Length")
        headers = [(k, v) for k, v in answer.headers if k not in chance]
        return answer.status_code, answer.text, headers, page.status_code

    assert outside(BOBS) == outside("nobody@example.com") == outside("off@example.com")
    assert mails_to(app, "nobody@example.com") == mails_to(app, "off@example.com") == []


def test_wishes_have_an_end_that_locks_nobody_out_elsewhere(app: Flask, stranger: Browser) -> None:
    answers = [ask(stranger) for _ in range(6)]
    unknown = [ask(stranger, "nobody@example.com") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert [answer.status_code for answer in unknown] == [303] * 5 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 901
    elsewhere = ask(Browser(app), environ_base={"REMOTE_ADDR": "10.0.0.2"})
    assert elsewhere.status_code == 303


def test_one_address_cannot_ask_for_many_mailboxes_without_end(
    app: Flask, stranger: Browser
) -> None:
    answers = [ask(stranger, f"mailbox {number}") for number in range(30)]

    answer = ask(stranger)

    assert {each.status_code for each in answers} == {422}
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 901
    assert mails_to(app, BOBS) == []
    assert ask(stranger, environ_base={"REMOTE_ADDR": "10.0.0.2"}).status_code == 303


def test_a_mailbox_is_not_flooded_from_many_addresses(app: Flask) -> None:
    browser = Browser(app)
    for number in range(8):
        ask(browser, environ_base={"REMOTE_ADDR": f"10.0.0.{number}"})

    assert len(mails_to(app, BOBS)) == 5


def test_an_address_of_the_wrong_form_is_told(stranger: Browser) -> None:
    answer = ask(stranger, "bob")

    assert answer.status_code == 422
    assert "Enter an email address like name@example.com" in answer.text


def test_who_must_choose_a_new_password_is_sent_a_link(app: Flask, stranger: Browser) -> None:
    change(app, "bob", must_reset=True)

    wrong, right = sign_in(stranger, "bob", "wrong"), sign_in(stranger)

    assert "new password first" not in wrong.text
    assert right.status_code == 422
    assert "You have to choose a new password first" in right.text
    (mail,) = mails_to(app, BOBS)
    assert "An operator asked that you choose a new password" in mail.text
    assert stranger.post(link_in(mail), {"password": NEW}).status_code == 303
    assert not saved(app, "bob").must_reset
    assert sign_in(stranger, "bob", NEW).status_code == 303


def test_without_mail_people_are_told_whom_to_ask(app: Flask, stranger: Browser) -> None:
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = settings.model_copy(update={"environment": "production"})
    try:
        answer = stranger.get("/forgot")
    finally:
        app.config["SETTINGS"] = settings

    assert answer.status_code == 404
    assert "No mails are sent from here" in answer.text


def test_the_log_has_no_token(app: Flask, stranger: Browser, link: str) -> None:
    for path in (link, link.upper(), "/sign-up/finish/secret", "/welcome/secret"):
        with app.test_request_context(path):
            assert path_to_log().endswith("/hidden")
