"""The second step of signing in: nobody gets past it, and nobody is locked out by others."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import argon2
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.counters import Window
from app.database import now
from app.extensions import counters, db
from app.factors import checks
from app.factors.models import AuthenticatorApp, RecoveryCode
from app.users.one_time import OneTimeToken
from tests.audit.kept import kept, told
from tests.auth.coming_in import copy_of, is_in, sessions_of, sign_in
from tests.auth.programs import Program
from tests.factors.authenticator import ORIGIN, Authenticator
from tests.factors.held import (
    add_passkey,
    code_of,
    give_app,
    give_codes,
    half_in,
    options_in,
    step,
    stored,
    user_named,
    wrong_code,
)
from tests.people import PASSWORD, Browser
from tests.users.saved import change

ELSEWHERE = {"REMOTE_ADDR": "10.1.2.3"}
STEP = "/sign-in/second-step"


@pytest.fixture
def secret(app: Flask) -> str:
    """Bob has an authenticator app."""
    return give_app(app)


def test_the_password_alone_begins_no_session(app: Flask, stranger: Browser, secret: str) -> None:
    half_in(stranger)

    assert not is_in(stranger)
    assert sessions_of(app, "bob") == []
    assert stranger.get(STEP).status_code == 200
    assert stranger.get("/security").status_code == 303


def test_the_code_of_the_app_does(app: Flask, stranger: Browser, secret: str) -> None:
    half_in(stranger, next="/tasks", keep="y")
    before = stranger.client.get_cookie("session")
    answer = step(stranger, code_of(secret))

    assert (answer.status_code, answer.location) == (303, "/tasks")
    assert is_in(stranger)
    (row,) = sessions_of(app, "bob")
    assert row.idle_seconds == 7 * 86400
    assert stranger.client.get_cookie("session") != before
    (event,) = kept(app)
    assert (told(event), event.detail) == (
        ("Bob Baker", "sign_in", ""),
        "with the password and a code",
    )
    assert stored(app, OneTimeToken) == []
    assert stored(app, AuthenticatorApp)[0].used_at is not None


def test_htmx_is_led_through_both_steps(stranger: Browser, secret: str) -> None:
    first = stranger.htmx_post("/sign-in", {"login": "bob", "password": PASSWORD})
    assert (first.status_code, first.headers["HX-Redirect"]) == (204, STEP)
    refused = stranger.htmx_post(STEP, {"code": wrong_code(secret)})
    assert refused.status_code == 422
    assert refused.text.count("autofocus") == 1
    assert "<html" not in refused.text

    answer = stranger.htmx_post(STEP, {"code": code_of(secret)})

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/")


def test_a_code_with_a_space_is_the_same(stranger: Browser, secret: str) -> None:
    half_in(stranger)
    code = code_of(secret)

    assert step(stranger, f" {code[:3]} {code[3:]} ").status_code == 303


def test_a_code_is_accepted_once_and_no_older_one_after_it(
    app: Flask, stranger: Browser, secret: str
) -> None:
    code, older = code_of(secret), code_of(secret, -1)
    step(half_in(stranger), code)
    again = half_in(Browser(app))

    assert step(again, code).status_code == 422
    assert step(again, older).status_code == 422
    assert step(again, code_of(secret, 1)).status_code == 303


def test_codes_from_one_step_away_are_right_and_from_two_are_wrong(
    app: Flask, stranger: Browser, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = now()
    monkeypatch.setattr(checks, "now", lambda: moment)

    def answer(browser: Browser, away: int) -> int:
        return step(browser, code_of(secret, away, moment)).status_code

    half_in(stranger)
    assert [answer(stranger, away) for away in (-2, 2, -1)] == [422, 422, 303]
    assert answer(half_in(Browser(app)), 1) == 303


def test_a_recovery_code_works_once(app: Flask, stranger: Browser, secret: str) -> None:
    codes = give_codes(app)
    assert step(half_in(stranger), codes[3].upper().replace("-", " ")).status_code == 303

    again = step(half_in(Browser(app)), codes[3])

    assert again.status_code == 422
    actions = [event.action for event in kept(app)]
    assert actions == ["factor.code_used", "sign_in", "sign_in.factor_failed"]
    assert [row.used_at is None for row in stored(app, RecoveryCode)].count(True) == 9


def test_a_wrong_recovery_code_costs_one_hash_whatever_it_begins_like(
    app: Flask, stranger: Browser, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, used, *_ = give_codes(app)
    step(half_in(stranger), used)
    browser = half_in(Browser(app))
    hashed = []
    verify = argon2.PasswordHasher.verify

    def counted(*arguments: str) -> bool:
        hashed.append(1)
        return verify(*arguments)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)

    for begins_like in (one[:4], used[:4], "zzzz"):
        hashed.clear()
        assert step(browser, f"{begins_like}-2222-2222").status_code == 422
        assert len(hashed) == 1


def test_recovery_codes_are_stored_as_hashes(app: Flask) -> None:
    codes = give_codes(app)

    for row, code in zip(stored(app, RecoveryCode), codes, strict=True):
        assert row.code_hash.startswith("$argon2id$")
        assert row.selector == code[:4]
        assert code[5:] not in row.code_hash


def test_a_recovery_code_of_somebody_else_is_wrong(
    app: Flask, stranger: Browser, secret: str
) -> None:
    theirs = give_codes(app, "mallory")

    assert step(half_in(stranger), theirs[0]).status_code == 422


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_ten_at_once_with_the_same_code_one_comes_in(app: Flask, secret: str, kind: str) -> None:
    code = code_of(secret) if kind == "app" else give_codes(app)[0]
    browsers = [half_in(Browser(app)) for _ in range(10)]

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda browser: step(browser, code), browsers))

    came_in = [answer for answer in answers if answer.location == "/"]
    assert len(came_in) == 1
    assert len(sessions_of(app, "bob")) == 1
    assert sum(map(is_in, browsers)) == 1


def test_a_step_that_was_copied_lets_one_in(app: Flask, stranger: Browser, secret: str) -> None:
    codes = give_codes(app)
    half_in(stranger)
    copies = [copy_of(stranger) for _ in range(6)]
    for copy in copies:
        copy.token  # noqa: B018 - before the threads

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(step, copies, codes))

    assert [answer.location for answer in answers].count("/") == 1
    assert len(sessions_of(app, "bob")) == 1
    assert [row.used_at is None for row in stored(app, RecoveryCode)].count(True) == 9


def test_without_the_password_there_is_no_step(
    app: Flask, stranger: Browser, mallory: Browser, secret: str
) -> None:
    assert stranger.get(STEP).location == "/sign-in"
    assert step(stranger, code_of(secret)).location == "/sign-in"
    assert mallory.post(STEP, {"code": code_of(secret)}).location == "/sign-in"

    assert sessions_of(app, "bob") == []


def test_the_step_of_one_account_is_not_passed_with_the_code_of_another(
    app: Flask, stranger: Browser, secret: str
) -> None:
    theirs = give_app(app, "mallory")

    assert step(half_in(stranger), code_of(theirs)).status_code == 422
    assert sessions_of(app, "bob") == []


@pytest.mark.parametrize(
    "meanwhile",
    [{"active": False}, {"password_hash": "changed"}, {"must_reset": True}, {"email": "b@x.org"}],
    ids=lambda values: next(iter(values)),
)
def test_the_step_ends_when_the_account_changes(
    app: Flask, stranger: Browser, secret: str, meanwhile: dict[str, object]
) -> None:
    half_in(stranger)
    change(app, "bob", **meanwhile)

    assert step(stranger, code_of(secret)).location == "/sign-in"
    assert not is_in(stranger)


def test_the_step_ends_after_ten_minutes(app: Flask, stranger: Browser, secret: str) -> None:
    half_in(stranger)
    with app.app_context():
        db.session.query(OneTimeToken).update({"expires_at": now() - timedelta(seconds=1)})
        db.session.commit()

    assert step(stranger, code_of(secret)).location == "/sign-in"


def test_a_password_hashed_anew_at_sign_in_does_not_end_its_own_step(
    app: Flask, stranger: Browser, secret: str
) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    change(app, "bob", password_hash=weak)

    assert step(half_in(stranger), code_of(secret)).status_code == 303
    assert is_in(stranger)


def test_five_wrong_codes_end_the_step(app: Flask, stranger: Browser, secret: str) -> None:
    half_in(stranger)
    for _ in range(4):
        assert step(stranger, wrong_code(secret)).status_code == 422

    assert step(stranger, wrong_code(secret)).location == "/sign-in"
    assert "wrong too often" in stranger.get("/sign-in").text
    assert step(stranger, code_of(secret)).location == "/sign-in"
    failures = kept(app, "sign_in.factor_failed")
    assert [event.subject_name for event in failures] == ["Bob Baker"] * 5


def test_the_eleventh_answer_waits_but_not_at_another_address(
    app: Flask, stranger: Browser, secret: str
) -> None:
    for _ in range(2):
        half_in(stranger)
        for _ in range(5):
            step(stranger, wrong_code(secret))

    answer = step(half_in(stranger), code_of(secret))

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    assert len(kept(app, "sign_in.factor_throttled")) == 1
    elsewhere = Browser(app)
    elsewhere.client.environ_base.update(ELSEWHERE)
    assert step(half_in(elsewhere), code_of(secret)).status_code == 303


def test_codes_of_the_app_are_counted_over_all_addresses_and_recovery_codes_are_not(
    app: Flask, secret: str
) -> None:
    codes = give_codes(app)
    for number in range(10):
        browser = Browser(app)
        browser.client.environ_base.update({"REMOTE_ADDR": f"10.1.2.{number}"})
        half_in(browser)
        for _ in range(5):
            step(browser, wrong_code(secret))
    owner = half_in(Browser(app))

    answer = step(owner, code_of(secret))

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert "Too many codes of the app were tried" in answer.text
    assert step(owner, codes[0]).status_code == 303


def take(app: Flask, key: str, seconds: int, times: int) -> None:
    """Use up so many tries of this window."""
    with app.app_context():
        window = Window.at(counters.now(), seconds)
        for _ in range(times):
            counters.take(key, window, times)


def used_up_codes(app: Flask, seconds: int, times: int) -> None:
    """So many codes of Bob's app were tried already, from many addresses."""
    with app.app_context():
        number = user_named("bob").id
    take(app, f"factor-app/{number}/{seconds}", seconds, times)


