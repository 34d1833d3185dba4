"""Guesses at a password are slowed down: for one account from one address, and for one address."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import throttled_address
from tests.auth.coming_in import is_in, sign_in
from tests.people import PASSWORD, Browser

TRIES = 10
TRIES_PER_ADDRESS = 60


@pytest.fixture
def throttled(stranger: Browser) -> Browser:
    """A browser that has tried as often as it may to be Bob."""
    for _ in range(TRIES):
        assert sign_in(stranger, "bob", "").status_code == 422
    return stranger


def waits(answer: TestResponse, seconds: int = 180) -> bool:
    """Whether the answer is a 429 with a true time: whole seconds, rounded up, to 3 minutes."""
    if answer.status_code != 429:
        return False
    assert re.fullmatch(r"[0-9]+", answer.headers["Retry-After"])
    assert 1 <= int(answer.headers["Retry-After"]) <= seconds + 1
    return True


def test_the_eleventh_try_has_to_wait(stranger: Browser) -> None:
    for _ in range(TRIES):
        assert sign_in(stranger, "bob", "wrong").status_code == 422

    assert waits(sign_in(stranger, "bob", "wrong"))


def test_the_right_password_has_to_wait_too(throttled: Browser) -> None:
    answer = sign_in(throttled)

    assert waits(answer)
    assert PASSWORD not in answer.text
    assert not is_in(throttled)


def test_htmx_is_told_above_the_form(throttled: Browser) -> None:
    answer = throttled.htmx_post("/sign-in", {"login": "bob", "password": PASSWORD})

    assert waits(answer)
    assert answer.headers["HX-Retarget"] == "#notice"
    assert "<html" not in answer.text


def test_guesses_at_nobody_are_answered_alike(stranger: Browser) -> None:
    for _ in range(TRIES):
        sign_in(stranger, "nobody", "")

    assert waits(sign_in(stranger, "nobody", "wrong"))


def test_another_spelling_buys_no_new_tries(throttled: Browser) -> None:
    for spelling in ("BOB", " bob", "Bob  "):
        assert waits(sign_in(throttled, spelling))


def test_another_browser_at_the_address_buys_no_new_tries(app: Flask, throttled: Browser) -> None:
    assert waits(sign_in(Browser(app)))


def test_a_header_buys_no_new_tries(throttled: Browser) -> None:
    form = {"login": "bob", "password": PASSWORD}

    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
        for value in ("10.1.2.3", "for=10.1.2.3", "127.0.0.1, 10.1.2.3"):
            assert waits(throttled.post("/sign-in", form, headers={header: value}))


def test_bob_himself_is_not_locked_out_elsewhere(app: Flask, throttled: Browser) -> None:
    form = {"login": "bob", "password": PASSWORD}

    answer = Browser(app).post("/sign-in", form, environ_base={"REMOTE_ADDR": "10.0.0.2"})

    assert answer.status_code == 303


def test_somebody_else_at_the_address_is_not_locked_out(throttled: Browser) -> None:
    assert sign_in(throttled, "carol").status_code == 303


def test_one_address_cannot_try_many_accounts_without_end(app: Flask) -> None:
    mallory = Browser(app)
    for number in range(TRIES_PER_ADDRESS):
        assert sign_in(mallory, f"user{number}", "").status_code == 422

    assert waits(sign_in(mallory, "carol"))


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_one_ipv6_customer_count_together(
    app: Flask, address: str, counted_as: str
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert throttled_address() == counted_as


def test_an_ipv6_customer_has_one_network_of_addresses_to_guess_from(stranger: Browser) -> None:
    def guess(address: str) -> TestResponse:
        form = {"login": "bob", "password": ""}
        return stranger.post("/sign-in", form, environ_base={"REMOTE_ADDR": address})

    answers = [guess(f"2001:db8:1:2::{number}") for number in range(TRIES)]

    assert [answer.status_code for answer in answers] == [422] * TRIES
    assert waits(guess("2001:db8:1:2:ffff::1"))
    assert guess("2001:db8:1:3::1").status_code == 422


@pytest.mark.parametrize(
    "door",
    ["/reset", "/sign-up/finish", "/welcome", "/confirm-email", "/change-email"],
)
def test_guessing_links_is_slowed_down(stranger: Browser, door: str) -> None:
    def guess(number: int, address: str = "127.0.0.1") -> TestResponse:
        return stranger.post(f"{door}/{number}", environ_base={"REMOTE_ADDR": address})

    answers = [guess(number) for number in range(20)]

    assert [answer.status_code for answer in answers] == [404] * 20
    assert waits(guess(20), 600)
    assert guess(20, "10.0.0.2").status_code == 404
