"""A worker runs a task: one attempt holds it, and only that attempt ends it."""

import sys
import threading
import time

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.database import now
from app.extensions import db
from app.jobs import engine, running
from app.jobs.models import Job, JobChunk, JobLog
from app.tasks import Cancelled, Running, TaskFailed
from app.tiers.models import Tier
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, lines, look, start, work_off
from tests.people import Browser


def run(app: Flask, identifier: str) -> None:
    with app.app_context():
        engine.run(identifier)


def run_until_over(app: Flask, identifier: str) -> list[float]:
    """Every try at once, without its pause; the seconds it should have waited each time."""
    waits = []
    while True:
        before = now()
        run(app, identifier)
        job = look(app, identifier)
        if not job.is_open:
            return waits
        waits.append((job.run_at - before).total_seconds())
        change(app, identifier, run_at=now())


def test_the_demonstration_goes_through_its_steps(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration", size=4, pause=0.2)
    before = bob.get(f"/tasks/{identifier}").text
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.progress, job.result) == ("succeeded", 100, {"sum": 10})
    names = ["Gather the numbers", "Add them up", "Write the answer"]
    assert [(step["name"], step["state"]) for step in job.steps] == [(n, "done") for n in names]
    gathering, adding, writing = (step["seconds"] for step in job.steps)
    assert gathering >= 0.2 <= writing
    assert adding >= 0.8
    assert sum(step["seconds"] for step in job.steps) <= job.seconds + 0.2
    assert before.count(", not started") == 3
    after = bob.get(f"/tasks/{identifier}").text
    assert after.count('<li class="done"') == 3
    assert "<dt>Sum</dt>" in after


