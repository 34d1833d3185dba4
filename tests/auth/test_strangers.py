"""Guesses at one account from many addresses come to an end, and the owner still gets in."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.audit.models import Event
from app.database import now
from app.extensions import db
from tests.people import PASSWORD, Browser

TOTAL, EACH = 4, 2
HOME, WRONG = "198.51.100.7", "wrong"


@pytest.fixture
def strict(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application, with few tries so that the tests need few."""
    assert app.config["SIGN_IN_STRANGERS"] == (100, 10)
    monkeypatch.setitem(app.config, "SIGN_IN_STRANGERS", (TOTAL, EACH))
    return app


@pytest.fixture
def anybody(strict: Flask) -> Browser:
    return Browser(strict)


def come(browser: Browser, address: str, login: str = "bob", password: str = WRONG) -> TestResponse:
    """Send the sign-in form from an address; ``browser`` itself stays a stranger's."""
    form = {"login": login, "password": password, "csrf_token": browser.token}
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    client = browser.app.test_client()
    client.set_cookie("session", cookie.value)
    return client.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": address})


def use_up(browser: Browser, login: str = "bob", used: int = 0) -> None:
    """Mallory's machines guess, each as often as counts, until together they may no more.

    ``used`` is how many tries from new addresses there were before; Bob's own first one counts.
    """
    for number in range(TOTAL - used):
        answer = come(browser, f"10.0.0.{number // EACH}", login)
        assert answer.status_code == 422


def waits(answer: TestResponse) -> bool:
    """Whether it is a 429 with a true time: whole seconds to the full hour."""
    seconds = int(answer.headers.get("Retry-After", 0))
    hour_ends_in = 3600 - now().timestamp() % 3600
    return answer.status_code == 429 and abs(seconds - hour_ends_in) <= 5


def throttled_events(app: Flask) -> int:
    with app.app_context():
        query = select(func.count()).where(Event.action == "sign_in.throttled")
        return db.session.scalar(query) or 0


def test_many_addresses_together_use_the_tries_up(strict: Flask, anybody: Browser) -> None:
    use_up(anybody)

    assert waits(come(anybody, "10.0.0.99"))
    assert waits(come(anybody, "10.0.0.1", "bob", PASSWORD))
    assert waits(come(anybody, "10.0.0.99", " BOB ", PASSWORD))
    assert throttled_events(strict) == 1


def test_bob_still_gets_in_from_where_he_signed_in_before(anybody: Browser) -> None:
    assert come(anybody, HOME, "bob", PASSWORD).status_code == 303

    use_up(anybody, used=1)

    assert come(anybody, HOME, "bob", "a slip").status_code == 422
    assert come(anybody, HOME, "bob", PASSWORD).status_code == 303
    assert come(anybody, HOME, "bob@example.com", PASSWORD).status_code == 303
    assert waits(come(anybody, "203.0.113.1", "bob", PASSWORD))


def test_bobs_own_slips_at_home_use_nothing_up(anybody: Browser) -> None:
    assert come(anybody, HOME, "bob", PASSWORD).status_code == 303
    for _ in range(EACH + 1):
        assert come(anybody, HOME).status_code == 422

    use_up(anybody, used=1)


def test_one_customer_of_ipv6_is_one_address(anybody: Browser) -> None:
    assert come(anybody, "2001:db8:1:2::7", "bob", PASSWORD).status_code == 303
    use_up(anybody, used=1)

    assert come(anybody, "2001:db8:1:2:aaaa::9", "bob", PASSWORD).status_code == 303
    assert waits(come(anybody, "2001:db8:1:3::7", "bob", PASSWORD))


def test_where_carol_signed_in_is_no_home_of_bob(anybody: Browser) -> None:
    assert come(anybody, HOME, "carol", PASSWORD).status_code == 303
    use_up(anybody)

    assert waits(come(anybody, HOME, "bob", PASSWORD))


def test_a_home_is_forgotten_after_90_days(strict: Flask, anybody: Browser) -> None:
    assert come(anybody, HOME, "bob", PASSWORD).status_code == 303
    with strict.app_context():
        event = db.session.scalars(select(Event).where(Event.action == "sign_in")).one()
        event.at = now() - timedelta(days=90, minutes=1)
        db.session.commit()
    use_up(anybody, used=1)

    assert waits(come(anybody, HOME, "bob", PASSWORD))


def test_one_address_alone_shuts_nobody_out(anybody: Browser) -> None:
    for _ in range(TOTAL + EACH):
        assert come(anybody, "10.0.0.1").status_code == 422

    assert come(anybody, "10.0.0.2", "bob", PASSWORD).status_code == 303


def test_guesses_at_nobody_end_alike(anybody: Browser) -> None:
    use_up(anybody, "nobody")
    use_up(anybody, "bob")

    nobody, bob = come(anybody, "10.0.0.99", "nobody"), come(anybody, "10.0.0.99", "bob")

    assert waits(nobody)
    assert waits(bob)
    assert "bob" not in bob.text.replace('value="bob"', "")
    assert "no such" not in nobody.text


def test_other_accounts_are_not_touched(anybody: Browser) -> None:
    use_up(anybody)

    assert come(anybody, "10.0.0.99", "carol", PASSWORD).status_code == 303
    assert come(anybody, "10.0.0.99", "bobby").status_code == 422


def test_an_empty_password_is_no_guess(anybody: Browser) -> None:
    for number in range(TOTAL + 1):
        assert come(anybody, f"10.0.1.{number}", "bob", "").status_code == 422

    assert come(anybody, "10.0.0.99", "bob", PASSWORD).status_code == 303


def test_the_next_hour_begins_anew(
    strict: Flask, anybody: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_up(anybody)
    store = strict.extensions["counters"]
    clock = store.clock

    monkeypatch.setattr(store, "clock", lambda: clock() + 3600)

    assert come(anybody, "10.0.0.99", "bob", PASSWORD).status_code == 303


def test_programs_guess_at_the_same_account(strict: Flask, anybody: Browser) -> None:
    form = {"username": "bob", "password": WRONG}
    for number in range(TOTAL):
        there = {"REMOTE_ADDR": f"10.0.0.{number // EACH}"}
        answer = strict.test_client().post("/api/v1/login", data=form, environ_base=there)
        assert answer.status_code == 401

    there = {"REMOTE_ADDR": "10.0.0.99"}
    refused = strict.test_client().post("/api/v1/login", data=form, environ_base=there)

    assert waits(refused)
    assert refused.is_json
    assert waits(come(anybody, "10.0.0.99", "bob", PASSWORD))


def test_where_a_program_of_bob_came_in_bob_may_too(strict: Flask, anybody: Browser) -> None:
    form, there = {"username": "bob", "password": PASSWORD}, {"REMOTE_ADDR": HOME}
    answer = strict.test_client().post("/api/v1/login", data=form, environ_base=there)
    assert answer.status_code == 200

    use_up(anybody, used=1)

    assert come(anybody, HOME, "bob", PASSWORD).status_code == 303
