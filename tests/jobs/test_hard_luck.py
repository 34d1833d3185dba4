"""What may happen between two moments, and costs neither a job nor a try nor time."""

from contextlib import suppress
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from app.database import now
from app.extensions import db, queue
from app.jobs import engine, holding
from app.jobs.models import Job
from app.jobs.sweep import end_overdue, sweep
from app.tasks import TASKS, Running
from app.tiers.models import Tier
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, look, start, waiting, work_off

SOON, GONE = timedelta(seconds=30), timedelta(seconds=-1)


def nothing(_job: Running, number: int = 0) -> None: ...


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_queue_hears_of_a_job_at_the_end_and_not_at_a_savepoint(
    app: Flask, declare: Declare, is_kept: bool
) -> None:
    task = TASKS[declare(nothing)]
    with app.app_context():
        before = task.enqueue().id
        part = db.session.begin_nested()
        db.session.add(Tier(name="a part"))
        within = task.enqueue().id
        part.commit() if is_kept else part.rollback()
        assert queue.huey.pending_count() == 0
        db.session.commit()

    assert {before} <= {message.args[0] for message in told(app)} <= {before, within}
    work_off(app)
    assert look(app, before).status == "succeeded"
    assert count(app, Job) == 1 + is_kept


def told(app: Flask) -> list[object]:
    return list(app.extensions["queue"][0].pending())


def test_a_unique_one_that_waits_for_its_next_try_is_not_asked_for_twice(
    app: Flask, declare: Declare
) -> None:
    task = declare(nothing, unique=True)
    lost = start(app, task, number=1)
    engine_runs_and_is_lost(app, lost)

    assert start(app, task, number=1) == lost
    others = {start(app, task, number=2), start(app, task, "carol", number=1)}
    assert len(others | {lost}) == count(app, Job) == 3


def engine_runs_and_is_lost(app: Flask, identifier: str) -> None:
    with app.app_context():
        assert engine.take(identifier, "gone")
    change(app, identifier, lease_until=now() + GONE)
    with app.app_context():
        sweep()


def test_a_sweep_ends_the_try_it_saw_and_not_the_next(app: Flask, declare: Declare) -> None:
    task = declare(nothing, timeout=60.0)
    jobs = [start(app, task) for _ in range(2)]
    for each in jobs:
        claim(app, each, lease_until=now() + SOON, deadline_at=now() + GONE)

    def others(_session: Session) -> None:
        """Another sweep ends the other one, too, and somebody is quick to try it again."""
        first = (Job.status == "running", Job.attempt == 1)
        with db.engine.begin() as connection:
            again = update(Job).where(*first).values(attempt=2, deadline_at=now() + SOON)
            connection.execute(again)

    with app.app_context():
        event.listen(Session, "after_commit", others, once=True)
        end_overdue()

    ended = {(look(app, each).status, look(app, each).attempt) for each in jobs}
    assert ended == {("queued", 1), ("running", 2)}


def test_a_worker_whose_clock_is_behind_does_what_it_is_sent(app: Flask, declare: Declare) -> None:
    ahead = now() + timedelta(seconds=3)  # by the clock of the machine that asked
    there = start(app, declare(nothing))
    change(app, there, run_at=ahead, sent_at=ahead)
    again = start(app, declare(nothing))
    change(app, again, run_at=ahead, sent_at=None)  # a failed try, and a message that came twice

    work_off(app)

    assert (look(app, there).status, look(app, again).status) == ("succeeded", "queued")


def test_what_is_not_due_any_more_is_not_noted_as_sent(app: Flask, declare: Declare) -> None:
    identifier = start(app, declare(nothing))
    change(app, identifier, run_at=now() + SOON, sent_at=None)  # a quick worker, and a failed try

    with app.app_context():
        engine.send(identifier, 0)

    assert look(app, identifier).sent_at is None


def test_a_try_that_is_over_before_it_begins_is_not_held_for_ever(app: Flask) -> None:
    with suppress(holding.TimedOut), holding.holding(("job", 1), -1):
        pass

    assert not holding.HELD


def test_those_who_end_together_call_as_many_as_have_room(app: Flask, declare: Declare) -> None:
    task = declare(nothing, at_once=2)
    jobs = [start(app, task) for _ in range(6)]
    app.extensions["queue"][0].storage.flush_all()
    first, second = (look(app, each) for each in jobs[:2])
    for each in jobs[:2]:
        change(app, each, status="succeeded")

    with app.app_context():
        for each in (first, second):
            engine.call_next(each, 2)  # type: ignore[arg-type]

    assert {message.args[0] for message in told(app)} == set(jobs[2:4])
    assert waiting(app) == 4
