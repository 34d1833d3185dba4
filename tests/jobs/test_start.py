"""A person starts a task: a row, then a message, and the task's page."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from app.extensions import db
from app.jobs.models import Job
from app.users.models import User
from tests.jobs.deeds import count, lines, look, start, waiting
from tests.people import Browser

FORM = {"task": "demonstration", "message": "For the board"}


def only_job(app: Flask) -> Job:
    with app.app_context():
        return db.session.scalars(select(Job)).one()


def test_a_started_task_is_recorded_and_queued(app: Flask, bob: Browser) -> None:
    answer = bob.post("/tasks", FORM)

    job = only_job(app)
    assert answer.status_code == 303
    assert answer.location == f"/tasks/{job.id}"
    assert (job.task, job.name, job.status, job.attempt) == (
        "demonstration",
        "For the board",
        "queued",
        0,
    )
    assert job.sent_at is not None
    assert waiting(app) == 1
    assert lines(app, job.id) == ["Queued by bob"]


def test_htmx_is_sent_to_the_page_of_the_task(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post("/tasks", FORM)

    assert answer.headers["HX-Redirect"] == f"/tasks/{only_job(app).id}"


def test_the_name_is_shown_on_the_page_and_in_both_lists(app: Flask, bob: Browser) -> None:
    bob.post("/tasks", {**FORM, "message": "  For   <b>the</b> board "})

    page = bob.get(f"/tasks/{only_job(app).id}").text
    assert "<h1>For &lt;b&gt;the&lt;/b&gt; board</h1>" in page
    assert "Demonstration" in page
    assert "For &lt;b&gt;the&lt;/b&gt; board" in bob.get("/tasks").text
    assert "For &lt;b&gt;the&lt;/b&gt; board" in bob.get("/").text


def test_without_a_name_the_kind_of_work_is_the_title(app: Flask, bob: Browser) -> None:
    bob.post("/tasks", {"task": "demonstration", "message": "   "})

    assert only_job(app).name == ""
    assert "<h1>Demonstration</h1>" in bob.get(f"/tasks/{only_job(app).id}").text


@pytest.mark.parametrize("task", ["nonsense", "", "export_users"])
def test_a_task_that_is_not_in_the_list_is_refused(app: Flask, carol: Browser, task: str) -> None:
    answer = carol.post("/tasks", {"task": task, "message": "Mine"})

    assert answer.status_code == 422
    assert "Choose a task from the list" in answer.text
    assert 'value="Mine"' in answer.text
    assert count(app, Job) == 0
    assert waiting(app) == 0


def test_a_task_for_operators_is_offered_to_operators_only(alice: Browser, carol: Browser) -> None:
    assert "Users export" in alice.get("/tasks").text
    assert "Users export" not in carol.get("/tasks").text
    assert alice.post("/tasks", {"task": "export_users"}).status_code == 303


def test_htmx_gets_the_form_back_with_a_sentence_at_the_field(app: Flask, carol: Browser) -> None:
    answer = carol.htmx_post("/tasks", {"task": "demonstration", "message": "x" * 121})

    assert answer.status_code == 422
    assert answer.text.count("autofocus") == 1
    assert 'id="start"' in answer.text
    assert "Use 120 characters or fewer" in answer.text
    assert "x" * 121 in answer.text
    assert "<html" not in answer.text
    assert count(app, Job) == 0


def test_nobody_starts_a_task_for_somebody_else(app: Flask, mallory: Browser) -> None:
    mallory.post("/tasks", {**FORM, "owner": "alice", "owner_id": "1", "attempts": "99"})

    job = only_job(app)
    assert job.attempts == 3
    with app.app_context():
        assert db.session.get_one(User, job.owner_id).username == "mallory"


def test_a_stranger_is_asked_to_sign_in(app: Flask, stranger: Browser) -> None:
    answer = stranger.post("/tasks", FORM)

    assert answer.status_code == 303
    assert answer.location == "/sign-in"
    assert count(app, Job) == 0


def test_without_a_token_nothing_starts(app: Flask, bob: Browser) -> None:
    assert bob.client.post("/tasks", data=FORM).status_code == 400
    assert count(app, Job) == 0
    assert waiting(app) == 0


def test_more_than_the_tier_allows_is_told_when_to_come_back(app: Flask, bob: Browser) -> None:
    bob.post("/tasks", FORM)

    answer = bob.post("/tasks", FORM)

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert count(app, Job) == 1
    assert waiting(app) == 1


def test_what_cannot_be_stored_leaves_neither_row_nor_message(app: Flask) -> None:
    with pytest.raises((StatementError, TypeError)):
        start(app, "demonstration", size=object())

    assert count(app, Job) == 0
    assert waiting(app) == 0


def test_the_row_is_there_before_the_message(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    huey, _ = app.extensions["queue"]
    enqueue = huey.storage.enqueue

    def look_first(data: bytes, priority: float | None = None) -> None:
        with db.engine.connect() as another:
            seen.append(another.execute(select(Job.status)).scalars().all())
        enqueue(data, priority)

    monkeypatch.setattr(huey.storage, "enqueue", look_first)
    start(app, "demonstration")

    assert seen == [["queued"]]


def test_the_tries_are_those_of_the_settings(app: Flask) -> None:
    identifier = start(app, "demonstration")

    assert look(app, identifier).attempts == app.config["SETTINGS"].job_max_attempts
