"""What was left behind is put right: silent workers, lost messages, old results."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.database import now
from app.extensions import db
from app.jobs import holding
from app.jobs.models import Job, JobChunk, JobLog
from app.jobs.sweep import LOST, sweep
from app.jobs.worker import beat_seconds, hand_back, renew
from app.jobs.workers import Worker
from app.tasks import Running
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, lines, look, start, waiting, work_off
from tests.people import Browser

AGO = timedelta(seconds=30)


def swept(app: Flask) -> None:
    with app.app_context():
        sweep()


def silent(app: Flask, **values: Any) -> str:
    """A running job whose worker was not heard of for longer than its lease."""
    identifier = start(app, "demonstration", size=1, pause=0)
    app.extensions["queue"][0].storage.flush_all()
    claim(app, identifier, lease_until=now() - AGO, progress=30, **values)
    return identifier


def test_a_job_whose_worker_went_silent_is_run_by_another(app: Flask) -> None:
    identifier = silent(app)

    swept(app)

    assert (look(app, identifier).status, look(app, identifier).progress) == ("queued", None)
    work_off(app)
    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 2)
    assert lines(app, identifier)[1:3] == ["The worker was lost", "Picked up, try 2 of 3"]


def test_a_job_whose_lease_still_runs_is_left_alone(app: Flask) -> None:
    identifier = silent(app)
    change(app, identifier, lease_until=now() + AGO)

    swept(app)

    assert (look(app, identifier).status, waiting(app)) == ("running", 0)


def test_a_job_that_loses_its_worker_each_time_is_set_aside(app: Flask, bob: Browser) -> None:
    identifier = silent(app, attempt=3)

    swept(app)

    job = look(app, identifier)
    assert (job.status, job.error, job.is_open) == ("dead", LOST, False)
    assert waiting(app) == 0
    page = bob.get(f"/tasks/{identifier}").text
    assert LOST in page
    assert "Tried 3 times." in page


def test_a_lost_job_that_was_asked_to_stop_is_cancelled(app: Flask) -> None:
    identifiers = [silent(app, stop_asked=True), silent(app, stop_asked=True, attempt=3)]

    swept(app)

    assert [look(app, each).status for each in identifiers] == ["cancelled"] * 2


def test_a_wiped_queue_is_filled_again(app: Flask) -> None:
    identifiers = [start(app, "demonstration", size=1, pause=0) for _ in range(3)]
    app.extensions["queue"][0].storage.flush_all()
    for identifier in identifiers:
        change(app, identifier, sent_at=now() - AGO)

    swept(app)

    assert waiting(app) == 3
    work_off(app)
    assert {look(app, each).status for each in identifiers} == {"succeeded"}


def test_what_was_just_sent_is_not_sent_again(app: Flask) -> None:
    start(app, "demonstration")

    swept(app)
    swept(app)

    assert waiting(app) == 1


def test_a_long_queue_is_not_made_longer(app: Flask) -> None:
    for _ in range(3):
        change(app, start(app, "demonstration"), sent_at=now() - AGO)

    swept(app)

    assert waiting(app) == 3


def test_sweeping_in_many_places_at_once_is_harmless(app: Flask) -> None:
    identifier = silent(app)
    threads = [threading.Thread(target=swept, args=(app,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    work_off(app)

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 2)
    assert lines(app, identifier).count("The worker was lost") == 1
    assert lines(app, identifier).count("Done") == 1


def test_a_job_waits_until_it_is_due(app: Flask) -> None:
    identifier = start(app, "demonstration")
    app.extensions["queue"][0].storage.flush_all()
    change(app, identifier, sent_at=None, run_at=now() + AGO)

    swept(app)

    assert waiting(app) == 0


def test_results_go_when_their_days_are_over(app: Flask, alice: Browser) -> None:
    old, recent = (start(app, "export_users", "alice") for _ in range(2))
    waits = start(app, "demonstration")
    change(app, waits, status="queued", run_at=now() + timedelta(days=365))
    work_off(app)
    week, moment = timedelta(days=7), timedelta(minutes=1)
    for identifier, age in ((old, week + moment), (recent, week - moment), (waits, 2 * week)):
        change(app, identifier, run_at=now() - age, finished_at=now() - age)
    change(app, waits, finished_at=None, sent_at=now())

    swept(app)

    assert alice.get(f"/tasks/{old}").status_code == 404
    assert alice.get(f"/tasks/{recent}/file").status_code == 200
    assert look(app, waits).status == "queued"
    with app.app_context():
        left = {job for (job,) in db.session.query(JobChunk.job_id).distinct()}
        assert left == {recent}
        assert not db.session.query(JobLog).filter_by(job_id=old).count()


def test_a_worker_renews_what_it_works_on(app: Flask, declare: Declare) -> None:
    leases = []

    def long(job: Running) -> None:
        change(app, job.id, lease_until=now() - AGO)
        with app.app_context():
            renew("me")
        leases.append(look(app, job.id).lease_until)

    start(app, declare(long))
    work_off(app)

    assert leases[0] > now() + timedelta(seconds=20)


def test_a_worker_does_not_hold_on_to_a_job_that_broke_off(app: Flask) -> None:
    identifier = silent(app, worker="me")

    with app.app_context():
        renew("me")
        sweep()

    assert look(app, identifier).status == "queued"
    assert not holding.HELD


@pytest.mark.parametrize("lease", [1, 2, 30, 3600])
def test_a_worker_is_heard_of_three_times_within_a_lease(lease: int) -> None:
    assert 0 < beat_seconds(lease) <= min(5, lease / 3)


def test_a_worker_forgotten_meanwhile_is_listed_again(app: Flask) -> None:
    with app.app_context():
        renew("me")
        db.session.query(Worker).delete()
        db.session.commit()
        renew("me")

    assert count(app, Worker) == 1


def test_handing_back_costs_no_try(app: Flask) -> None:
    identifier = silent(app, worker="me", attempt=3)
    other = silent(app, worker="somebody else")

    with app.app_context():
        renew("me")
        hand_back("me")

    job = look(app, identifier)
    assert (job.status, job.attempt, job.attempts) == ("queued", 3, 4)
    assert look(app, other).status == "running"
    assert count(app, Worker) == 0
    assert count(app, Job) == 2