def test_codes_of_the_app_have_an_end_for_the_day_too(
    app: Flask, stranger: Browser, secret: str
) -> None:
    used_up_codes(app, 86400, 199)
    assert step(half_in(stranger), wrong_code(secret)).status_code == 422

    answer = step(stranger, code_of(secret))

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400


def test_an_app_sealed_under_another_key_cannot_be_checked(
    app: Flask, stranger: Browser, secret: str, bob: Browser
) -> None:
    codes = give_codes(app)
    with app.app_context():
        db.session.query(AuthenticatorApp).update({"secret": "gAAAAA-sealed-under-another-key"})
        db.session.commit()

    assert step(half_in(stranger), code_of(secret)).status_code == 422
    assert "Cannot be checked" in bob.get("/security").text
    assert step(stranger, codes[0]).status_code == 303


def apart_from(login: str, answer: TestResponse) -> str:
    """The page without what differs anyway: what was typed, and the token, which holds the time."""
    token = r'(?<=name="csrf-token" content=")[^"]*|(?<=name="csrf_token" value=")[^"]*'
    return re.sub(token, "", answer.text).replace(login, "")


def test_whoever_does_not_know_the_password_learns_nothing(
    app: Flask, stranger: Browser, secret: str
) -> None:
    with_factor = sign_in(stranger, "bob", "wrong")
    without = sign_in(stranger, "carol", "wrong")

    assert with_factor.status_code == without.status_code == 422
    assert apart_from("bob", with_factor) == apart_from("carol", without)
    assert stored(app, OneTimeToken) == []


