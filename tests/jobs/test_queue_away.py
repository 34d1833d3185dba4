"""The queue's Redis is away: starting is accepted, and the job runs later."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.jobs.models import Job
from app.jobs.sweep import sweep
from app.jobs.workers import Worker
from tests.jobs.consumers import Pool, has_ended, until
from tests.jobs.deeds import change, count, look, start, waiting, work_off
from tests.people import Browser

pytestmark = pytest.mark.server_only  # the embedded queue is a file of this machine


def test_a_task_started_without_the_queue_runs_once_it_is_back(
    app: Flask, bob: Browser, redis: Any
) -> None:
    assert bob.token
    redis.stop()

    answer = bob.post("/tasks", {"task": "demonstration"})

    assert answer.status_code == 303
    with app.app_context():
        job = db.session.scalars(select(Job)).one()
        assert (job.status, job.sent_at) == ("queued", None)
    assert bob.get(answer.location).status_code == 200
    redis.start()
    change(app, job.id, arguments={"size": 1, "pause": 0})
    with app.app_context():
        sweep()
    work_off(app)
    assert look(app, job.id).status == "succeeded"


def test_a_worker_does_what_a_page_asked_for_while_its_queue_was_away(
    app: Flask, bob: Browser, redis: Any, pool: Pool
) -> None:
    assert bob.token
    pool.start()
    until(lambda: count(app, Worker), pool)
    redis.stop()

    answer = bob.post("/tasks", {"task": "demonstration"})

    assert answer.status_code == 303
    identifier = answer.location.rsplit("/", 1)[1]
    change(app, identifier, arguments={"size": 1, "pause": 0})
    redis.start()
    until(lambda: has_ended(app, identifier), pool)
    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 1)


def test_sweeping_without_the_queue_asks_it_only_once(
    app: Flask, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    identifiers = [start(app, "demonstration") for _ in range(5)]
    for identifier in identifiers:
        change(app, identifier, sent_at=None)
    redis.stop()
    caplog.clear()

    with app.app_context():
        sweep()

    assert [each.msg["event"] for each in caplog.records] == ["queue.unreachable"]
    redis.start()
    with app.app_context():
        sweep()
    assert waiting(app) == 5
