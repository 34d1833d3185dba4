"""Programs start tasks and see how far they are; strangers may too, within the default."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from werkzeug.test import TestResponse

from app.extensions import db
from app.jobs import api
from app.jobs.models import Job, JobLog
from app.operations import ODD_KEY
from app.tasks import TASKS
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import count, lines, look, start, waiting, work_off
from tests.people import Browser
from tests.tokens.deeds import bearing, token_of

DOOR = "/api/v1/tasks/task"


def ask(
    app: Flask, token: str = "", key: str = "", query: str = "?message=Hello", **options: Any
) -> TestResponse:
    """Start a task as a program does."""
    headers = {**bearing(token)} if token else {}
    named = {**headers, "Idempotency-Key": key} if key else headers
    return app.test_client().post(DOOR + query, headers=named, **options)


def read(app: Flask, job: str, token: str = "") -> TestResponse:
    return app.test_client().get(f"{DOOR}/{job}", headers=bearing(token) if token else {})


def quick(declare: Declare, name: str) -> Any:
    """A task of that name that takes no time."""

    def function(_job: Any) -> dict[str, int]:
        return {"sum": 3}

    function.__name__ = name
    declare(function)
    return function


def test_a_program_starts_a_task_of_its_person(app: Flask, bob: Browser) -> None:
    answer = ask(app, token_of(app, "bob"), query="?message=%20For%20%20the%20board")

    identifier = answer.json["id"]
    job = look(app, identifier)
    assert (answer.status_code, answer.json) == (201, {"id": job.id})
    assert answer.headers["Location"] == f"{DOOR}/{job.id}"
    assert (job.task, job.name, job.owner_id) == ("demonstration", "For the board", 2)
    assert (waiting(app), lines(app, job.id)) == (1, ["Queued by bob"])
    assert "For the board" in bob.get("/tasks").text


def test_a_program_reads_how_far_it_is(app: Flask, declare: Declare) -> None:
    quick(declare, "demonstration")
    token = token_of(app, "bob")
    identifier = ask(app, token).json["id"]
    before = read(app, identifier, token).json
    work_off(app)
    after = read(app, identifier, token).json

    enqueued = before.pop("enqueue_time")
    assert datetime.fromisoformat(enqueued).utcoffset() is not None
    same = {"id": identifier, "function": "demonstration", "args": ["Hello"], "kwargs": {}}
    nothing = dict.fromkeys(("progress", "result", "error", "start_time", "finish_time", "success"))
    assert before == {**same, **nothing, "status": "queued", "job_try": 0}
    assert (after["status"], after["success"], after["result"]) == ("succeeded", True, {"sum": 3})
    assert enqueued <= after["start_time"] <= after["finish_time"]
    assert after["job_try"] == 1


def test_the_page_and_the_api_count_together(app: Flask, bob: Browser) -> None:
    token = token_of(app, "bob")
    assert bob.post("/tasks", {"task": "demonstration"}).status_code == 303

    refused = ask(app, token)

    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"] == '"jobs.start";q=1;w=3600'
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    told = refused.json
    assert (told["detail"], told["limit"], told["period"]) == ("Rate limit exceeded.", 1, 3600)
    assert told["retry_after"] == int(refused.headers["Retry-After"])
    end = int(refused.headers["X-RateLimit-Reset"])
    assert datetime.fromisoformat(told["reset_at"]).timestamp() == end
    assert end - told["retry_after"] <= app.extensions["counters"].clock() + 1
    assert count(app, Job) == 1


class TestStrangers:
    def test_a_stranger_starts_tasks_within_the_default_of_the_address(self, app: Flask) -> None:
        answers = [ask(app) for _ in range(11)]
        elsewhere = ask(app, environ_overrides={"REMOTE_ADDR": "198.51.100.7"})

        assert [answer.status_code for answer in answers] == [201] * 10 + [429]
        assert elsewhere.status_code == 201
        assert count(app, Job) == 11
        job = look(app, answers[0].json["id"])
        assert (job.owner_id, lines(app, job.id)) == (None, ["Queued by a stranger"])

    def test_whoever_has_the_id_may_read_it_and_do_no_more(self, app: Flask, bob: Browser) -> None:
        identifier = ask(app).json["id"]

        for token in ("", token_of(app, "bob")):
            assert read(app, identifier, token).json["status"] == "queued"
        assert bob.get(f"/tasks/{identifier}").status_code == 404
        assert bob.post(f"/tasks/{identifier}/cancel").status_code == 404

    def test_a_token_that_is_not_valid_makes_nobody_a_stranger(self, app: Flask) -> None:
        identifier = ask(app).json["id"]

        for answer in (ask(app, "expired"), read(app, identifier, "expired")):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert count(app, Job) == 1

    def test_the_session_of_a_browser_is_no_token(self, app: Flask, bob: Browser) -> None:
        answer = bob.client.post(f"{DOOR}?message=x")

        assert answer.status_code == 201
        assert look(app, answer.json["id"]).owner_id is None

    def test_from_however_many_addresses_they_leave_room_for_people(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, declare: Declare
    ) -> None:
        monkeypatch.setattr(api, "MOST_OF_STRANGERS", 3)
        quick(declare, "demonstration")
        start(app, "demonstration")  # nobody's, but not a stranger's
        places = [{"REMOTE_ADDR": f"2001:db8:{number}::1"} for number in range(6)]

        answers = [ask(app, environ_overrides=place) for place in places]

        assert [answer.status_code for answer in answers] == [201] * 3 + [503] * 3
        assert answers[3].headers["Retry-After"] == "60"
        assert answers[3].json["detail"].startswith("Too many tasks")
        assert ask(app, token_of(app, "carol")).status_code == 201
        work_off(app)
        assert ask(app).status_code == 201

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_a_page_elsewhere_uses_up_nothing_of_its_visitors(self, app: Flask, site: str) -> None:
        client, headers = app.test_client(), {"Sec-Fetch-Site": site}

        for _ in range(11):
            assert client.post(f"{DOOR}?message=x", headers=headers).status_code == 403

        assert count(app, Job) == 0
        for ours in ("same-origin", "none"):
            answer = client.post(f"{DOOR}?message=x", headers={"Sec-Fetch-Site": ours})
            assert answer.status_code == 201
        assert answer.headers["X-RateLimit-Remaining"] == "8"
        assert client.get(answer.headers["Location"], headers=headers).status_code == 200


class TestWhoMayRead:
    def test_others_and_strangers_learn_nothing(self, app: Flask) -> None:
        mine = ask(app, token_of(app, "bob")).json["id"]

        for identifier in (mine, "nothing", "0" * 5000):
            for token in ("", token_of(app, "mallory")):
                answer = read(app, identifier, token)
                assert answer.status_code == 404
                assert answer.json["detail"] == "There is no task with that id."
        assert read(app, mine, token_of(app, "bob")).status_code == 200
        assert read(app, mine, token_of(app, "alice")).status_code == 200

    def test_work_of_our_own_is_read_by_operators_alone(self, app: Flask, declare: Declare) -> None:
        with app.app_context():
            quick(declare, "tidying")
            TASKS["tidying"].enqueue()
            db.session.commit()
            job = db.session.query(Job).one().id

        assert read(app, job).status_code == 404
        assert read(app, job, token_of(app, "alice")).status_code == 200

    def test_a_task_whose_owner_is_gone_is_nobodys(self, app: Flask) -> None:
        job, key = ask(app, token_of(app, "bob"), "1").json["id"], "address:1"
        other = ask(app, token_of(app, "mallory"), key).json["id"]
        with app.app_context():
            db.session.execute(delete(User).where(User.username.in_(["bob", "mallory"])))
            db.session.commit()

        assert [look(app, each).owner_id for each in (job, other)] == [None, None]
        assert [read(app, each).status_code for each in (job, other)] == [404, 404]


class TestOnce:
    """The same Idempotency-Key of the same caller gives the same task."""

    def test_the_same_key_gives_the_same_task(self, app: Flask) -> None:
        carol, mallory = token_of(app, "carol"), token_of(app, "mallory")
        first, again = ask(app, carol, "a key"), ask(app, carol, "a key")
        others = [ask(app, carol, "another"), ask(app, mallory, "a key"), ask(app, key="a key")]
        elsewhere = ask(app, key="a key", environ_overrides={"REMOTE_ADDR": "198.51.100.7"})

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json == first.json
        assert ask(app, key="a key").json == others[2].json
        answers = [first, *others, elsewhere]
        assert len({answer.json["id"] for answer in answers}) == count(app, Job) == 5
        assert count(app, JobLog) == waiting(app) == 5

    @pytest.mark.parametrize("who", ["carol", None])
    def test_asked_at_once_it_is_one_task_too(self, app: Flask, who: str | None) -> None:
        token = token_of(app, who) if who else ""
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: ask(app, token, "at once"), range(10)))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json["id"] for answer in answers}) == count(app, Job) == 1

    @pytest.mark.parametrize("key", ["k" * 255, '"quoted"', "two words"])
    def test_any_plain_key_will_do(self, app: Flask, key: str) -> None:
        token = token_of(app, "carol")

        assert ask(app, token, key).json == ask(app, token, key).json

    @pytest.mark.parametrize("key", ["k" * 256, "\xe9", " ", "a\tb"])
    def test_what_a_server_may_hand_on_as_nothing_is_no_key(self, app: Flask, key: str) -> None:
        answer = ask(app, token_of(app, "carol"), key)

        assert (answer.status_code, answer.json["detail"]) == (422, ODD_KEY)
        assert count(app, Job) == 0


@pytest.mark.parametrize(
    ("query", "message", "kind"),
    [
        ("", "Field required", "missing"),
        ("?message=" + "x" * 121, "Use 120 characters or fewer", "string_too_long"),
    ],
)
def test_a_wrong_message_is_refused_in_the_one_shape(
    app: Flask, query: str, message: str, kind: str
) -> None:
    answer = ask(app, token_of(app, "carol"), query=query)

    assert answer.status_code == 422
    assert answer.json["detail"] == [{"loc": ["query", "message"], "msg": message, "type": kind}]
    assert count(app, Job) == 0


def test_a_token_that_only_reads_starts_nothing(app: Flask) -> None:
    token = token_of(app, "bob", scope="read")
    job = start(app, "demonstration")

    assert ask(app, token).status_code == 403
    assert read(app, job, token).status_code == 200
    assert count(app, Job) == 1


def test_what_cannot_be_stored_is_refused(app: Flask) -> None:
    assert ask(app, query="?message=%00").status_code == 400
    assert read(app, "%00").status_code in (400, 404)
    assert count(app, Job) == 0


def test_a_task_may_have_no_name(app: Flask) -> None:
    identifier = ask(app, query="?message=").json["id"]

    assert read(app, identifier).json["args"] == []