# Programs


def test_a_program_needs_a_code_too_and_is_counted_alike(app: Flask, secret: str) -> None:
    program = app.test_client()
    form = {"username": "bob", "password": PASSWORD}

    def login(code: str = "") -> int:
        return program.post("/api/v1/login", data={**form, "code": code}).status_code

    assert login() == 401
    code = code_of(secret)
    assert [login(wrong_code(secret)) for _ in range(3)] == [401] * 3
    assert login(code) == 200
    assert login(code) == 401
    assert len(kept(app, "sign_in.factor_failed")) == 4
    assert step(half_in(Browser(app)), wrong_code(secret)).status_code == 422
    with app.app_context():
        window = Window.at(counters.now(), 600)
        user = user_named("bob")
        assert counters.read(f"factor/{user.id}/127.0.0.1", window) == 6


def test_programs_at_many_addresses_have_no_more_codes_of_the_app_to_try(
    app: Flask, secret: str
) -> None:
    used_up_codes(app, 3600, 49)

    def login(code: str, number: int) -> TestResponse:
        program = Program(app)
        program.client.environ_base["REMOTE_ADDR"] = f"10.1.2.{number}"
        return program.login("bob", code=code)

    assert login(wrong_code(secret), 1).status_code == 401
    answer = login(code_of(secret), 2)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600