def test_the_page_shows_what_is_done_now_and_still_to_do(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    pages = []

    def works(job: Running) -> None:
        job.step("One")
        job.step("Two")
        job.progress(40, "4 of 10")
        pages.append(bob.get(f"/tasks/{job.id}").text)

    start(app, declare(works, steps=("One", "Two", "Three")))
    work_off(app)

    steps = pages[0].split('<ol class="steps">')[1].split("</ol>")[0]
    assert [part.split('"')[1] for part in steps.split("<li ")[1:]] == ["done", "now", "todo"]
    assert steps.count('aria-current="step"') == 1
    assert '<progress class="bar big" aria-label="Works" max="100" value="40">' in pages[0]
    assert "4 of 10" in pages[0]


def test_the_log_tells_the_story(app: Flask) -> None:
    identifier = start(app, "demonstration", size=1, pause=0)
    work_off(app)

    assert lines(app, identifier) == [
        "Queued by bob",
        "Picked up, try 1 of 3",
        "Gather the numbers",
        "Add them up",
        "Write the answer",
        "Done",
    ]


def test_many_workers_told_of_one_job_run_it_once(app: Flask, declare: Declare) -> None:
    runs = []

    def once(job: Running) -> None:
        runs.append(job.attempt)

    identifier = start(app, declare(once))
    threads = [threading.Thread(target=run, args=(app, identifier)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert runs == [1]
    assert look(app, identifier).status == "succeeded"


def test_a_task_that_always_fails_is_tried_later_each_time_and_then_dead(
    app: Flask, declare: Declare
) -> None:
    def never_works(job: Running) -> None:
        job.step("Try")
        raise RuntimeError("the inner reason")

    identifier = start(app, declare(never_works, attempts=4))

    waits = run_until_over(app, identifier)

    job = look(app, identifier)
    assert (job.status, job.attempt, job.error) == ("dead", 4, running.SURPRISE)
    assert "RuntimeError: the inner reason" in (job.details or "")
    assert [round(wait) for wait in waits] == [5, 10, 20]
    assert lines(app, identifier).count("Stopped unexpectedly. It will be tried again") == 3


def test_a_task_that_says_why_it_cannot_go_on_is_not_tried_again(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    def gives_up(job: Running) -> None:
        raise TaskFailed("There are no users yet. Add one first.")

    identifier = start(app, declare(gives_up))
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.attempt) == ("failed", 1)
    assert "There are no users yet. Add one first." in bob.get(f"/tasks/{identifier}").text


def test_it_does_not_run_before_its_time(app: Flask, bob: Browser, declare: Declare) -> None:
    def breaks(job: Running) -> None:
        raise RuntimeError

    identifier = start(app, declare(breaks))
    run(app, identifier)
    run(app, identifier)

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("queued", 1)
    assert "Next try " in bob.get(f"/tasks/{identifier}").text


def test_a_failed_try_leaves_nothing_of_what_it_did(app: Flask, declare: Declare) -> None:
    def half(job: Running) -> None:
        db.session.add(Tier(name="half"))
        db.session.flush()
        raise RuntimeError

    start(app, declare(half))
    work_off(app)

    assert count(app, Tier) == 2


def test_a_task_the_database_refuses_fails_and_is_tried_again(app: Flask, declare: Declare) -> None:
    def doubles(job: Running) -> None:
        job.write("notes.txt", "committed before")
        db.session.add(Tier(name="free"))

    identifier = start(app, declare(doubles))
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.lease_until) == ("queued", None)
    assert IntegrityError.__name__ in (job.details or "")


@pytest.mark.parametrize("how", ["exit", "not json"])
def test_nothing_a_task_does_ends_the_thread_it_runs_in(
    app: Flask, declare: Declare, how: str
) -> None:
    def rude(job: Running) -> object:
        return sys.exit(3) if how == "exit" else object()

    first = start(app, declare(rude, attempts=1))
    second = start(app, "demonstration", size=1, pause=0)
    work_off(app)

    assert (look(app, first).status, look(app, first).error) == ("dead", running.SURPRISE)
    assert look(app, second).status == "succeeded"


def test_jobs_in_one_thread_do_not_see_each_others_unfinished_work(
    app: Flask, declare: Declare
) -> None:
    inherited = []

    def dirty(job: Running) -> None:
        db.session.add(Tier(name="left behind"))
        raise Cancelled

    def clean(job: Running) -> None:
        inherited.extend([*db.session.new, *db.session.dirty])

    start(app, declare(dirty))
    start(app, declare(clean))
    work_off(app)

    assert inherited == []
    assert count(app, Tier) == 2


def test_an_attempt_that_lost_its_lease_cannot_finish(app: Flask, declare: Declare) -> None:
    refused = []

    def slow(job: Running) -> str:
        if job.attempt > 1:
            return "second"
        claim(app, job.id, status="queued")
        run(app, job.id)  # another worker takes over and is faster
        db.session.add(Tier(name="too late"))
        return "first"

    def reports(job: Running) -> None:
        claim(app, job.id, attempt=2, worker="other")
        for report in (
            lambda: job.progress(50),
            lambda: job.step("x"),
            lambda: job.write("a", "b"),
        ):
            with pytest.raises(Cancelled):
                report()
            refused.append(report)
            db.session.rollback()

    overtaken, told = start(app, declare(slow)), start(app, declare(reports))
    work_off(app)

    assert (look(app, overtaken).result, look(app, overtaken).attempt) == ("second", 2)
    assert count(app, Tier) == 2
    assert lines(app, overtaken).count("Done") == 1
    assert len(refused) == 3
    assert (look(app, told).status, look(app, told).worker) == ("running", "other")
    assert count(app, JobChunk) == 0


def test_reports_from_within_an_uncommitted_change_neither_stall_nor_keep_it(
    app: Flask, declare: Declare
) -> None:
    took = []

    def busy(job: Running) -> None:
        db.session.add(Tier(name="unfinished"))
        db.session.flush()
        begun = time.monotonic()
        for percent in range(100):
            job.progress(percent, "still there")
        took.append(time.monotonic() - begun)
        raise TaskFailed("No.")

    identifier = start(app, declare(busy))
    work_off(app)

    assert took[0] < 5, "SQLite waits 10 s for its writer, each time"
    assert look(app, identifier).status == "failed"
    assert count(app, Tier) == 2


def test_a_step_that_could_not_be_told_is_told_with_the_next_report(
    app: Flask, declare: Declare
) -> None:
    seen = []

    def busy(job: Running) -> None:
        db.session.add(Tier(name="unfinished"))
        db.session.flush()
        job.step("Work")
        db.session.rollback()
        time.sleep(1.1)
        job.progress(10)
        seen.extend(look(app, job.id).steps)

    start(app, declare(busy, steps=("Work",)))
    work_off(app)

    assert [step["state"] for step in seen] == ["now"]


def test_a_task_holds_no_transaction_while_it_only_computes(app: Flask, declare: Declare) -> None:
    open_ones = []

    def computes(job: Running) -> None:
        job.step("Compute")
        open_ones.append(db.session().in_transaction())

    start(app, declare(computes))
    work_off(app)

    assert open_ones == [False]


def test_a_second_try_starts_from_the_beginning(app: Flask, bob: Browser, declare: Declare) -> None:
    pages = []

    def second_time(job: Running) -> None:
        job.step("One")
        job.write("notes.txt", f"try {job.attempt}")
        job.progress(70, "well on the way")
        if job.attempt == 1:
            raise RuntimeError

    identifier = start(app, declare(second_time, steps=("One", "Two")))
    work_off(app)
    pages.append(bob.get(f"/tasks/{identifier}").text)
    change(app, identifier, run_at=now())
    run(app, identifier)

    assert pages[0].count(", not started") == 2
    assert "70" not in pages[0].split('class="clock"')[1].split("</span>")[0]
    assert "well on the way" not in pages[0].split('id="log-h"')[0]
    with app.app_context():
        assert list(db.session.scalars(select(JobChunk.data))) == [b"try 2"]
        assert db.session.get_one(Job, identifier).status == "succeeded"
        said = select(JobLog.text).order_by(JobLog.id)
        assert db.session.scalars(said).all()[-1] == "Done"
