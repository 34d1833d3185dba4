"""The same answer by command and by the API as at the door: what limits somebody on a route."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.extensions import db
from app.tiers.models import Tier
from tests.auth.programs import Program
from tests.people import Browser
from tests.tiers.conftest import Clock
from tests.tiers.screen import set_limit
from tests.tokens.deeds import bearing
from tests.users.saved import add

Run = Callable[..., Result]
MINE = "/api/v1/rate_limits/me"
START = {"task": "demonstration"}
STARTS, RETRIES = "POST /tasks, POST /tasks/<id>/retry", "POST /api/v1/tasks/task/<id>/retry"
DOORS = f"{STARTS}, POST /api/v1/tasks/task, {RETRIES}"
GONE = (
    "The limit of the tier free on jobs.gone (POST) limits nothing: there is no such limited "
    "route. Remove it: flask limits remove 'free' jobs.gone\n"
)


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


@pytest.fixture
def gone(app: Flask) -> None:
    """The tier free has a limit on a route of a feature that was taken out."""
    set_limit(app, "free", 5, 60, route="jobs.gone")


def explained(run: Run, *words: str) -> dict[str, Any]:
    result = run("limits", "explain", *words, "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.output)
    return told


def test_a_command_tells_in_words_what_limits_bob(run: Run, clock: Clock, mode: str) -> None:
    result = run("limits", "explain", "bob", "POST", "/tasks")

    known = "0 of 1, 1 call left"
    unknown = "not known here: without Redis each process has counts of its own"
    assert result.output.splitlines() == [
        f"Route    Background tasks · {DOORS}",
        "Limit    1 request per hour: the limit of the tier Free on this route",
        f"Used     {known if mode == 'server' else unknown}",
        "Resets   2030-03-17 15:00:00 UTC, in 10 min",
        "Counted  as user:2",
    ]


@pytest.mark.parametrize(
    "path",
    ["/tasks", "tasks", "//tasks", "/tasks/0/retry", "api/v1/tasks/task", "api_v1_tasks_task"],
)
def test_spelling_and_shared_buckets_lead_to_one_answer(run: Run, path: str) -> None:
    assert explained(run, "bob@example.com", "post", path)["endpoint"] == "jobs.start"


@pytest.mark.parametrize(
    ("who", "reason", "tier", "limit", "counted_by"),
    [
        ("bob", "rule", "Free", 1, "user:2"),
        ("dora", "no tier", None, 10, "user:5"),
        ("-", "signed out", None, 10, "address:203.0.113.9"),
    ],
)
def test_every_reason_is_told(
    app: Flask, run: Run, who: str, reason: str, tier: str | None, limit: int, counted_by: str
) -> None:
    add(app, "dora")

    told = explained(run, who, "POST", "/tasks", "--address", "203.0.113.9")

    assert (told["reason"], told["tier"], told["limit"]) == (reason, tier, limit)
    assert told["counted_by"] == counted_by


def test_a_tier_without_a_rule_has_the_default(app: Flask, run: Run) -> None:
    with app.app_context():
        db.session.add(Tier(name="gold"))
        db.session.commit()
    add(app, "dora", tier="gold")

    told = explained(run, "dora", "POST", "/tasks")

    assert (told["reason"], told["tier"], told["limit"]) == ("no rule", "Gold", 10)


@pytest.mark.server_only
def test_what_was_used_at_the_door_is_used_everywhere(app: Flask, run: Run, carol: Browser) -> None:
    program = Program(app, "carol")
    for _ in range(3):
        assert carol.post("/tasks", START).status_code == 303

    told = explained(run, "carol", "POST", "/tasks")
    (mine,) = app.test_client().get(MINE, headers=bearing(program.access)).json["data"]

    assert (told["used"], told["left"]) == (3, 7)
    assert {**mine, "counted_by": "user:3"} == told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nobody", "POST", "/tasks"), "There is no user named 'nobody'."),
        (("bob", "POST", "/task"), "Nothing answers /task. Near: /tasks"),
        (("bob", "PATCH", "/tasks"), "/tasks does not answer PATCH, only GET, POST."),
    ],
)
def test_what_cannot_be_explained_is_said(run: Run, words: tuple[str, ...], sentence: str) -> None:
    result = run("limits", "explain", *words)

    assert result.exit_code == 1
    assert sentence in result.output


def test_a_route_without_a_limit_is_said_to_have_none(run: Run) -> None:
    assert run("limits", "explain", "bob", "GET", "/tasks").output == "GET /tasks is not limited.\n"
    assert explained(run, "bob", "GET", "/tasks") is None


@pytest.mark.server_only
def test_watching_prints_what_changes(app: Flask, run: Run, clock: Clock, carol: Browser) -> None:
    still = run("limits", "watch", "carol", "--every", "0", "--looks", "3")
    carol.post("/tasks", START)
    later = run("limits", "watch", "carol", "--every", "0", "--looks", "1")

    row = "Background tasks                 {}/10  10 requests per hour, resets at 15:00:00 UTC\n"
    assert (still.exit_code, still.output) == (0, row.format(0))
    assert later.output == row.format(1)


def test_counts_that_nobody_outside_knows_cannot_be_watched(run: Run, mode: str) -> None:
    result = run("limits", "watch", "carol", "--looks", "1")

    assert result.exit_code == (1 if mode == "embedded" else 0)
    assert ("counts of its own" in result.output) is (mode == "embedded")


def test_limits_on_routes_that_are_there_pass_the_check(run: Run) -> None:
    result = run("limits", "check")

    assert (result.exit_code, result.output) == (0, "Every limit is on a route that counts.\n")


@pytest.mark.usefixtures("gone")
def test_a_limit_on_a_route_that_is_gone_fails_the_check_and_warns_at_start(
    app: Flask, run: Run
) -> None:
    checked, started = run("limits", "check"), run("prepare")
    removed = run("limits", "remove", "free", "jobs.gone")

    assert (checked.exit_code, checked.output) == (1, GONE)
    assert (started.exit_code, started.output) == (0, f"Warning: {GONE}")
    assert removed.exit_code == 0
    assert run("limits", "check").exit_code == 0


def test_a_program_reads_its_own_limits_for_nothing(
    app: Flask, clock: Clock, bob: Browser, carol: Browser
) -> None:
    program, another = Program(app, "bob"), Program(app, "carol")
    assert bob.post("/tasks", START).status_code == 303

    answers = [
        app.test_client().get(MINE, headers=bearing(who.access))
        for who in (program, another)
        for _ in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert answers[2].json == {
        "data": [
            {
                "name": "Background tasks",
                "endpoint": "jobs.start",
                "path": "/tasks",
                "methods": ["POST"],
                "tier": "Free",
                "reason": "rule",
                "observed": False,
                "limit": 1,
                "period": 3600,
                "used": 1,
                "left": 0,
                "reset": 600,
                "reset_at": "2030-03-17T15:00:00+00:00",
            }
        ]
    }
    assert [each["used"] for each in answers[5].json["data"]] == [0]
    assert "RateLimit" not in answers[0].headers


def test_strangers_and_browsers_have_no_limits_there(app: Flask, bob: Browser) -> None:
    for answer in (app.test_client().get(MINE), bob.get(MINE)):
        assert answer.status_code == 401
        assert answer.json["title"] == "Unauthorized"


def test_a_changed_rule_is_told_at_once(app: Flask, run: Run) -> None:
    program = Program(app, "bob")
    set_limit(app, "free", 7, 60)

    (told,) = app.test_client().get(MINE, headers=bearing(program.access)).json["data"]

    assert (told["limit"], told["period"]) == (7, 60)
    assert explained(run, "bob", "POST", "/tasks")["limit"] == 7