# Passkeys


@pytest.fixture
def passkey(bob: Browser) -> Authenticator:
    return add_passkey(bob)


def present(browser: Browser, device: Authenticator, **how: str) -> int:
    """Answer the second step with a passkey."""
    options = options_in(browser.get(STEP))
    return step(browser, answer=device.get(options, **how)).status_code


def test_a_passkey_is_a_second_step(app: Flask, stranger: Browser, passkey: Authenticator) -> None:
    assert present(half_in(stranger), passkey) == 303
    assert is_in(stranger)


def test_a_passkey_of_somebody_else_is_not(
    app: Flask, stranger: Browser, mallory: Browser, passkey: Authenticator
) -> None:
    theirs = add_passkey(mallory)
    theirs.user = passkey.user

    assert present(half_in(stranger), theirs) == 422


def test_an_answer_for_another_site_or_another_challenge_is_wrong(
    app: Flask, stranger: Browser, passkey: Authenticator
) -> None:
    assert present(half_in(stranger), passkey, origin="http://evil.example") == 422
    old = passkey.get(options_in(stranger.get(STEP)))
    assert step(half_in(Browser(app)), answer=old).status_code == 422
    for rubbish in ("{}", "[" * 9000, '{"id": 7}', "x"):
        assert step(half_in(Browser(app)), answer=rubbish).status_code in (422, 429)


@pytest.mark.parametrize("name", ["\ud800", "\0", "é"])
def test_what_no_database_takes_names_no_passkey(
    app: Flask, stranger: Browser, passkey: Authenticator, name: str
) -> None:
    half_in(stranger)
    answer = json.loads(passkey.get(options_in(stranger.get(STEP)))) | {"id": name}

    assert step(stranger, answer=json.dumps(answer)).status_code == 422
    assert stranger.post("/sign-in/passkey").status_code == 303
    hostile = {"answer": json.dumps(answer)}
    assert stranger.post("/sign-in/passkey/answer", hostile).status_code == 422


def test_a_passkey_that_counts_backwards_is_refused_and_on_record(
    app: Flask, stranger: Browser, passkey: Authenticator
) -> None:
    assert present(half_in(stranger), passkey) == 303
    passkey.count = 1

    assert present(half_in(Browser(app)), passkey) == 422
    (event,) = kept(app, "factor.passkey_copied")
    assert event.subject_name == "Bob Baker"


def test_nobody_can_make_a_passkey_look_copied(
    app: Flask, stranger: Browser, passkey: Authenticator
) -> None:
    forged = Authenticator(passkey.user, count=0)
    forged.identifier = passkey.identifier

    assert present(half_in(stranger), forged) == 422
    assert kept(app, "factor.passkey_copied") == []


