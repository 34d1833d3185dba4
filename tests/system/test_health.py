"""Alive, ready, and what is missing: for machines and for operators."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.database import now
from app.extensions import db
from app.jobs.workers import Worker
from tests.people import Browser

on_servers = pytest.mark.parametrize("mode", ["server"], indirect=True)


def heard_of(app: Flask, seconds_ago: int) -> None:
    """A worker that was last heard of that long ago."""
    with app.app_context():
        seen = now() - timedelta(seconds=seconds_ago)
        db.session.add(Worker(id="w1", host="<b>box</b>", pid=42, threads=4, seen_at=seen))
        db.session.commit()


def test_alive_needs_nothing_and_sets_no_cookie(stranger: Browser) -> None:
    answer = stranger.get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "alive"})
    assert "Set-Cookie" not in answer.headers


def test_ready_with_a_worker(app: Flask, stranger: Browser) -> None:
    heard_of(app, seconds_ago=3)

    answer = stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["status"] == "ready"
    assert set(answer.json["checks"]) == {"database", "limits", "cache", "queue", "worker"}
    assert all(check["ok"] for check in answer.json["checks"].values())
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("seconds", [None, 31])
def test_without_a_worker_it_is_degraded_and_still_serves(
    app: Flask, stranger: Browser, seconds: int | None
) -> None:
    if seconds:
        heard_of(app, seconds_ago=seconds)

    answer = stranger.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert not answer.json["checks"]["worker"]["ok"]
    assert "No worker is running" in answer.json["checks"]["worker"]["detail"]


def test_strangers_learn_no_names_or_addresses(
    app: Flask, stranger: Browser, servers: dict[str, Any]
) -> None:
    heard_of(app, seconds_ago=3)

    said = json.dumps(stranger.get("/readyz").json)

    assert "box" not in said
    assert "127.0.0.1" not in said
    for server in servers.values():
        assert str(getattr(server, "port", "no port")) not in said


@on_servers
def test_without_redis_it_is_degraded_and_comes_back(
    app: Flask, servers: dict[str, Any], alice: Browser, stranger: Browser
) -> None:
    redis = servers["redis"]
    if not redis.is_ours:
        pytest.skip("The Redis of TEST_REDIS_URL is not ours to stop.")
    heard_of(app, seconds_ago=0)

    redis.stop()
    try:
        without = stranger.get("/readyz")
        page = alice.get("/system")
        others = [alice.get(path).status_code for path in ("/", "/users", "/tiers", "/tasks")]
    finally:
        redis.start()

    assert (without.status_code, without.json["status"]) == (200, "degraded")
    checks = without.json["checks"]
    assert [checks[name]["ok"] for name in ("database", "limits", "cache", "queue")] == [
        True,
        *[False] * 3,
    ]
    assert page.status_code == 200
    assert "Degraded" in page.text
    assert "Tasks are accepted and run later." in page.text
    assert others == [200] * 4
    assert stranger.get("/readyz").json["status"] == "ready"


@on_servers
def test_a_start_without_the_database_serves_once_it_is_there(
    mode_settings: dict[str, Any], servers: dict[str, Any], app: Flask
) -> None:
    postgres = servers["postgres"]
    if not postgres.is_ours:
        pytest.skip("The PostgreSQL of TEST_DATABASE_URL is not ours to stop.")

    postgres.stop()
    try:
        other = create_app(app.config["SETTINGS"])
        client = other.test_client()
        before = [client.get(path).status_code for path in ("/healthz", "/readyz", "/sign-in")]
    finally:
        postgres.start()

    assert before == [200, 503, 200]
    assert client.get("/readyz").status_code == 200
    with other.app_context():
        db.engine.dispose()


# The page


def test_operators_see_every_part_and_the_workers(app: Flask, alice: Browser) -> None:
    heard_of(app, seconds_ago=3)

    page = alice.get("/system")

    assert page.status_code == 200
    assert "Everything answers." in page.text
    for part in ("Database", "Limits", "Cache", "Queue", "Worker"):
        assert f"<dt>{part}</dt>" in page.text
    assert "&lt;b&gt;box&lt;/b&gt; · 42" in page.text
    assert "<b>box" not in page.text
    assert "4 threads" in page.text


def test_operators_are_told_how_to_start_a_worker(alice: Browser) -> None:
    page = alice.get("/system")

    assert "No worker is running" in page.text
    assert "./dev flask worker" in page.text


def test_others_do_not_see_the_system(bob: Browser, stranger: Browser) -> None:
    assert bob.get("/system").status_code == 403
    assert stranger.get("/system").location.startswith("/sign-in")
    assert "System" not in bob.get("/").text
