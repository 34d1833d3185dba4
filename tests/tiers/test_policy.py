"""Limits are resolved without a query, and a change counts from the next request everywhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app import create_app
from app.config import load_settings
from app.extensions import counters, db
from app.tiers import policy
from app.tiers.limits import LimitReached, caller_of, spend
from app.tiers.models import PolicyVersion, RateLimit, Tier
from app.tiers.routes import limited_routes
from app.users.models import User
from tests.people import Browser
from tests.statements import statements
from tests.tiers.screen import set_limit

START = {"task": "demonstration"}
POLICY_TABLES = ("limit_policy", "rate_limits", "tiers", "limit_usage")


@pytest.fixture
def another(mode_settings: dict[str, Any]) -> Iterator[Flask]:
    """The application once more, as another process has it."""
    other = create_app(load_settings(**mode_settings))
    yield other
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def rule(app: Flask) -> tuple[int, int, str]:
    """What the process would count a call by, asking as a call does."""
    with app.test_request_context():
        bob = db.session.scalars(User.by_login("bob")).one()
        try:
            now = spend(caller_of(bob), limited_routes()["jobs.start"])
        except LimitReached as reached:
            now = reached.standing
        return now.limit, now.period, now.reason


def test_a_call_asks_the_database_for_no_limit(app: Flask, mode: str, bob: Browser) -> None:
    set_limit(app, "free", 1, 3600)
    bob.post("/tasks", START)
    with statements(app) as sent:
        assert bob.post("/tasks", START).status_code == 429

    asked = [each for each in sent if any(table in each for table in POLICY_TABLES)]
    on_page = [each for each in asked if "limit_policy" not in each]
    if mode == "server":  # the round trip that counts tells whether the policy has changed
        assert [each for each in asked if "limit_policy" in each] == []
    assert not any("rate_limits" in each for each in on_page)


def test_a_change_counts_from_the_next_call_in_every_process(app: Flask, another: Flask) -> None:
    set_limit(app, "free", 5, 3600)
    assert rule(app) == rule(another) == (5, 3600, "rule")

    set_limit(another, "free", 7, 60)
    assert rule(app) == (7, 60, "rule")

    with app.app_context():
        tier = db.session.scalars(Tier.by_name("free")).one()
        tier.limits.clear()
        db.session.commit()
    assert rule(another) == rule(app) == (10, 3600, "no rule")


def test_a_change_that_is_taken_back_moves_nothing(app: Flask) -> None:
    with app.app_context():
        before = policy.stored_version()
        tier = db.session.scalars(Tier.by_name("free")).one()
        tier.name = "gratis"
        db.session.flush()
        assert policy.stored_version() > before
        db.session.rollback()
        assert policy.stored_version() == before
        db.session.commit()
        assert policy.stored_version() == before


def test_only_tiers_and_limits_move_the_version(app: Flask, alice: Browser) -> None:
    with app.app_context():
        before = policy.stored_version()

    assert alice.post("/users/bob/tier", {"tier": "pro"}).status_code == 303
    alice.get("/tiers/pro")

    with app.app_context():
        assert policy.stored_version() == before
        set_limit(app, "free", 99, 60)
        db.session.rollback()
        assert policy.stored_version() > before


@pytest.mark.server_only
def test_a_version_never_goes_back_whoever_tells_it_last(app: Flask, another: Flask) -> None:
    set_limit(app, "free", 5, 3600)
    rule(app)
    with app.app_context():
        version = policy.stored_version()
        counters.tell_version(version - 1)  # somebody slower

    with statements(app) as sent:
        assert rule(app) == (5, 3600, "rule")
    assert not any("limit_policy" in each for each in sent)


@pytest.mark.server_only
def test_a_version_nobody_told_is_known_within_seconds(app: Flask, another: Flask) -> None:
    """Whoever changed it could not reach Redis; what Redis knows ends by itself."""
    set_limit(app, "free", 5, 3600)
    assert rule(another) == (5, 3600, "rule")
    with app.app_context():
        limit = db.session.scalars(Tier.by_name("free")).one().limit_for("jobs.start")
        assert limit
        db.session.execute(update(RateLimit).where(RateLimit.id == limit.id).values(limit=6))
        policy.moved(db.session.connection())
        db.session.commit()
        redis = app.extensions["counters"]._shared._redis
        assert 0 < redis.ttl("{gatehouse}:policy") <= 10
        redis.delete("{gatehouse}:policy")

    assert rule(another) == (6, 3600, "rule")


def test_a_version_that_is_missing_is_made_by_whoever_is_first(app: Flask) -> None:
    with app.app_context():
        db.session.execute(delete(PolicyVersion))
        db.session.commit()
    operators = [Browser(app, "alice") for _ in range(4)]
    begin = Barrier(len(operators), timeout=30)

    def add(number: int) -> int:
        begin.wait()
        return operators[number].post("/tiers", {"name": f"tier {number}"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, range(4))) == [303] * 4
    with app.app_context():
        assert len(db.session.scalars(select(PolicyVersion)).all()) == 1


def test_a_database_that_was_put_back_repeats_no_version(app: Flask) -> None:
    set_limit(app, "free", 5, 3600)
    with app.app_context():
        seen = policy.stored_version()
        db.session.execute(update(PolicyVersion).values(version=3))
        db.session.commit()

    set_limit(app, "free", 6, 3600)

    with app.app_context():
        assert policy.stored_version() > seen
        db.session.execute(update(PolicyVersion).values(version=2**60))
        db.session.commit()
    set_limit(app, "free", 7, 3600)
    with app.app_context():
        assert db.session.scalar(select(PolicyVersion.version)) == 2**60 + 1