def test_a_passkey_that_never_counts_works_again_and_again(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    device = add_passkey(bob, count=None)

    assert present(half_in(stranger), device) == 303
    assert present(half_in(Browser(app)), device) == 303


def alone(browser: Browser, device: Authenticator, named: bool = True) -> tuple[int, str | None]:
    """Sign in with nothing but a passkey."""
    assert browser.post("/sign-in/passkey", {"next": "/tasks"}).location == "/sign-in/passkey"
    options = options_in(browser.get("/sign-in/passkey"))
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    given = device.get(options, ORIGIN, named=named)
    answer = browser.post("/sign-in/passkey/answer", {"answer": given})
    return answer.status_code, answer.location


def test_a_passkey_alone_signs_in(app: Flask, stranger: Browser, passkey: Authenticator) -> None:
    assert alone(stranger, passkey) == (303, "/tasks")

    stranger.username, stranger._token = "bob", None
    assert is_in(stranger)
    event = kept(app, "sign_in")[0]
    assert (told(event), event.detail) == (("Bob Baker", "sign_in", ""), "with a passkey alone")


@pytest.mark.parametrize(
    ("deed", "door", "passed"),
    [("begin", "/sign-in/passkey", 303), ("answer", "/sign-in/passkey/answer", 422)],
)
def test_passkeys_have_an_end_for_one_address_alone(
    app: Flask, stranger: Browser, deed: str, door: str, passed: int
) -> None:
    elsewhere = Browser(app)
    for browser in (stranger, elsewhere):
        assert browser.post("/sign-in/passkey", environ_base=ELSEWHERE).status_code == 303
    take(app, f"passkey-{deed}/127.0.0.1", 180, 59)
    assert stranger.post(door, {"answer": "{}"}).status_code == passed

    answer = stranger.post(door, {"answer": "{}"})

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 180
    assert len(kept(app, "sign_in.factor_throttled")) == 1
    there = elsewhere.post(door, {"answer": "{}"}, environ_base=ELSEWHERE)
    assert there.status_code == passed


def test_a_passkey_alone_has_to_verify_and_to_name_its_owner(
    app: Flask, bob: Browser, stranger: Browser, passkey: Authenticator
) -> None:
    assert alone(stranger, passkey, named=False)[0] == 422
    passkey.flags = 1
    assert alone(stranger, passkey)[0] == 422
    assert len(sessions_of(app, "bob")) == 1


@pytest.mark.parametrize("values", [{"active": False}, {"must_reset": True}])
def test_a_passkey_alone_opens_no_account_that_is_shut(
    app: Flask, stranger: Browser, passkey: Authenticator, values: dict[str, bool]
) -> None:
    change(app, "bob", **values)

    assert alone(stranger, passkey)[0] == 422
    assert not is_in(stranger)


def test_the_answer_to_one_challenge_signs_in_once(
    app: Flask, stranger: Browser, passkey: Authenticator
) -> None:
    stranger.post("/sign-in/passkey")
    copy = copy_of(stranger)
    answer = {"answer": passkey.get(options_in(stranger.get("/sign-in/passkey")))}

    assert stranger.post("/sign-in/passkey/answer", answer).location == "/"
    assert copy.post("/sign-in/passkey/answer", answer).location == "/sign-in"


@pytest.mark.parametrize("target", ["/" + "a" * 5000, "//evil.example"])
def test_strangers_cannot_fill_the_table_of_steps(
    app: Flask, stranger: Browser, target: str
) -> None:
    stranger.post("/sign-in/passkey", {"next": target})

    with app.app_context():
        (row,) = db.session.scalars(select(OneTimeToken)).all()
        assert row.payload["next"] == ""


def test_a_passkey_step_is_not_a_second_step(
    app: Flask, stranger: Browser, passkey: Authenticator
) -> None:
    stranger.post("/sign-in/passkey")
    with stranger.client.session_transaction() as session:
        session["second_step"] = session["passkey_step"]

    assert stranger.get(STEP).location == "/sign-in"


def test_at_a_bare_address_there_are_no_passkeys(
    app: Flask, stranger: Browser, bob: Browser, passkey: Authenticator
) -> None:
    at = {"base_url": "http://127.0.0.1"}
    half_in(stranger)
    for browser in (stranger, bob):
        cookie = browser.client.get_cookie("session")
        assert cookie is not None
        browser.client.set_cookie("session", cookie.value, domain="127.0.0.1")

    assert "data-options" not in stranger.get(STEP, **at).text
    assert "http://localhost" in bob.get("/security", **at).text
    assert bob.post("/security/passkeys/new", **at).location == "/"
    assert stranger.post("/sign-in/passkey", **at).location == "/sign-in"
