"""Somebody signs in with a username or an e-mail address, and a password."""

import html
import io
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from urllib.parse import urljoin, urlsplit

import argon2
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import passwords
from app.database import now
from app.passwords import is_outdated
from app.users import models
from tests.auth.coming_in import copy_of, is_in, sessions_of, sign_in
from tests.auth.programs import Program
from tests.people import PASSWORD, Browser
from tests.users.saved import add, change, saved

NEXT = re.compile(r'name="next"[^>]* value="([^"]*)"')
WRONG = "The username or password is not right."
OLD_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
NEWER = OLD_HASHER.hash("another password")
ON_THIS_SITE = ["/tasks", "/users?q=a%20b&page=2", "/users/bob"]
ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "///evil.example",
    "https:evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "\t//evil.example",
    "/\r\n/evil.example",
    "/\x0b/evil.example",
    " //evil.example",
    "evil.example",
    "@evil.example",
]
ENCODED = ["/%2f%2fevil.example", "/%5cevil.example", "/%09/evil.example", "/%2e%2e//evil.example"]


@pytest.mark.parametrize("login", ["bob", "bob@example.com", " BOB ", "Bob@Example.COM"])
def test_bob_signs_in_by_username_or_email(stranger: Browser, login: str) -> None:
    answer = sign_in(stranger, login)

    assert answer.status_code == 303
    assert answer.location == "/"
    assert "Bob Baker" in stranger.get("/").text


def test_htmx_is_sent_to_the_page(stranger: Browser) -> None:
    answer = stranger.htmx_post("/sign-in", {"login": "bob", "password": PASSWORD})

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/"
    assert is_in(stranger)


def test_a_wrong_password_keeps_what_was_typed_but_not_the_password(stranger: Browser) -> None:
    answer = sign_in(stranger, "bob@example.com", "not the right one")

    assert answer.status_code == 422
    assert WRONG in answer.text
    assert 'value="bob@example.com"' in answer.text
    assert "not the right one" not in answer.text
    assert "<title>Error: Sign in" in answer.text
    assert not is_in(stranger)


def test_htmx_gets_the_form_again_with_one_place_for_the_focus(stranger: Browser) -> None:
    answer = stranger.htmx_post("/sign-in", {"login": "bob", "password": "wrong"})

    assert answer.status_code == 422
    assert WRONG in answer.text
    assert "<html" not in answer.text
    assert len(re.findall(r"\bautofocus\b", answer.text)) == 1


def test_empty_fields_are_named(stranger: Browser) -> None:
    answer = sign_in(stranger, " ", "")

    assert answer.status_code == 422
    assert "Enter your username or email address" in answer.text
    assert "Enter your password" in answer.text


def same_for_everybody(answer: TestResponse, login: str) -> tuple[int, str, dict[str, str]]:
    """What an onlooker could tell apart: status, words and headers, without chance and echo."""
    words = answer.text.replace(login, "LOGIN")
    words = re.sub(r'(value|content)="[\w.-]{60,}"', "TOKEN", words)
    words = words.replace(answer.headers["X-Request-ID"], "ID")
    chance = ("X-Request-ID", "Set-Cookie", "Content-Length")
    return answer.status_code, words, {k: v for k, v in answer.headers if k not in chance}


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("nobody", "wrong"),
        ("nobody@example.com", "wrong"),
        ("gone", PASSWORD),
        ("invited", PASSWORD),
        ("off", "wrong"),
        ("told", "wrong"),
    ],
)
def test_nobody_learns_who_has_an_account(
    app: Flask, stranger: Browser, monkeypatch: pytest.MonkeyPatch, login: str, password: str
) -> None:
    add(app, "gone", deleted_at=now())
    add(app, "invited", password_hash=None)
    add(app, "off", active=False)
    add(app, "told", must_reset=True)
    hashed = []
    verify = argon2.PasswordHasher.verify

    def counted(*arguments: str) -> bool:
        hashed.append(1)
        return verify(*arguments)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)

    expected = same_for_everybody(sign_in(stranger, "bob", "wrong"), "bob")
    hashed.clear()
    got = same_for_everybody(sign_in(stranger, login, password), login)

    assert got == expected
    assert len(hashed) == 1


def test_only_the_right_password_tells_that_an_account_is_deactivated(
    app: Flask, stranger: Browser
) -> None:
    change(app, "bob", active=False)

    wrong, right = sign_in(stranger, "bob", "wrong"), sign_in(stranger)

    assert "deactivated" not in wrong.text
    assert right.status_code == 422
    assert "This account is deactivated. Ask your administrator." in right.text
    assert not is_in(stranger)


@pytest.mark.parametrize("target", ON_THIS_SITE)
def test_sign_in_leads_back_to_the_page_that_was_wanted(stranger: Browser, target: str) -> None:
    asked = stranger.get(target)
    page = stranger.get(asked.location)

    answer = sign_in(stranger, next=html.unescape(NEXT.search(page.text)[1]))

    assert urlsplit(asked.location).path == "/sign-in"
    assert answer.location == target


@pytest.mark.parametrize("target", ELSEWHERE)
def test_sign_in_leads_to_no_other_site(stranger: Browser, target: str) -> None:
    assert sign_in(stranger, next=target).location == "/"


@pytest.mark.parametrize("target", ELSEWHERE + ENCODED)
def test_whoever_is_signed_in_is_led_to_no_other_site_either(bob: Browser, target: str) -> None:
    answer = bob.get("/sign-in", query_string={"next": target})

    assert answer.status_code == 303
    assert urlsplit(urljoin("http://localhost/sign-in", answer.location)).netloc == "localhost"


