"""Alice does the same to many jobs: those she ticked, or all that match."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import now
from app.extensions import db
from app.jobs.bulk_tasks import discard_jobs, retry_jobs
from app.jobs.models import Job
from tests.audit.kept import kept, only
from tests.jobs.deeds import change, lines, look, start, waiting, work_off
from tests.jobs.ended import crowd, job
from tests.people import Browser


def by_status(app: Flask, task: str = "demonstration") -> dict[str, int]:
    with app.app_context():
        grouped = select(Job.status, func.count()).where(Job.task == task).group_by(Job.status)
        return {status: number for status, number in db.session.execute(grouped)}


def ticked(ids: list[str], deed: str) -> dict[str, Any]:
    return {"id": ids, "deed": deed}


def test_those_ticked_are_queued_again(app: Flask, alice: Browser) -> None:
    ids = [job(app, "failed"), job(app, "dead")]
    left = job(app, "failed")

    answer = alice.post("/jobs/selection?state=failed&page=1", ticked(ids, "retry"))

    assert (answer.status_code, answer.location) == (303, "/jobs?state=failed")
    assert [look(app, each).status for each in (*ids, left)] == ["queued", "queued", "failed"]
    assert waiting(app) == 2
    assert all(look(app, each).attempts == 6 for each in ids), "all their tries again"
    assert lines(app, ids[0])[-1] == "Queued again by alice"
    assert "2 jobs queued again" in alice.get(answer.location).text
    assert only(app).detail.startswith("2 jobs: ")


def test_what_changed_meanwhile_is_left_alone_and_said(app: Flask, alice: Browser) -> None:
    ids = [job(app, status) for status in ("failed", "succeeded", "failed", "running")]

    answer = alice.htmx_post("/jobs/selection?state=failed", ticked([*ids, "gone"], "discard"))

    assert [look(app, each).status for each in ids] == [
        *("cancelled", "succeeded", "cancelled", "running")
    ]
    assert "2 of 5 jobs discarded; 3 had changed" in answer.text
    assert answer.text.count("autofocus") == 1
    assert 'id="job-results"' in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"deed": "retry"}, 303),
        ({"id": [f"{each:032x}" for each in range(101)], "deed": "retry"}, 303),
        ({"id": ["a"], "deed": "burn"}, 404),
        ({"id": ["a"]}, 404),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused(
    app: Flask, alice: Browser, form: dict[str, Any], status: int
) -> None:
    crowd(app, 102)

    answer = alice.post("/jobs/selection?state=failed", form)

    assert answer.status_code == status
    assert by_status(app) == {"failed": 102}
    if status == 303:
        assert "Tick" in alice.get(answer.location).text


def test_all_that_match_are_asked_about_first(app: Flask, alice: Browser) -> None:
    crowd(app, 6)
    hers = job(app, "failed", "carol")
    assert "Retry all 7 failed" in alice.get("/jobs?state=failed").text

    html = alice.get("/jobs/all?state=failed&deed=retry&q=carol").text
    every = alice.get("/jobs/all?state=failed&deed=retry").text

    assert "Retry the one failed job?" in html
    assert "1 failed job matching “carol”" in html
    assert "Retry all 7 failed jobs?" in every
    assert "<dt>Demonstration</dt><dd>7 jobs</dd>" in every
    assert "a task of its own" not in every
    assert by_status(app) == {"failed": 7}, "looking does nothing"
    sent = until_of(html)
    assert alice.post("/jobs/all?state=failed&q=carol", sent).location == (
        "/jobs?q=carol&state=failed"
    )
    assert by_status(app) == {"failed": 6, "queued": 1}
    assert look(app, hers).status == "queued"
    assert only(app).detail == "1 failed job matching “carol”"


def until_of(html: str) -> dict[str, str]:
    """The hidden fields of the page that asks."""
    return dict(re.findall(r'name="(deed|until)" value="([^"]+)"', html))


def test_what_fails_after_the_question_is_not_meant(app: Flask, alice: Browser) -> None:
    asked_of = job(app, "failed")
    sent = until_of(alice.get("/jobs/all?state=failed&deed=discard").text)
    later = job(app, "failed")

    answer = alice.post("/jobs/all?state=failed", sent)

    assert [look(app, each).status for each in (asked_of, later)] == ["cancelled", "failed"]
    assert "1 job discarded" in alice.get(answer.location).text
    again = alice.post("/jobs/all?state=failed", sent)
    assert "0 jobs discarded" in alice.get(again.location).text
    assert len(kept(app)) == 1


def test_all_that_wait_are_cancelled(app: Flask, alice: Browser) -> None:
    ids = [start(app, "demonstration") for _ in range(2)]

    sent = {"deed": "cancel", "until": str(now().timestamp() + 9e6)}
    alice.post("/jobs/all?state=queued", sent)

    assert [look(app, each).status for each in ids] == ["cancelled"] * 2
    assert only(app).detail == "2 queued jobs"


@pytest.mark.parametrize(
    "path", ["?state=succeeded", "?state=queued", "", "?state=running", "?state=odd"]
)
def test_a_deed_that_does_not_fit_the_view_is_missing(
    app: Flask, alice: Browser, path: str
) -> None:
    assert alice.get(f"/jobs/all{path}", query_string=None).status_code == 404
    assert alice.post(f"/jobs/all{path}", {"deed": "retry"}).status_code == 404


def test_more_than_a_hundred_become_a_job_of_their_own(app: Flask, alice: Browser) -> None:
    crowd(app, 230)
    page = alice.get("/jobs/all?state=failed&deed=retry").text
    assert "a task of its own" in page

    answer = alice.post("/jobs/all?state=failed", until_of(page))
    again = alice.post("/jobs/all?state=failed", until_of(page))

    identifier = answer.location.rpartition("/")[2]
    assert answer.location == f"/tasks/{identifier}"
    assert again.location == answer.location, "pressed twice, it is the same job"
    asked = look(app, identifier)
    assert (asked.task, asked.name) == ("retry_jobs", "Retry 230 failed jobs")
    assert by_status(app) == {"failed": 230}
    assert kept(app)[0].detail == f"230 failed jobs, by the job {identifier[:6]}"

    huey, _ = app.extensions["queue"]
    huey.execute(huey.dequeue())

    assert look(app, identifier).result == {"queued again": 230, "had changed": 0}
    assert by_status(app) == {"queued": 230}
    assert lines(app, f"{5:032x}") == ["Queued again by alice"]
    assert waiting(app) == 230


class Halting:
    """A job that is stopped at its second report, as by a worker that is killed."""

    id, attempt, cancelled = "x" * 32, 1, False

    def __init__(self) -> None:
        self.reports: list[str] = []

    def step(self, name: str) -> None: ...

    def write(self, name: str, text: str) -> None: ...

    def progress(self, percent: int | None, message: str = "") -> None:
        self.reports.append(message)
        if len(self.reports) == 2:
            raise InterruptedError


def test_begun_again_in_the_middle_it_does_the_rest_once(app: Flask) -> None:
    crowd(app, 230)
    meant = {"by": "alice", "until": now(), "state": "failed"}
    with app.app_context():
        halting = Halting()
        with pytest.raises(InterruptedError):
            discard_jobs(halting, **meant)
        db.session.rollback()
        assert by_status(app) == {"cancelled": 200, "failed": 30}
        assert halting.reports == ["100 of 230 jobs", "200 of 230 jobs"]

        assert discard_jobs(Halting(), **meant) == {"discarded": 30, "had changed": 0}

    assert by_status(app) == {"cancelled": 230}
    assert lines(app, f"{0:032x}") == ["Discarded by alice"]


def test_what_failed_again_is_not_retried_by_the_same_job(app: Flask) -> None:
    meant = {"by": "alice", "until": now(), "state": "failed"}
    crowd(app, 2)
    with app.app_context():
        assert retry_jobs(Halting(), **meant) == {"queued again": 0, "had changed": 0}


def test_while_the_queue_is_away_they_wait_for_the_sweep(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [job(app, "failed") for _ in range(2)]
    huey, _ = app.extensions["queue"]
    monkeypatch.setattr(huey.storage, "enqueue", None)  # whatever is sent breaks

    alice.post("/jobs/selection?state=failed", ticked(ids, "retry"))

    assert [look(app, each).status for each in ids] == ["queued"] * 2
    assert look(app, ids[0]).sent_at is None
    change(app, ids[0], task="demonstration")
    monkeypatch.undo()
    work_off(app)
