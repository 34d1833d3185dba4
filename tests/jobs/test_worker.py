"""Real workers, as an operator starts and ends them, and what becomes of their jobs."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.jobs.models import Job
from app.jobs.sweep import LOST
from app.jobs.workers import Worker
from app.tasks import TASKS
from app.tiers.models import Tier
from tests.jobs.deeds import count, lines, look, start
from tests.jobs.kinds import KINDS
from tests.people import Browser
from tests.tiers.screen import set_limit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 40
LEASE_SECONDS = 1

pytestmark = pytest.mark.usefixtures("kinds")


class Consumer:
    """`flask worker` as a process of its own."""

    def __init__(self, environment: dict[str, str], log: Path, application: str) -> None:
        command = [sys.executable, "-m", "flask", "--app", application, "worker"]
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=file
            )

    def says(self, words: str) -> bool:
        return words in self.log.read_text()

    def end(self, how: signal.Signals) -> int:
        """Send the signal, wait for the process; its exit status."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_SECONDS)


def until(happened: Callable[[], object], consumer: Consumer | None = None) -> None:
    """Wait for something that must happen some time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, consumer and consumer.log.read_text()[-4000:]
        time.sleep(0.05)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        monkeypatch.setitem(TASKS, kind.name, kind)


@pytest.fixture
def environment(mode_settings: dict[str, Any], app: Flask) -> dict[str, str]:
    """The settings of the mode, as the environment of a worker with a short lease."""
    given = {name: str(value) for name, value in mode_settings.items() if name != "_env_file"}
    given["database_url"] = app.config["SETTINGS"].sqlalchemy_url
    given |= {"job_lease_seconds": str(LEASE_SECONDS), "worker_threads": "2"}
    given |= {"log_level": "INFO", "log_format": "text"}
    settings = {name.upper(): value for name, value in given.items()}
    return {**{name: os.environ[name] for name in ("PATH",)}, **settings}


@pytest.fixture
def consume(
    app: Flask, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Consumer]]:
    """``consume()`` starts a worker; what still runs at the end of the test is killed."""
    with ExitStack() as started:

        def begin(application: str = "tests.jobs.worker_app", **settings: str) -> Consumer:
            consumer = Consumer({**environment, **settings}, tmp_path / "log", application)
            started.callback(consumer.process.wait)
            started.callback(consumer.process.kill)
            return consumer

        yield begin


def is_running(app: Flask, identifier: str) -> bool:
    return look(app, identifier).status == "running" and look(app, identifier).progress is not None


def has_ended(app: Flask, identifier: str) -> bool:
    return not look(app, identifier).is_open


def marks(app: Flask) -> int:
    """How many effects the tasks left."""
    with app.app_context():
        marked = select(func.count()).where(Tier.name.startswith("mark "))
        return db.session.scalar(marked) or 0


def test_the_documented_command_runs_a_job_from_end_to_end(
    app: Flask, bob: Browser, consume: Callable[..., Consumer], mode: str
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
    app: Flask, consume: Callable[..., Consumer], mode: str
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


def test_a_job_whose_worker_is_killed_is_done_once_by_another(
    app: Flask, consume: Callable[..., Consumer]
) -> None:
    identifier = start(app, "leave_a_mark", seconds=60, only_first=True)
    first = consume()
    until(lambda: is_running(app, identifier), first)
    first.end(signal.SIGKILL)

    second = consume()
    until(lambda: has_ended(app, identifier), second)

    job = look(app, identifier)
    assert (job.status, job.attempt, job.result) == ("succeeded", 2, 2)
    assert marks(app) == 1
    assert lines(app, identifier).count("The worker was lost") == 1
    assert lines(app, identifier).count("Done") == 1


def test_a_job_longer_than_its_lease_is_done_once(
    app: Flask, consume: Callable[..., Consumer]
) -> None:
    identifier = start(app, "leave_a_mark", seconds=3 * LEASE_SECONDS)
    consumer = consume()
    until(lambda: has_ended(app, identifier), consumer)

    assert (look(app, identifier).attempt, marks(app)) == (1, 1)


def test_a_stopped_worker_finishes_what_it_runs(
    app: Flask, consume: Callable[..., Consumer]
) -> None:
    identifier = start(app, "leave_a_mark", seconds=2)
    consumer = consume()
    until(lambda: is_running(app, identifier), consumer)

    assert consumer.end(signal.SIGTERM) == 0

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 1)
    assert marks(app) == 1
    assert count(app, Worker) == 0


def test_a_stopped_worker_hands_back_what_it_cannot_finish(
    app: Flask, consume: Callable[..., Consumer]
) -> None:
    identifier = start(app, "leave_a_mark", seconds=60, only_first=True)
    consumer = consume(SHUTDOWN_GRACE_SECONDS="1", JOB_LEASE_SECONDS="600")
    until(lambda: is_running(app, identifier), consumer)

    assert consumer.end(signal.SIGTERM) == 0

    job = look(app, identifier)
    assert (job.status, job.attempt, job.attempts) == ("queued", 1, 4)
    assert count(app, Worker) == 0
    other = consume()
    until(lambda: has_ended(app, identifier), other)
    assert (look(app, identifier).status, marks(app)) == ("succeeded", 1)


def test_a_job_that_kills_its_worker_is_set_aside_and_others_run(
    app: Flask, bob: Browser, consume: Callable[..., Consumer]
) -> None:
    killer = start(app, "kill_the_worker")
    for _ in range(2):
        assert consume().process.wait(PATIENCE_SECONDS) == -signal.SIGKILL

    other = start(app, "leave_a_mark")
    consumer = consume()
    until(lambda: has_ended(app, killer) and has_ended(app, other), consumer)

    job = look(app, killer)
    assert (job.status, job.error, job.attempt) == ("dead", LOST, 2)
    assert look(app, other).status == "succeeded"
    assert LOST in bob.get(f"/tasks/{killer}").text


def test_a_worker_takes_what_was_asked_for_while_none_was_there_and_the_queue_was_wiped(
    app: Flask, consume: Callable[..., Consumer]
) -> None:
    identifiers = [start(app, "leave_a_mark") for _ in range(5)]
    app.extensions["queue"][0].storage.flush_all()
    with app.app_context():
        db.session.query(Job).update({"sent_at": None})
        db.session.commit()

    consumer = consume()
    until(lambda: all(has_ended(app, each) for each in identifiers), consumer)

    assert marks(app) == 5


@pytest.mark.server_only
def test_a_worker_lives_through_the_loss_of_its_servers(
    app: Flask, servers: dict[str, Any], consume: Callable[..., Consumer]
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
