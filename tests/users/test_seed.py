"""Many plausible people at once, for whoever wants to see what a million of them do."""

from collections import Counter

import pytest
from flask import Flask
from pydantic import TypeAdapter
from sqlalchemy import select

from app.extensions import db
from app.users.models import User
from app.users.rules import EmailAddress, PersonName, Username
from tests.people import Browser
from tests.users.test_cli import run

MANY = 600


@pytest.fixture
def seeded(app: Flask) -> list[User]:
    done = run(app, "seed", "--users", str(MANY))
    assert done.exit_code == 0, done.output
    assert f"Added {MANY} users in " in done.output
    with app.app_context():
        added = select(User).where(User.id > 4).execution_options(expire_on_commit=False)
        return list(db.session.scalars(added.order_by(User.id)).unique())


def test_they_are_people_as_the_rules_have_them(seeded: list[User]) -> None:
    assert len(seeded) == MANY
    for user in seeded:
        for rule, value in (
            (PersonName, user.name),
            (Username, user.username),
            (EmailAddress, user.email),
        ):
            assert TypeAdapter(rule).validate_python(value) == value
        assert user.password_hash is None
        assert user.last_seen_at is None or user.created_at <= user.last_seen_at


def test_they_differ_as_people_do(seeded: list[User]) -> None:
    states = Counter(user.state for user in seeded)
    tiers = Counter(user.tier_id for user in seeded)

    assert states["invited"] > 500
    assert 0 < states["deleted"] < 30
    assert len(tiers) == 2
    assert min(tiers.values()) > 100
    assert any(user.last_seen_at is None for user in seeded)


def test_more_can_be_added_and_are_found(app: Flask, alice: Browser, seeded: list[User]) -> None:
    assert run(app, "seed", "--users", "3").exit_code == 0

    assert alice.get("/users?q=" + seeded[-1].username).text.count("<tr") >= 2
    with app.app_context():
        assert db.session.query(User).count() == 4 + MANY + 3


def test_not_in_production(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "ENVIRONMENT", "production")

    refused = run(app, "seed", "--users", "3")

    assert refused.exit_code == 1
    assert "This is production" in refused.output
