"""Programs stop tasks and try them again, as the page does, and are told when that cannot be."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.database import now
from app.extensions import db
from app.jobs import api
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, lines, look, start, waiting, work_off
from tests.jobs.test_api import DOOR, ask, quick, read
from tests.people import Browser
from tests.tokens.deeds import bearing, token_of

VERBS = ("cancel", "retry")
ENDED = ("succeeded", "failed", "dead", "cancelled")


def do(app: Flask, verb: str, job: str, token: str = "", **options: Any) -> TestResponse:
    headers = bearing(token) if token else {}
    return app.test_client().post(f"{DOOR}/{job}/{verb}", headers=headers, **options)


def ended(app: Flask, status: str, username: str = "carol") -> str:
    identifier = start(app, "demonstration", username)
    work = {"attempt": 3, "progress": 40, "error": "It broke.", "finished_at": now()}
    change(app, identifier, status=status, stop_asked=status == "cancelled", **work)
    app.extensions["queue"][0].storage.flush_all()
    return identifier


def test_a_waiting_task_is_cancelled_at_once_and_shown_as_when_it_is_read(
    app: Flask, bob: Browser
) -> None:
    token, identifier = token_of(app, "bob"), start(app, "demonstration")

    answer = do(app, "cancel", identifier, token)

    assert answer.status_code == 200
    assert answer.json == read(app, identifier, token).json
    assert (answer.json["status"], answer.json["success"]) == ("cancelled", False)
    assert lines(app, identifier)[-1] == "Asked to stop by bob"
    assert do(app, "cancel", identifier, token).status_code == 409


def test_a_running_task_is_asked_to_stop_once_however_often_that_is_sent(app: Flask) -> None:
    token, identifier = token_of(app, "bob"), start(app, "demonstration")
    claim(app, identifier)

    answers = [do(app, "cancel", identifier, token) for _ in range(3)]

    assert [answer.json["status"] for answer in answers] == ["running"] * 3
    assert look(app, identifier).stop_asked
    assert lines(app, identifier).count("Asked to stop by bob") == 1


@pytest.mark.parametrize("status", ["failed", "dead", "cancelled"])
def test_what_ended_without_success_is_tried_again(
    app: Flask, declare: Declare, status: str
) -> None:
    quick(declare, "demonstration")
    token, identifier = token_of(app, "carol"), ended(app, status)

    answer = do(app, "retry", identifier, token)

    assert answer.status_code == 200
    assert answer.json == read(app, identifier, token).json
    facts = ("status", "success", "error", "progress", "finish_time", "job_try")
    assert [answer.json[fact] for fact in facts] == ["queued", None, None, None, None, 3]
    assert lines(app, identifier)[-1] == "Queued again by carol"
    work_off(app)
    assert read(app, identifier, token).json["success"] is True


@pytest.mark.parametrize("status", ENDED)
def test_what_has_ended_cannot_be_cancelled(app: Flask, status: str) -> None:
    identifier = ended(app, status)

    answer = do(app, "cancel", identifier, token_of(app, "carol"))

    assert answer.status_code == 409
    assert answer.json["detail"] == "This task has ended; there is nothing to cancel."
    assert look(app, identifier).status == status


@pytest.mark.server_only  # SQLite has one writer
def test_what_ends_while_it_is_being_cancelled_was_not_cancelled(app: Flask) -> None:
    identifier, token = start(app, "demonstration"), token_of(app, "bob")
    faster: list[str] = []

    def end_it(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE jobs SET") and not faster:
            faster.append("it")
            with ThreadPoolExecutor(1) as pool:
                pool.submit(change, app, identifier, status="succeeded").result()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", end_it)
    answer = do(app, "cancel", identifier, token)
    event.remove(engine, "before_cursor_execute", end_it)

    assert (faster, answer.status_code) == (["it"], 409)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("queued", "This task waits or runs. It can be tried again once it has failed."),
        ("running", "This task waits or runs. It can be tried again once it has failed."),
        ("succeeded", "This task succeeded; there is nothing to try again."),
    ],
)
def test_what_runs_or_succeeded_is_not_tried_again(app: Flask, status: str, sentence: str) -> None:
    identifier = ended(app, status)

    answer = do(app, "retry", identifier, token_of(app, "carol"))

    assert (answer.status_code, answer.json["detail"]) == (409, sentence)
    assert (look(app, identifier).status, waiting(app)) == (status, 0)


def test_a_retry_costs_what_a_start_costs_and_a_cancel_nothing(app: Flask) -> None:
    token, identifier = token_of(app, "bob"), ended(app, "failed", "bob")

    first = do(app, "retry", identifier, token)
    cancelled = do(app, "cancel", identifier, token)
    again = do(app, "retry", identifier, token)

    assert [each.status_code for each in (first, cancelled, again)] == [200, 200, 429]
    assert first.headers["RateLimit-Policy"] == '"jobs.start";q=1;w=3600'
    assert again.json["retry_after"] == int(again.headers["Retry-After"])
    assert "RateLimit" not in cancelled.headers
    assert ask(app, token).status_code == 429
    assert look(app, identifier).status == "cancelled"


@pytest.mark.parametrize("verb", VERBS)
def test_asked_ten_times_at_once_it_is_done_once(app: Flask, verb: str) -> None:
    token = token_of(app, "carol")
    identifier = ended(app, "queued" if verb == "cancel" else "failed")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: do(app, verb, identifier, token), range(10)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert 200 in [answer.status_code for answer in answers]
    done = "Asked to stop by carol" if verb == "cancel" else "Queued again by carol"
    assert lines(app, identifier).count(done) == 1
    assert waiting(app) == (verb == "retry")


class TestWho:
    @pytest.mark.parametrize("verb", VERBS)
    def test_others_and_strangers_learn_and_change_nothing(self, app: Flask, verb: str) -> None:
        identifier = ended(app, "queued" if verb == "cancel" else "failed")
        before = lines(app, identifier)

        for token in ("", token_of(app, "mallory")):
            theirs, nobodys = do(app, verb, identifier, token), do(app, verb, "0" * 32)
            assert (theirs.status_code, nobodys.status_code) == (404, 404)
            assert theirs.json["detail"] == "There is no task with that id."

        assert lines(app, identifier) == before

    def test_operators_stop_and_retry_what_others_started(self, app: Flask) -> None:
        token, identifier = token_of(app, "alice"), start(app, "demonstration")

        for verb in VERBS:
            assert do(app, verb, identifier, token).status_code == 200

        assert lines(app, identifier)[1:] == ["Asked to stop by alice", "Queued again by alice"]

    def test_a_strangers_task_is_anybodys_who_holds_its_id(self, app: Flask) -> None:
        identifier = ask(app).json["id"]

        assert do(app, "cancel", identifier).json["status"] == "cancelled"
        assert do(app, "retry", identifier, token_of(app, "bob")).json["status"] == "queued"

        asked = ["Asked to stop by a stranger", "Queued again by bob"]
        assert lines(app, identifier)[1:] == asked
        assert count(app, User) == 4

    def test_strangers_leave_room_for_people_when_they_try_again(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "MOST_OF_STRANGERS", 2)
        identifier = ask(app).json["id"]
        do(app, "cancel", identifier)
        for _ in range(2):
            ask(app)

        for token in ("", token_of(app, "carol")):
            refused = do(app, "retry", identifier, token)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
        mine = ended(app, "failed")
        assert do(app, "retry", mine, token_of(app, "carol")).status_code == 200
        assert look(app, identifier).status == "cancelled"

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_token_that_only_reads_or_is_over_does_nothing(self, app: Flask, verb: str) -> None:
        identifier = ended(app, "queued" if verb == "cancel" else "failed")
        reads = do(app, verb, identifier, token_of(app, "carol", "read"))

        assert reads.status_code == 403
        assert do(app, verb, identifier, "expired").status_code == 401
        assert len(lines(app, identifier)) == 1

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_page_elsewhere_changes_nothing_for_its_visitors(self, app: Flask, verb: str) -> None:
        identifier = ask(app).json["id"]

        answer = app.test_client().post(
            f"{DOOR}/{identifier}/{verb}", headers={"Sec-Fetch-Site": "cross-site"}
        )

        assert answer.status_code == 403
        assert len(lines(app, identifier)) == 1