@pytest.mark.parametrize("target", ENCODED)
def test_encoded_slashes_stay_a_path_of_this_site(stranger: Browser, target: str) -> None:
    answer = stranger.htmx_post("/sign-in", {"login": "bob", "password": PASSWORD, "next": target})

    there = urljoin("http://localhost/sign-in", answer.headers["HX-Redirect"])
    assert urlsplit(there).netloc == "localhost"


def test_a_page_with_letters_of_any_script_is_found_again(stranger: Browser) -> None:
    fields = {"login": "bob", "password": PASSWORD, "next": "/users/東京"}

    answer = stranger.htmx_post("/sign-in", fields)

    assert answer.headers["HX-Redirect"] == "/users/%E6%9D%B1%E4%BA%AC"


def test_the_session_id_changes_at_sign_in(app: Flask, mallory: Browser) -> None:
    planted = copy_of(mallory)

    sign_in(planted, "bob")

    assert "Bob Baker" in planted.get("/").text
    assert [row.token_hash for row in sessions_of(app, "mallory")] == []
    assert not is_in(mallory)


def test_nothing_of_before_sign_in_is_good_after_it(stranger: Browser) -> None:
    token, planted = stranger.token, copy_of(stranger)
    with stranger.client.session_transaction() as session:
        session["adding_app"] = "a step that somebody else began"
    sign_in(stranger)

    forged = stranger.client.post("/sign-out", data={"csrf_token": token})

    assert forged.status_code == 400
    assert is_in(stranger)
    assert not is_in(planted)
    with stranger.client.session_transaction() as session:
        assert "adding_app" not in session


def test_a_made_up_session_lets_nobody_in(stranger: Browser) -> None:
    with stranger.client.session_transaction() as session:
        session["_user_id"] = "a token that was never given out"

    assert not is_in(stranger)


@pytest.mark.parametrize("cookie", ["", "x", "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbb", "é" * 9])
def test_an_unsigned_session_lets_nobody_in(stranger: Browser, cookie: str) -> None:
    stranger.client.set_cookie("session", cookie)

    assert stranger.get("/").status_code == 303


@pytest.mark.parametrize("is_program", [False, True])
def test_an_old_hash_is_upgraded_at_sign_in(
    app: Flask, stranger: Browser, is_program: bool
) -> None:
    old = OLD_HASHER.hash(PASSWORD)
    change(app, "bob", password_hash=old)
    version = saved(app, "bob").version

    if is_program:
        assert Program(app, "bob").is_in()
    else:
        sign_in(stranger)

    bob = saved(app, "bob")
    assert bob.password_hash != old
    assert not is_outdated(bob.password_hash or "")
    assert bob.version == version
    assert sign_in(Browser(app)).status_code == 303


def test_several_sign_ins_at_once_upgrade_an_old_hash_and_end_no_session(
    app: Flask, bob: Browser
) -> None:
    change(app, "bob", password_hash=OLD_HASHER.hash(PASSWORD))
    browsers = [Browser(app) for _ in range(3)]
    assert all(browser.token for browser in browsers)

    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(sign_in, browsers))

    assert [answer.status_code for answer in answers] == [303] * len(browsers)
    assert not is_outdated(saved(app, "bob").password_hash or "")
    assert all(is_in(browser) for browser in [bob, *browsers])
    assert sign_in(Browser(app)).status_code == 303


@pytest.fixture
def overtaken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob's password is changed in another browser, right after it was found to be right here."""

    def checked(encoded: str | None, password: str) -> bool:
        right = passwords.is_right(encoded, password)
        change_it = Thread(target=change, args=(app, "bob"), kwargs={"password_hash": NEWER})
        change_it.start()
        change_it.join()
        return right

    monkeypatch.setattr(models, "is_right", checked)


@pytest.mark.usefixtures("overtaken")
def test_a_password_that_is_changed_at_that_moment_lets_nobody_in(
    app: Flask, stranger: Browser
) -> None:
    sign_in(stranger)

    assert not is_in(stranger)
    assert sessions_of(app, "bob") == []


@pytest.mark.usefixtures("overtaken")
def test_a_program_does_not_come_in_with_such_a_password_either(app: Flask) -> None:
    assert Program(app).login("bob").status_code == 409
    assert sessions_of(app, "bob") == []


def test_a_wrong_password_leaves_the_old_hash(app: Flask, stranger: Browser) -> None:
    old = OLD_HASHER.hash(PASSWORD)
    change(app, "bob", password_hash=old)

    sign_in(stranger, "bob", "wrong")

    assert saved(app, "bob").password_hash == old


def test_signing_in_is_seen_but_changes_no_version(app: Flask, stranger: Browser) -> None:
    before = saved(app, "bob")

    sign_in(stranger)

    after = saved(app, "bob")
    assert before.last_seen_at is None
    assert after.last_seen_at is not None
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


def test_a_cookie_lasts_only_where_that_was_asked_for(app: Flask, stranger: Browser) -> None:
    short = sign_in(stranger).headers["Set-Cookie"]
    kept = sign_in(Browser(app), keep="y").headers["Set-Cookie"]

    assert "Expires=" not in short
    assert "Expires=" in kept
    hours = [row.idle_seconds / 3600 for row in sessions_of(app, "bob")]
    assert hours == [24, 7 * 24]


def test_a_file_in_the_place_of_a_text_is_refused(stranger: Browser) -> None:
    answer = stranger.post("/sign-in", {"login": (io.BytesIO(b"bob"), "bob"), "password": "x"})

    assert answer.status_code == 422


@pytest.mark.parametrize("header", [{}, {"HX-Request": "true"}])
def test_a_sign_in_from_another_site_is_refused(stranger: Browser, header: dict[str, str]) -> None:
    form = {"login": "bob", "password": PASSWORD}

    answer = stranger.client.post("/sign-in", data=form, headers=header)

    assert answer.status_code == 400
    assert not is_in(stranger)
