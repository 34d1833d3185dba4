"""A stranger signs up: a form, a mail, and a link that asks for the chosen password."""

import re
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.auth import sign_up_pages
from app.database import now
from app.extensions import db
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept
from tests.auth.coming_in import is_in, sign_in
from tests.mailbox import link_to, mails_to, work
from tests.people import Browser
from tests.users.saved import add, change, everything, exists, saved

CHOSEN = "seven green bottles"
DORA = {"name": "Dora Dale", "username": "dora", "email": "dora@example.com", "password": CHOSEN}


def sign_up(browser: Browser, **changes: str) -> TestResponse:
    return browser.post("/sign-up", {**DORA, **changes})


def finish(browser: Browser, link: str, **changes: str) -> TestResponse:
    answer = browser.post(link, {"username": "dora", "password": CHOSEN, **changes})
    if answer.status_code == 303:
        browser.username, browser._token = "dora", None
    return answer


@pytest.fixture
def link(app: Flask, stranger: Browser) -> str:
    """The path of the link that finishes Dora's sign-up."""
    assert sign_up(stranger).status_code == 303
    return link_to(app, DORA["email"])


def test_dora_signs_up_and_is_in(app: Flask, stranger: Browser, link: str) -> None:
    assert "Welcome, Dora Dale" in stranger.get(link).text

    answer = finish(stranger, link)

    assert (answer.status_code, answer.location) == (303, "/")
    assert is_in(stranger)
    dora = saved(app, "dora")
    assert (dora.name, dora.email, dora.is_superuser) == ("Dora Dale", "dora@example.com", False)
    assert dora.email_confirmed_at is not None
    assert dora.tier is not None
    assert dora.tier.name == "free"
    assert (kept(app)[-1].action, kept(app)[-1].changes) == (
        "account.signed_up",
        {"tier": [None, "free"]},
    )
    assert sign_in(Browser(app), "dora", CHOSEN).status_code == 303


def test_nothing_is_an_account_before_the_link_was_used(
    app: Flask, stranger: Browser, link: str
) -> None:
    assert not exists(app, "dora")
    assert sign_in(Browser(app), "dora", CHOSEN).status_code == 422


def test_the_mail_has_text_and_html_and_nothing_secret(app: Flask, stranger: Browser) -> None:
    sign_up(stranger)
    (mail,) = mails_to(app, DORA["email"])

    assert mail.subject == "Finish your sign-up"
    for body in (mail.text, mail.html):
        assert "Hello dora," in body
        assert "/sign-up/finish/" in body
        assert CHOSEN not in body


def test_a_name_says_nothing_to_the_address_of_somebody_else(app: Flask, stranger: Browser) -> None:
    sign_up(stranger, name="http://evil.example/free")
    (mail,) = mails_to(app, DORA["email"])

    assert "evil.example" not in mail.text + mail.html


def test_the_token_is_stored_nowhere(app: Flask, link: str) -> None:
    token = link.rpartition("/")[2]

    rows = everything(app)
    rows.pop("mails")  # where a developer's machine keeps mails instead of sending them

    assert token not in str(rows)
    assert CHOSEN not in str(rows)


def test_looking_does_not_spend_the_link(app: Flask, stranger: Browser, link: str) -> None:
    before = everything(app)

    for _ in range(3):
        assert stranger.get(link).status_code == 200
        assert stranger.client.head(link).status_code == 200

    assert everything(app) == before
    assert finish(stranger, link).status_code == 303


def test_a_link_works_once(app: Flask, stranger: Browser, link: str) -> None:
    finish(stranger, link)

    dead = Browser(app).get(link)
    assert dead.status_code == 404
    assert '<a class="btn btn-primary" href="/sign-up">Sign up again</a>' in dead.text
    assert finish(Browser(app), link).status_code == 404


