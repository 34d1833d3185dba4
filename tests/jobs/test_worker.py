"""Real workers, as an operator starts and ends them, and what becomes of their jobs."""

import re
import signal
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.jobs.models import Job
from app.jobs.sweep import LOST
from app.jobs.workers import Worker
from tests.jobs.conftest import Consume
from tests.jobs.consumers import (
    LEASE_SECONDS,
    ROOT,
    Pool,
    has_ended,
    is_running,
    marks,
    until,
)
from tests.jobs.deeds import count, lines, look, start
from tests.people import Browser
from tests.tiers.screen import set_limit

pytestmark = pytest.mark.usefixtures("kinds")


def test_the_documented_command_runs_a_job_from_end_to_end(
    app: Flask, bob: Browser, consume: Consume, mode: str
) -> None:
    env_file = ROOT / ".env"
    if mode == "embedded" and env_file.exists() and "REDIS_" in env_file.read_text():
        pytest.skip("The .env file of this machine names a Redis for the queue.")
    consumer = consume("wsgi")
    until(lambda: count(app, Worker), consumer)

    ready = bob.get("/readyz").get_json()
    address = bob.post("/tasks", {"task": "demonstration"}).location
    identifier = address.rsplit("/", 1)[1]
    waits = bob.get(address).text
    until(lambda: is_running(app, identifier), consumer)
    runs = bob.htmx_get(address).text
    bob.post(f"{address}/cancel")
    until(lambda: has_ended(app, identifier), consumer)

    assert ready["checks"]["worker"] == {"ok": True, "detail": "1 online"}
    assert ready["status"] == "ready"
    assert "No worker is running" not in waits
    assert re.search(r"<title>\d+% · Demonstration", runs)
    assert look(app, identifier).status == "cancelled"
    assert consumer.end(signal.SIGTERM) == 0
    assert bob.get("/readyz").get_json()["checks"]["worker"]["ok"] is False


def test_it_warns_of_limits_that_limit_nothing_and_starts_without_its_database_too(
    app: Flask, consume: Consume, mode: str
) -> None:
    if mode == "embedded":
        set_limit(app, "free", 5, 60, route="jobs.gone")
        consumer = consume()
        until(lambda: consumer.says("worker.started"), consumer)
        assert consumer.says("Warning: The limit of the tier free on jobs.gone")
    else:
        consumer = consume(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
        until(lambda: consumer.says("worker.started"), consumer)
        assert consumer.says("limits.not_checked")
    assert consumer.process.poll() is None


def test_a_job_whose_worker_is_killed_is_done_once_by_another(app: Flask, pool: Pool) -> None:
    identifier = start(app, "leave_a_mark", seconds=60, only_first=True)
    first = pool.start()
    until(lambda: is_running(app, identifier), pool)
    assert pool.end(first, signal.SIGKILL) == -signal.SIGKILL

    pool.start()
    until(lambda: has_ended(app, identifier), pool)

    job = look(app, identifier)
    assert (job.status, job.attempt, job.result) == ("succeeded", 2, 2)
    assert marks(app) == 1
    assert lines(app, identifier).count("The worker was lost") == 1
    assert lines(app, identifier).count("Done") == 1


def test_a_job_longer_than_its_lease_is_done_once(app: Flask, pool: Pool) -> None:
    identifier = start(app, "leave_a_mark", seconds=3 * LEASE_SECONDS)
    pool.start()
    until(lambda: has_ended(app, identifier), pool)

    assert (look(app, identifier).attempt, marks(app)) == (1, 1)


def test_a_stopped_worker_finishes_what_it_runs(app: Flask, pool: Pool) -> None:
    identifier = start(app, "leave_a_mark", seconds=2)
    pid = pool.start(SHUTDOWN_GRACE_SECONDS="25")
    until(lambda: is_running(app, identifier), pool)

    assert pool.end(pid, signal.SIGTERM) == 0

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 1)
    assert marks(app) == 1
    assert count(app, Worker) == 0


def test_a_stopped_worker_hands_back_what_it_cannot_finish(app: Flask, pool: Pool) -> None:
    identifier = start(app, "leave_a_mark", seconds=60, only_first=True)
    pid = pool.start(JOB_LEASE_SECONDS="600")
    until(lambda: is_running(app, identifier), pool)

    assert pool.end(pid, signal.SIGTERM) == 0

    job = look(app, identifier)
    assert (job.status, job.attempt, job.attempts) == ("queued", 1, 4)
    assert count(app, Worker) == 0
    pool.start()
    until(lambda: has_ended(app, identifier), pool)
    assert (look(app, identifier).status, marks(app)) == ("succeeded", 1)


def test_a_job_that_kills_its_worker_is_set_aside_and_others_run(
    app: Flask, bob: Browser, pool: Pool
) -> None:
    killer = start(app, "kill_the_worker")
    for _ in range(2):
        assert pool.wait(pool.start()) == -signal.SIGKILL

    other = start(app, "leave_a_mark")
    pool.start()
    until(lambda: has_ended(app, killer) and has_ended(app, other), pool)

    job = look(app, killer)
    assert (job.status, job.error, job.attempt) == ("dead", LOST, 2)
    assert look(app, other).status == "succeeded"
    assert LOST in bob.get(f"/tasks/{killer}").text


def test_a_worker_takes_what_was_asked_for_while_none_was_there_and_the_queue_was_wiped(
    app: Flask, pool: Pool
) -> None:
    identifiers = [start(app, "leave_a_mark") for _ in range(5)]
    app.extensions["queue"][0].storage.flush_all()
    with app.app_context():
        db.session.query(Job).update({"sent_at": None})
        db.session.commit()

    pool.start()
    until(lambda: all(has_ended(app, each) for each in identifiers), pool)

    assert marks(app) == 5


@pytest.mark.server_only
def test_a_worker_lives_through_the_loss_of_its_servers(
    app: Flask, servers: dict[str, Any], consume: Consume
) -> None:
    postgres, redis = servers["postgres"], servers["redis"]
    if not (getattr(postgres, "is_ours", True) and getattr(redis, "is_ours", True)):
        pytest.skip("These servers are not ours to stop.")
    identifier = start(app, "leave_a_mark", seconds=60, only_first=True)
    consumer = consume()
    until(lambda: is_running(app, identifier), consumer)

    try:
        postgres.stop()
        redis.stop()
        until(lambda: consumer.says("heartbeat_missed"), consumer)
    finally:
        redis.start()
        postgres.start()
    later = start(app, "leave_a_mark")
    until(lambda: has_ended(app, identifier) and has_ended(app, later), consumer)

    assert consumer.process.poll() is None
    assert "redis/connection.py" not in consumer.log.read_text()
    assert (look(app, identifier).status, look(app, later).status) == ("succeeded",) * 2
    assert marks(app) == 2
    assert consumer.end(signal.SIGTERM) == 0
