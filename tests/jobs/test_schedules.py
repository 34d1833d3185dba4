"""Work that comes again: on time, once however many workers there are, rather late than never."""

import threading
from datetime import timedelta

import pytest
from cronsim import CronSimError
from flask import Flask
from sqlalchemy import select, update

from app.database import now
from app.extensions import db
from app.jobs import asking, schedules
from app.jobs.models import Job
from app.jobs.schedules import do_what_is_due
from app.jobs.sweep import sweep
from app.jobs.workers import Schedule
from app.tasks import HOUSEKEEPING, TASKS, BadArguments, Running, task
from tests.jobs.conftest import Declare
from tests.jobs.deeds import count


def nightly(_job: Running, days: int = 7) -> None: ...


def beat(app: Flask) -> None:
    with app.app_context():
        do_what_is_due()


def come(app: Flask, name: str = "nightly", **ago: float) -> None:
    """Let the next turn have come so long ago."""
    with app.app_context():
        due = update(Schedule).where(Schedule.name == name).values(next_at=now() - timedelta(**ago))
        assert db.session.execute(due).rowcount == 1  # type: ignore[attr-defined]
        db.session.commit()


def sweep_with(app: Flask, others: threading.Barrier) -> None:
    others.wait()
    beat(app)


def turn(app: Flask, name: str = "nightly") -> Schedule:
    with app.app_context():
        row = db.session.get_one(Schedule, name)
        db.session.expunge(row)
        return row


@pytest.fixture
def scheduled(app: Flask, declare: Declare) -> str:
    name = declare(nightly, schedule="30 3 * * *")
    beat(app)
    return name


def test_it_waits_for_its_first_turn(app: Flask, scheduled: str) -> None:
    beat(app)

    assert count(app, Job) == 0
    first = turn(app).next_at
    assert (first.hour, first.minute, turn(app).last_at) == (3, 30, None)
    assert now() < first <= now() + timedelta(days=1)


def test_a_job_is_asked_for_when_it_is_time(app: Flask, scheduled: str) -> None:
    come(app, seconds=1)
    for _ in range(3):
        beat(app)

    with app.app_context():
        job = db.session.scalars(select(Job)).one()
        assert (job.task, job.owner_id, job.status) == ("nightly", None, "queued")
    after = turn(app)
    assert after.next_at > now() >= after.last_at > now() - timedelta(minutes=1)  # type: ignore[operator]


def test_what_was_missed_is_done_once_and_late(app: Flask, scheduled: str) -> None:
    come(app, days=30)
    for _ in range(3):
        beat(app)

    assert count(app, Job) == 1


def test_of_many_workers_one_has_the_turn(app: Flask, scheduled: str) -> None:
    for round_ in range(1, 4):
        come(app, seconds=round_)
        together = threading.Barrier(5)
        threads = [threading.Thread(target=sweep_with, args=(app, together)) for _ in range(5)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert count(app, Job) == round_


def test_a_turn_is_had_only_with_its_job(
    app: Flask, scheduled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(app, seconds=1)
    with monkeypatch.context() as broken, app.app_context():
        broken.setattr(asking, "tries_of", lambda _task: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            do_what_is_due()
        db.session.rollback()

    beat(app)

    assert count(app, Job) == 1


def test_another_rule_counts_from_now(app: Flask, scheduled: str, declare: Declare) -> None:
    come(app, seconds=1)
    declare(nightly, schedule="0 * * * *")
    beat(app)

    assert count(app, Job) == 0
    assert turn(app).rule == "0 * * * *"
    assert turn(app).next_at <= now() + timedelta(hours=1)


def test_a_wrong_line_stops_the_start() -> None:
    with pytest.raises(CronSimError):
        task("Never", schedule="61 * * * *")(nightly)
    assert "nightly" not in TASKS


def test_what_nobody_can_pass_arguments_to_takes_none() -> None:
    def needy(_job: Running, days: int) -> None: ...

    with pytest.raises(BadArguments, match="days: Field required"):
        task("Needy", schedule="0 * * * *")(needy)
    assert "needy" not in TASKS


def test_workers_keep_house_every_five_minutes_together(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def tidy() -> None:
        done.append(now())

    monkeypatch.setattr(schedules, "HOUSEKEEPING", [tidy])
    name = f"{tidy.__module__}.tidy"
    with app.app_context():
        sweep()
    assert done == []
    for _ in range(2):
        come(app, name, seconds=1)
        with app.app_context():
            sweep()
            sweep()

    assert len(done) == 2
    assert timedelta() < turn(app, name).next_at - now() <= timedelta(minutes=5)


def test_one_who_cannot_keep_house_keeps_no_other_from_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fail() -> None:
        raise ValueError

    def tidy() -> None:
        done.append("kept")

    monkeypatch.setattr(schedules, "HOUSEKEEPING", [fail, tidy])
    beat(app)
    for each in (fail, tidy):
        come(app, f"{each.__module__}.{each.__name__}", seconds=1)

    beat(app)

    assert done == ["kept"]


def test_every_feature_that_has_to_tidy_does(app: Flask) -> None:
    names = {f"{each.__module__}.{each.__name__}" for each in HOUSEKEEPING}

    assert {"app.auth.tasks.forget_what_is_over", "app.tiers.tasks.keep_usage"} <= names
    beat(app)
    with app.app_context():
        assert names <= set(db.session.scalars(select(Schedule.name)))