def test_of_many_at_once_one_makes_the_account(app: Flask, link: str) -> None:
    browsers = [Browser(app) for _ in range(6)]
    for browser in browsers:
        assert browser.token
    answers: list[int] = []

    def race(browser: Browser) -> None:
        form = {"username": "dora", "password": CHOSEN, "csrf_token": browser.token}
        answers.append(browser.client.post(link, data=form).status_code)

    threads = [threading.Thread(target=race, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(303) == 1
    assert set(answers) <= {303, 404, 422, 503}
    assert [row for row in everything(app)["users"] if "dora@example.com" in row][1:] == []


def test_who_did_not_choose_the_password_gets_no_account(
    app: Flask, stranger: Browser, link: str
) -> None:
    """Mallory cannot have an account made in Dora's name that Mallory knows the password of."""
    answers = [finish(stranger, link, password="a wrong guess") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 5 + [404]
    assert "This is not the password you chose" in answers[0].text
    assert finish(stranger, link).status_code == 404
    assert not exists(app, "dora")


def test_of_many_guesses_at_once_five_are_looked_at(
    app: Flask, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each comes in before any of the others is counted in the table."""
    looked: list[str] = []
    all_are_in = threading.Barrier(5, timeout=10)

    def is_right(_hash: str, guess: str) -> bool:
        looked.append(guess)
        all_are_in.wait()
        return False

    monkeypatch.setattr(sign_up_pages, "is_right", is_right)
    browsers = [Browser(app) for _ in range(8)]
    for browser in browsers:
        assert browser.token
    threads = [
        threading.Thread(target=finish, args=(each, link), kwargs={"password": "wrong guess"})
        for each in browsers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(looked) == 5
    assert finish(Browser(app), link).status_code == 404


def test_a_taken_username_costs_no_answer(app: Flask, stranger: Browser, link: str) -> None:
    add(app, "taken", email="other@example.com")

    answers = [finish(stranger, link, username="taken") for _ in range(6)]

    assert {answer.status_code for answer in answers} == {422}
    assert finish(stranger, link).status_code == 303


def test_a_username_that_was_taken_meanwhile_can_be_chosen_anew(
    app: Flask, stranger: Browser, link: str
) -> None:
    add(app, "dora", email="other@example.com")

    shown = stranger.get(link)
    refused = finish(stranger, link)
    answer = finish(stranger, link, username="dora2")

    assert "dora is taken. Try dora2 or dora3." in shown.text
    assert refused.status_code == 422
    assert "dora is taken. Try dora2 or dora3." in refused.text
    assert answer.status_code == 303
    assert saved(app, "dora2").email == "dora@example.com"


def test_an_address_that_was_taken_meanwhile_is_told(
    app: Flask, stranger: Browser, link: str
) -> None:
    add(app, "another", email=DORA["email"])

    answer = finish(stranger, link)

    assert answer.status_code == 303
    assert not is_in(stranger)
    assert "This address has an account by now" in stranger.get("/sign-in").text
    assert not exists(app, "dora")


# Nobody learns which addresses have an account


def outside(answer: TestResponse) -> tuple[Any, ...]:
    chance = ("X-Request-ID", "Set-Cookie", "Content-Length")
    return answer.status_code, answer.text, [(k, v) for k, v in answer.headers if k not in chance]


def test_a_known_address_gets_the_same_answer(
    app: Flask, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hashing = sign_up_pages.hash_password
    monkeypatch.setattr(
        sign_up_pages, "hash_password", lambda text: hashed.append(text) or hashing(text)
    )

    new = sign_up(stranger)
    known = sign_up(stranger, username="dora2", email="bob@example.com")

    assert outside(known) == outside(new)
    assert hashed == [CHOSEN, CHOSEN]
    check = stranger.htmx_get("/sign-up/check?username=dora2")
    assert "dora2 is free" in check.text


def test_who_has_an_account_is_told_by_mail_only(app: Flask, stranger: Browser) -> None:
    sign_up(stranger, email="bob@example.com")

    (mail,) = mails_to(app, "bob@example.com")

    assert mail.subject == "You have an account already"
    assert "username is bob" in mail.text
    assert "/sign-up/finish/" not in mail.text
    with app.app_context():
        assert db.session.scalars(select(OneTimeToken)).all() == []


def test_nobody_is_flooded_with_mails(app: Flask, stranger: Browser) -> None:
    for _ in range(8):
        assert sign_up(stranger).status_code == 303

    assert len(mails_to(app, DORA["email"])) == 5
    assert set(work(app)) == {"succeeded"}


def test_sign_ups_in_bobs_name_do_not_keep_his_reset_link_away(
    app: Flask, stranger: Browser
) -> None:
    for _ in range(6):
        sign_up(stranger, email="bob@example.com")
    stranger.post("/forgot", {"email": "bob@example.com"})

    assert mails_to(app, "bob@example.com")[-1].subject == "Choose a new password"


# What may be typed


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": "D"}, "name", "Use 2 to 30 characters"),
        ({"username": "Dora!"}, "username", "Use 2 to 20 lower-case letters and digits"),
        ({"username": "bob"}, "username", "bob is taken. Try bob2 or bob3."),
        ({"email": "dora"}, "email", "Enter an email address like name@example.com"),
        ({"password": "short"}, "password", "Use 8 characters or more"),
        ({"password": "dora is here"}, "password", "Choose a password that does not contain"),
        ({"password": "my Gatehouse!"}, "password", "Choose a password that does not contain"),
    ],
)
def test_refused_input_is_told_at_its_field(
    app: Flask, stranger: Browser, changes: dict[str, str], field: str, sentence: str
) -> None:
    before = everything(app)

    answer = sign_up(stranger, **changes)

    assert answer.status_code == 422
    assert re.search(
        rf'id="{field}-error"><span[^>]*>Error:</span>{re.escape(sentence)}', answer.text
    )
    assert 'value="dora@example.com"' in answer.text or field == "email"
    assert CHOSEN not in answer.text
    assert everything(app) == before


def test_everything_that_is_wrong_is_said_at_once(stranger: Browser) -> None:
    answer = sign_up(stranger, username="bob", name="")

    assert answer.status_code == 422
    assert "Enter a name" in answer.text
    assert "bob is taken. Try bob2 or bob3." in answer.text


def test_extra_fields_change_nothing(app: Flask, stranger: Browser) -> None:
    sign_up(stranger, is_superuser="1", tier="pro", id="77", password_hash="x")
    finish(stranger, link_to(app, DORA["email"]), is_superuser="1", tier="pro", email="x@y.zz")

    dora = saved(app, "dora")
    assert (dora.is_superuser, dora.tier.name, dora.email) == (False, "free", "dora@example.com")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("dora", "dora is free"),
        ("bob", "bob is taken. Try bob2 or bob3."),
        ("B!", "Use 2 to 20 lower-case letters and digits"),
        ("bob@example.com", "Use 2 to 20 lower-case letters and digits"),
    ],
)
def test_a_username_is_checked_while_it_is_typed(stranger: Browser, typed: str, said: str) -> None:
    answer = stranger.htmx_get(f"/sign-up/check?username={typed}")

    assert answer.status_code == 200
    assert said in answer.text


def test_checking_usernames_has_an_end(stranger: Browser) -> None:
    answers = [stranger.get(f"/sign-up/check?username=u{number}") for number in range(61)]

    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 601


def test_signing_up_has_an_end_for_one_address_alone(app: Flask, stranger: Browser) -> None:
    answers = [sign_up(stranger, password="x") for _ in range(21)]

    elsewhere = Browser(app).post("/sign-up", DORA, environ_base={"REMOTE_ADDR": "10.0.0.2"})

    assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3601
    assert elsewhere.status_code == 303


def test_htmx_gets_the_form_again(stranger: Browser) -> None:
    refused = stranger.htmx_post("/sign-up", {**DORA, "name": ""})
    accepted = stranger.htmx_post("/sign-up", DORA)

    assert (refused.status_code, "<html" in refused.text) == (422, False)
    assert len(re.findall(r"\bautofocus\b", refused.text)) == 1
    assert (accepted.status_code, accepted.headers["HX-Redirect"]) == (204, "/sign-up/sent")


def test_who_is_signed_in_has_an_account(bob: Browser) -> None:
    assert bob.get("/sign-up").location == "/"


def test_sign_up_can_be_closed(app: Flask, stranger: Browser, link: str) -> None:
    before, settings = everything(app), app.config["SETTINGS"]
    token = stranger.token
    app.config["SETTINGS"] = settings.model_copy(update={"sign_up": "closed"})
    try:
        answers = [stranger.get("/sign-up"), stranger.get("/sign-up/check?username=x")]
        answers.append(stranger.client.post("/sign-up", data={**DORA, "csrf_token": token}))
        answers += [stranger.get(link), finish(stranger, link)]
        page = stranger.get("/sign-in").text
    finally:
        app.config["SETTINGS"] = settings

    assert [answer.status_code for answer in answers] == [404] * 5
    assert "Sign-up is closed here" in answers[0].text
    assert "/sign-up" not in page
    assert everything(app) == before


def test_a_deleted_person_can_come_back_as_somebody_new(app: Flask, stranger: Browser) -> None:
    change(app, "bob", deleted_at=now())

    sign_up(stranger, email="bob@example.com")

    assert finish(stranger, link_to(app, "bob@example.com")).status_code == 303
