"""A person runs a failed or cancelled task again."""

import pytest
from flask import Flask

from app.database import now
from tests.jobs.deeds import change, lines, look, start, waiting, work_off
from tests.people import Browser


def failed(app: Flask, username: str = "bob") -> str:
    identifier = start(app, "demonstration", username, size=2, pause=0)
    ended = {"status": "failed", "error": "No.", "finished_at": now(), "progress": 40}
    change(app, identifier, **ended, attempt=3)
    app.extensions["queue"][0].storage.flush_all()
    return identifier


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_ended_task_is_queued_again_and_runs(app: Flask, bob: Browser, status: str) -> None:
    identifier = failed(app)
    change(app, identifier, status=status, stop_asked=status == "cancelled")

    answer = bob.post(f"/tasks/{identifier}/retry")

    job = look(app, identifier)
    assert answer.status_code == 303
    assert (job.status, job.error, job.finished_at, job.progress) == ("queued", None, None, None)
    assert job.attempts == 6, "all its tries again"
    assert waiting(app) == 1
    work_off(app)
    assert (look(app, identifier).status, look(app, identifier).result) == ("succeeded", {"sum": 3})
    assert "Queued again by bob" in lines(app, identifier)


def test_htmx_gets_the_waiting_task_with_the_focus_and_a_toast(app: Flask, bob: Browser) -> None:
    answer = bob.htmx_post(f"/tasks/{failed(app)}/retry")

    assert answer.status_code == 200
    assert answer.text.count("autofocus") == 1
    assert "Demonstration is queued again" in answer.text
    assert 'hx-trigger="every 2s"' in answer.text
    assert "<html" not in answer.text


def test_pressing_twice_is_harmless(app: Flask, carol: Browser) -> None:
    identifier = failed(app, "carol")
    carol.post(f"/tasks/{identifier}/retry")

    answer = carol.htmx_post(f"/tasks/{identifier}/retry")

    assert "Demonstration is queued again" in answer.text
    assert waiting(app) == 1
    assert lines(app, identifier).count("Queued again by carol") == 1


def test_what_succeeded_is_not_run_again(app: Flask, bob: Browser) -> None:
    identifier = failed(app)
    change(app, identifier, status="succeeded", error=None)

    answer = bob.htmx_post(f"/tasks/{identifier}/retry")

    assert "queued again" not in answer.text
    assert look(app, identifier).status == "succeeded"
    assert waiting(app) == 0


def test_a_retry_counts_as_a_start(app: Flask, bob: Browser) -> None:
    identifier = failed(app)
    bob.post(f"/tasks/{identifier}/retry")
    change(app, identifier, status="failed")

    again, start_anew = (
        bob.post(f"/tasks/{identifier}/retry"),
        bob.post("/tasks", {"task": "demonstration"}),
    )

    assert (again.status_code, start_anew.status_code) == (429, 429)
    assert look(app, identifier).status == "failed"


def test_a_task_of_a_kind_that_is_gone_fails_in_plain_words(app: Flask, bob: Browser) -> None:
    identifier = failed(app)
    change(app, identifier, task="older_kind")

    bob.post(f"/tasks/{identifier}/retry")
    work_off(app)

    job = look(app, identifier)
    assert job.status == "failed"
    assert job.error == "This version of the application has no task called older_kind."
    assert bob.get(f"/tasks/{identifier}").status_code == 200


def test_without_a_token_nothing_runs_again(app: Flask, bob: Browser) -> None:
    identifier = failed(app)

    assert bob.client.post(f"/tasks/{identifier}/retry").status_code == 400
    assert look(app, identifier).status == "failed"
