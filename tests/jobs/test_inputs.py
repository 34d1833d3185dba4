"""A task works on what it was given, keeps what it did so far, and tabulates what is wrong."""

import io

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.jobs import engine, inputs
from app.jobs.models import JobChunk
from app.tasks import TASKS, Report, Running, TaskFailed
from app.tiers.models import Tier
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import look, start, work_off
from tests.people import Browser


def given(app: Flask, task: str, data: bytes) -> str:
    with app.app_context():
        bob = db.session.scalars(User.by_username("bob")).unique().one()
        return engine.start(TASKS[task].options(owner=bob, input=data)).id


def test_a_task_reads_what_it_was_given_from_its_beginning_as_often_as_it_likes(
    app: Flask, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "PIECE", 5)

    def reads(job: Running) -> list[str]:
        job.write("out.txt", "a file of its own does not replace it")
        lines = list(io.TextIOWrapper(job.read(), "utf-8"))
        return [*lines, job.read().read(7).decode()]

    identifier = given(app, declare(reads), "ünö\ntwo\nthree".encode())
    work_off(app)

    assert look(app, identifier).result == ["ünö\n", "two\n", "three", "ünö\nt"]
    with app.app_context():
        attempts = db.session.scalars(select(JobChunk.attempt).order_by(JobChunk.attempt))
        assert list(attempts) == [0, 0, 0, 1]


def test_a_task_that_was_given_nothing_reads_nothing(app: Flask, declare: Declare) -> None:
    def reads(job: Running) -> int:
        return len(job.read().read())

    identifier = start(app, declare(reads))
    work_off(app)

    assert look(app, identifier).result == 0


def test_a_report_and_its_file_are_shown_until_the_next_try(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    rows = (("<b>1", 1234), ("two", 2))

    def complains(job: Running) -> None:
        if job.attempt > 1:
            return
        job.write("all.csv", "everything")
        raise TaskFailed("Two things are wrong.", Report(("What", "Where"), rows, 7))

    identifier = start(app, declare(complains))
    work_off(app)

    page = bob.get(f"/tasks/{identifier}").text
    assert "&lt;b&gt;1" in page
    assert "1,234" in page
    assert "The first 2 of 7" in page
    assert f'href="/tasks/{identifier}/file"' in page
    assert bob.get(f"/tasks/{identifier}/file").text == "everything"

    bob.post(f"/tasks/{identifier}/retry")
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.result, job.file_name) == ("succeeded", None, None)
    assert "What is wrong" not in bob.get(f"/tasks/{identifier}").text


def test_what_is_kept_stays_when_the_task_fails_later(app: Flask, declare: Declare) -> None:
    def does_half(job: Running) -> None:
        db.session.add(Tier(name="kept"))
        job.keep(50, "Half of it")
        db.session.add(Tier(name="lost"))
        db.session.flush()
        raise TaskFailed("The other half cannot be done.")

    identifier = start(app, declare(does_half))
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.progress, job.message) == ("failed", 50, "Half of it")
    with app.app_context():
        names = set(db.session.scalars(select(Tier.name)))
    assert names == {"free", "pro", "kept"}
