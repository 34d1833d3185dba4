"""Time does not tell who has an account: what is asked takes as long for nobody as for Bob."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import insert, select

from app import passwords
from app.audit.models import Event
from app.extensions import db
from app.users import models
from app.users.models import User
from tests.auth.programs import Program
from tests.people import Browser
from tests.timing import takes_longer

# What is measured is this thread's work: SQLite's is part of it, that of a server is not.
pytestmark = [
    pytest.mark.usefixtures("real_hashes"),
    pytest.mark.parametrize("mode", ["embedded"], indirect=True, scope="session"),
]
CHOSEN = "seven green bottles"
FEWER_PAIRS = 24  # enough where nearly each of them shows a missing hash


def guessing(app: Flask, login: str, network: str) -> Callable[[int], None]:
    """One wrong guess; each comes from an address of its own, so that none is throttled."""
    browser = Browser(app)
    form = {"login": login, "password": "wrong", "csrf_token": browser.token}

    def guess(number: int) -> None:
        there = {"REMOTE_ADDR": f"{network}.{number}"}
        answer = browser.client.post("/sign-in", data=form, environ_base=there)
        assert answer.status_code == 422

    guess(200)  # what is done only once is done before
    return guess


@pytest.fixture
def at_bob(app: Flask) -> Callable[[int], None]:
    return guessing(app, "bob", "10.0.1")


@pytest.fixture
def at_nobody(app: Flask) -> Callable[[int], None]:
    return guessing(app, "nobody", "10.0.2")


def test_a_wrong_password_takes_as_long_for_nobody(
    at_bob: Callable[[int], None], at_nobody: Callable[[int], None]
) -> None:
    assert takes_longer(at_bob, at_nobody) is None


def test_it_takes_as_long_for_whoever_signs_in_often(
    app: Flask, at_bob: Callable[[int], None], at_nobody: Callable[[int], None]
) -> None:
    """From as many networks as a program in a cloud may have, for 90 days."""
    with app.app_context():
        bob = db.session.scalar(select(User.id).where(User.username == "bob"))
        row = {"action": "api.signed_in", "actor_id": bob, "changes": {}}
        places = (f"2001:db8:{number:x}" for number in range(10_000))
        rows = [{**row, "address": f"{net}::1", "network": f"{net}::/64"} for net in places]
        db.session.execute(insert(Event), rows)
        db.session.commit()

    assert takes_longer(at_bob, at_nobody) is None


def test_a_wrong_password_takes_a_program_as_long_for_nobody(app: Flask) -> None:
    def at(login: str, network: str) -> Callable[[int], None]:
        program = Program(app)

        def guess(number: int) -> None:
            program.client.environ_base["REMOTE_ADDR"] = f"{network}.{number}"
            assert program.login(login, "wrong").status_code == 401

        guess(200)  # what is done only once is done before
        return guess

    at_bob, at_nobody = at("bob", "10.0.1"), at("nobody", "10.0.2")

    assert takes_longer(at_bob, at_nobody, FEWER_PAIRS) is None


def test_a_missing_hash_for_nobody_would_be_noticed(
    at_bob: Callable[[int], None],
    at_nobody: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hasty(encoded: str | None, password: str) -> bool:
        return encoded is not None and passwords.is_right(encoded, password)

    monkeypatch.setattr(models, "is_right", hasty)

    assert takes_longer(at_bob, at_nobody) == "first"
    assert takes_longer(at_nobody, at_bob) == "second"


def asking(app: Flask, path: str, who: str, network: str) -> Callable[[int], None]:
    """What a stranger sends about the address of ``who``, from an address of its own each time."""
    browser = Browser(app)
    form = {"email": f"{who}@example.com", "password": CHOSEN, "csrf_token": browser.token}

    def ask(number: int) -> None:
        names = {"name": "Dora Dale", "username": f"dora{number}"}
        there = {"REMOTE_ADDR": f"{network}.{number}"}
        answer = browser.client.post(path, data={**form, **names}, environ_base=there)
        assert answer.status_code == 303

    ask(200)  # what is done only once is done before
    return ask


@pytest.mark.parametrize("path", ["/sign-up", "/forgot"])
def test_an_address_takes_as_long_whether_or_not_it_has_an_account(app: Flask, path: str) -> None:
    at_bob, at_nobody = asking(app, path, "bob", "10.0.1"), asking(app, path, "nobody", "10.0.2")

    assert takes_longer(at_bob, at_nobody) is None
