"""The page of a task follows it until it has ended, and is there for its owner and operators."""

import re

import pytest
from flask import Flask

from app.database import now
from app.extensions import db
from app.jobs.workers import Worker
from app.tasks import Running, TaskFailed
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, start, work_off
from tests.people import Browser

ENDED = ("succeeded", "failed", "cancelled")


def polls(html: str) -> bool:
    opening = re.search(r'<div class="stack" id="job"[^>]*>', html)
    assert opening, html
    return 'hx-trigger="every 2s"' in opening.group()


def test_while_it_waits_or_runs_the_fragment_asks_again(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    assert polls(bob.htmx_get(f"/tasks/{identifier}").text)

    claim(app, identifier, progress=62)

    answer = bob.htmx_get(f"/tasks/{identifier}")
    assert polls(answer.text)
    assert "<html" not in answer.text
    assert "autofocus" not in answer.text
    assert "<title>62% · Demonstration · Gatehouse</title>" in answer.text


@pytest.mark.parametrize("status", ENDED)
def test_once_it_ended_the_fragment_asks_no_more(app: Flask, bob: Browser, status: str) -> None:
    identifier = start(app, "demonstration")
    change(app, identifier, status=status, finished_at=now(), error="No.")

    answer = bob.htmx_get(f"/tasks/{identifier}")

    assert not polls(answer.text)
    assert "autofocus" not in answer.text
    assert f"<title>{status.capitalize()} · Demonstration · Gatehouse</title>" in answer.text


def test_without_javascript_the_page_has_a_link_to_look_again(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")

    page = bob.get(f"/tasks/{identifier}").text

    assert f'<a class="nojs" href="/tasks/{identifier}">Refresh</a>' in page


def test_polling_spends_no_quota(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    for _ in range(5):
        bob.htmx_get(f"/tasks/{identifier}")

    assert bob.post("/tasks", {"task": "demonstration"}).status_code == 303


def test_a_change_of_state_is_said_once(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    waiting = bob.htmx_get(f"/tasks/{identifier}?said=Queued")
    claim(app, identifier, progress=53)

    moved = bob.htmx_get(f"/tasks/{identifier}?said=Queued")
    same = bob.htmx_get(f"/tasks/{identifier}?said=50% done")

    assert "HX-Trigger" not in waiting.headers
    assert "50% done" in moved.headers["HX-Trigger"]
    assert "HX-Trigger" not in same.headers
    assert f"/tasks/{identifier}?said=50%25+done" in moved.text


@pytest.mark.parametrize("path", ["", "/file"])
def test_others_cannot_tell_that_it_exists(
    app: Flask, mallory: Browser, bob: Browser, path: str
) -> None:
    identifier = start(app, "demonstration")

    answer = mallory.get(f"/tasks/{identifier}{path}")

    assert answer.status_code == 404
    assert mallory.get(f"/tasks/{'0' * 32}{path}").status_code == 404
    assert mallory.htmx_get(f"/tasks/{identifier}{path}").status_code == 404
    assert "Demonstration" not in answer.text


def test_what_is_set_aside_failed_to_its_owner_and_is_dead_to_operators(
    app: Flask, alice: Browser, bob: Browser
) -> None:
    identifier = start(app, "demonstration")
    change(app, identifier, status="dead", attempt=3, finished_at=now(), error="It broke.")
    path = f"/tasks/{identifier}"

    page, row, part = bob.get(path).text, bob.get("/tasks").text, bob.htmx_get(path)
    for_alice = alice.get(path).text

    for text in (page, row):
        assert "Dead" not in text
        assert '<span class="tag tag-bad">Failed</span>' in text
        assert "It broke." in text
    assert "Tried 3 times." in page
    assert f'action="{path}/retry"' in page
    assert "<title>Failed · Demonstration · Gatehouse</title>" in part.text
    assert not polls(part.text)
    assert "Dead after 3 tries" in for_alice
    assert bob.htmx_post(f"{path}/retry").text.count("Queued</span>") == 1


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_others_cannot_change_it(app: Flask, mallory: Browser, verb: str) -> None:
    identifier = start(app, "demonstration")

    assert mallory.post(f"/tasks/{identifier}/{verb}").status_code == 404
    assert mallory.post(f"/tasks/{'0' * 32}/{verb}").status_code in (404, 429)


def test_operators_see_it_and_who_started_it(app: Flask, alice: Browser) -> None:
    identifier = start(app, "demonstration")

    page = alice.get(f"/tasks/{identifier}").text

    assert "<dt>Started by</dt><dd>Bob Baker</dd>" in page


def test_a_stranger_is_asked_to_sign_in_and_comes_back(app: Flask, stranger: Browser) -> None:
    identifier = start(app, "demonstration")

    answer = stranger.get(f"/tasks/{identifier}")

    assert answer.status_code == 303
    assert answer.location == f"/sign-in?next=/tasks/{identifier}"


def test_who_is_no_operator_any_more_loses_what_was_for_operators(
    app: Flask, alice: Browser
) -> None:
    identifier = start(app, "export_users", "alice")
    work_off(app)
    assert alice.get(f"/tasks/{identifier}/file").status_code == 200
    with app.app_context():
        user = db.session.scalars(User.by_username("alice")).unique().one()
        user.is_superuser = False
        db.session.commit()

    assert alice.get(f"/tasks/{identifier}").location.startswith("/sign-in")
    alice = Browser(app, "alice")
    assert alice.get(f"/tasks/{identifier}").status_code == 404
    assert alice.get(f"/tasks/{identifier}/file").status_code == 404
    assert alice.post(f"/tasks/{identifier}/retry").status_code == 404
    assert "Users export" not in alice.get("/tasks").text


def test_the_page_says_when_no_worker_is_there(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    alone = bob.get(f"/tasks/{identifier}").text
    with app.app_context():
        db.session.add(Worker(id="w" * 32, host="here", pid=1, threads=1))
        db.session.commit()

    assert "No worker is running" in alone
    assert "flask worker" not in alone, "a command is for operators"
    assert "No worker is running" not in bob.get(f"/tasks/{identifier}").text


def test_it_says_how_long_results_are_kept(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")

    assert "<dt>Result kept</dt><dd>7 days</dd>" in bob.get(f"/tasks/{identifier}").text
    assert "Results are kept for 7 days." in bob.get("/tasks/nothing").text


@pytest.mark.parametrize(
    "result", [{"a<b": "<script>", "n": 1284}, ["<script>"], "<script>", 7, None, [], {}]
)
def test_any_result_is_shown_as_text(
    app: Flask, bob: Browser, declare: Declare, result: object
) -> None:
    def gives(job: Running) -> object:
        return result

    identifier = start(app, declare(gives))
    work_off(app)

    answer = bob.get(f"/tasks/{identifier}")

    assert answer.status_code == 200
    assert "Succeeded" in answer.text
    assert "<script>" not in answer.text
    assert ("&lt;script&gt;" in answer.text) == ("<script>" in str(result))
    assert ("1,284" in answer.text) == ("1284" in str(result))


def test_what_a_task_says_is_shown_as_text(app: Flask, bob: Browser, declare: Declare) -> None:
    def talks(job: Running) -> None:
        job.step("<i>step</i>")
        job.progress(10, "<i>message</i>")
        raise TaskFailed("The <i>reason</i>.")

    identifier = start(app, declare(talks))
    work_off(app)

    page = bob.get(f"/tasks/{identifier}").text
    assert "<i>" not in page
    assert "The &lt;i&gt;reason&lt;/i&gt;." in page


def test_technical_details_are_for_operators(
    app: Flask, alice: Browser, bob: Browser, declare: Declare
) -> None:
    def breaks(job: Running) -> None:
        raise RuntimeError("the inner reason")

    identifier = start(app, declare(breaks, attempts=1))
    work_off(app)

    assert "the inner reason" not in bob.get(f"/tasks/{identifier}").text
    assert "the inner reason" in alice.get(f"/tasks/{identifier}").text


def test_the_time_left_is_told_from_a_tenth_on(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration")
    claim(app, identifier, progress=9)
    early = bob.get(f"/tasks/{identifier}").text

    change(app, identifier, progress=10)

    assert "left" not in early.split('class="clock"')[1].split("</div>")[0]
    assert "about 10 s left" in bob.get(f"/tasks/{identifier}").text


def test_the_list_has_ones_own_tasks_only(app: Flask, alice: Browser, bob: Browser) -> None:
    start(app, "demonstration", "bob", "Of Bob")
    start(app, "demonstration", "alice", "Of Alice")

    assert "Of Bob" in bob.get("/tasks").text
    assert "Of Alice" not in bob.get("/tasks").text
    assert "Of Bob" not in alice.get("/tasks").text


@pytest.mark.parametrize("number", ["1", "2", "999999999999999999999", "-1", "x"])
def test_any_page_number_of_the_list_is_answered(app: Flask, bob: Browser, number: str) -> None:
    start(app, "demonstration")

    assert bob.get(f"/tasks?page={number}").status_code == 200
    assert 'id="tasks"' in bob.htmx_get(f"/tasks?page={number}").text
