"""A person cancels a task: a waiting one ends at once, a running one when it agrees."""

from flask import Flask

from app.tasks import Running
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, lines, look, start, work_off
from tests.people import Browser


def test_a_waiting_task_is_cancelled_at_once(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")

    answer = bob.post(f"/tasks/{identifier}/cancel")

    assert answer.status_code == 303
    assert answer.location == f"/tasks/{identifier}"
    job = look(app, identifier)
    assert (job.status, job.finished_at is not None) == ("cancelled", True)
    assert lines(app, identifier) == ["Queued by bob", "Asked to stop by bob"]


def test_a_cancelled_task_is_not_run(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration", pause=0)
    bob.post(f"/tasks/{identifier}/cancel")

    work_off(app)

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("cancelled", 0)


def test_htmx_gets_the_ended_task_with_the_focus(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")

    answer = bob.htmx_post(f"/tasks/{identifier}/cancel")

    assert answer.status_code == 200
    assert answer.text.count("autofocus") == 1
    assert "Cancelled" in answer.text
    assert "hx-trigger" not in answer.text
    assert "<html" not in answer.text


def test_a_running_task_is_stopping_until_the_worker_agrees(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    claim(app, identifier)

    answer = bob.htmx_post(f"/tasks/{identifier}/cancel")

    assert look(app, identifier).status == "running"
    assert "Stopping…" in answer.text
    assert "Cancel task" not in answer.text
    assert 'hx-trigger="every 2s"' in answer.text
    assert "Cancelled" not in answer.text


def test_a_running_task_stops_at_its_next_report_and_keeps_nothing(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    reached = []

    def goes_on(job: Running) -> None:
        job.step("First")
        bob.post(f"/tasks/{job.id}/cancel")
        reached.append("before")
        job.progress(50, "half")
        reached.append("after")

    identifier = start(app, declare(goes_on, steps=("First", "Second")))
    work_off(app)

    job = look(app, identifier)
    assert reached == ["before"]
    assert (job.status, job.result, job.progress) == ("cancelled", None, None)
    assert lines(app, identifier)[-2:] == ["Asked to stop by bob", "Cancelled"]
    assert [step["state"] for step in job.shown_steps] == ["stopped", "todo"]


def test_a_task_that_was_done_before_it_noticed_is_done(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    def too_fast(job: Running) -> str:
        bob.post(f"/tasks/{job.id}/cancel")
        return "done"

    identifier = start(app, declare(too_fast))
    work_off(app)

    assert (look(app, identifier).status, look(app, identifier).result) == ("succeeded", "done")


def test_a_task_that_breaks_while_it_is_stopping_is_not_tried_again(
    app: Flask, bob: Browser, declare: Declare
) -> None:
    def breaks(job: Running) -> None:
        bob.post(f"/tasks/{job.id}/cancel")
        raise RuntimeError

    identifier = start(app, declare(breaks))
    work_off(app)

    assert look(app, identifier).status == "cancelled"


def test_cancelling_twice_or_too_late_changes_nothing(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration", pause=0)
    bob.post(f"/tasks/{identifier}/cancel")
    first = look(app, identifier).finished_at

    assert bob.post(f"/tasks/{identifier}/cancel").status_code == 303
    assert look(app, identifier).finished_at == first
    change(app, identifier, status="succeeded", stop_asked=False)
    assert bob.post(f"/tasks/{identifier}/cancel").status_code == 303
    assert look(app, identifier).status == "succeeded"
    assert lines(app, identifier).count("Asked to stop by bob") == 1


def test_operators_cancel_what_others_started(app: Flask, alice: Browser) -> None:
    identifier = start(app, "demonstration")

    alice.post(f"/tasks/{identifier}/cancel")

    assert look(app, identifier).status == "cancelled"
    assert lines(app, identifier)[-1] == "Asked to stop by alice"


def test_without_a_token_or_a_name_nothing_stops(
    app: Flask, bob: Browser, stranger: Browser
) -> None:
    identifier = start(app, "demonstration")

    assert bob.client.post(f"/tasks/{identifier}/cancel").status_code == 400
    assert stranger.post(f"/tasks/{identifier}/cancel").location == "/sign-in"
    assert look(app, identifier).status == "queued"
