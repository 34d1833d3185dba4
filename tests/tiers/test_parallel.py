"""Exactly as many calls pass as a limit allows, however many come at once, in every process."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.audit.models import Event
from app.auth.second_step import TRIES_SECONDS
from app.extensions import db
from app.jobs.models import Job
from app.tiers.models import RateLimit, Tier
from app.users.models import User
from tests.factors.held import give_app, half_in, wrong_code
from tests.people import Browser
from tests.tiers.screen import set_limit
from tests.tiers.web import STRANGERS, THREADS, Web, environment, serving
from tests.tokens.deeds import bearing, token_of

ALLOWED = 10
CALLS = 200
AT_ONCE = 16
# The window of this period ends in 2038: none ends in the middle of a test.
LONG = 2_147_483_647


@pytest.fixture(scope="module")
def webs(
    prepared_app: Flask,
    mode: str,
    mode_settings: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Web]]:
    """Two web servers of two processes each; embedded there is one process, with its threads."""
    with ExitStack() as stack:
        names, logs = ("one",) if mode == "embedded" else ("one", "two"), tmp_path_factory
        serve = [serving(mode_settings, logs.mktemp("logs") / name) for name in names]
        yield [stack.enter_context(each) for each in serve]


def started(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count(Job.id))) or 0


def test_exactly_the_limit_passes_of_200_at_once_in_every_process(
    app: Flask, webs: list[Web], bob: Browser
) -> None:
    set_limit(app, "free", ALLOWED, LONG)
    bob.token  # noqa: B018 - before the threads

    def call(web: Web) -> int:
        return web.post("/tasks", bob, task="demonstration")[0].status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(call, (web for web, _ in zip(cycle(webs), range(CALLS)))))

    assert statuses == {303: ALLOWED, 429: CALLS - ALLOWED}
    assert started(app) == ALLOWED

    # A rule that is changed in this process counts from the next request in the others,
    # and what was used counts on.
    set_limit(app, "free", ALLOWED + len(webs), LONG)
    assert [call(web) for web in webs] == [303] * len(webs)
    assert [call(web) for web in webs] == [429] * len(webs)
    assert started(app) == ALLOWED + len(webs)

    for web in webs:
        answer, html = web.post("/tasks", bob, task="demonstration")
        assert int(answer.headers["Retry-After"]) >= 1
        assert "You can start another task at" in html
        assert f"{ALLOWED + len(webs)} of {ALLOWED + len(webs)} used" in plain(html)


def plain(html: str) -> str:
    return html.replace('<span class="strong">', "").replace("</span>", "")


# Guesses


@pytest.fixture
def fresh_window() -> None:
    """No window of these throttles ends in the middle of a test."""
    left = TRIES_SECONDS - time.time() % TRIES_SECONDS
    if left < 20:
        time.sleep(left)


def at_once(webs: list[Web], times: int, call: Callable[[Web, int], int]) -> Counter[int]:
    """The statuses of so many calls, made to each web server in turn.

    To each not more at once than have a place in its line for hashing: the others get a 503.
    """
    with ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(THREADS - 1)) for _ in webs]
        turns = zip(cycle(zip(pools, webs, strict=True)), range(times))
        asked = [pool.submit(call, web, number) for (pool, web), number in turns]
        return Counter(each.result() for each in asked)


def looked_at(app: Flask, refusal: str) -> int:
    """How many answers were compared with what is right."""
    with app.app_context():
        return db.session.scalar(select(func.count(Event.id)).where(Event.action == refusal)) or 0


@pytest.mark.usefixtures("fresh_window")
def test_exactly_ten_guesses_of_40_at_once_are_looked_at(
    app: Flask, webs: list[Web], stranger: Browser
) -> None:
    stranger.token  # noqa: B018 - before the threads

    def guess(web: Web, _number: int) -> int:
        return web.post("/sign-in", stranger, login="bob", password="wrong")[0].status

    assert at_once(webs, 40, guess) == {422: 10, 429: 30}
    assert looked_at(app, "sign_in.failed") == 10


@pytest.mark.usefixtures("fresh_window")
def test_exactly_so_many_guesses_of_strangers_together_are_looked_at(
    app: Flask, webs: list[Web], stranger: Browser
) -> None:
    stranger.token  # noqa: B018 - before the threads
    logins, addresses = 12, 6

    def guess(web: Web, number: int) -> int:
        elsewhere = replace(web, source=f"127.0.0.{2 + number % addresses}")
        login = f"account{number // addresses}"  # who has it does not matter
        return elsewhere.post("/sign-in", stranger, login=login, password="wrong")[0].status

    statuses = at_once(webs, logins * addresses, guess)

    looked = logins * STRANGERS
    assert statuses == {422: looked, 429: logins * addresses - looked}
    assert looked_at(app, "sign_in.failed") == looked


@pytest.mark.usefixtures("fresh_window")
def test_exactly_ten_answers_of_a_second_step_are_looked_at(app: Flask, webs: list[Web]) -> None:
    wrong = wrong_code(give_app(app))
    steps = [half_in(Browser(app)) for _ in range(3)]

    def answer(web: Web, number: int) -> int:
        return web.post("/sign-in/second-step", steps[number % 3], code=wrong)[0].status

    statuses = at_once(webs, 40, answer)

    assert looked_at(app, "sign_in.factor_failed") == 10, statuses


@pytest.mark.usefixtures("fresh_window")
def test_exactly_five_answers_of_one_sign_in_are_looked_at(app: Flask, webs: list[Web]) -> None:
    wrong = wrong_code(give_app(app, "carol"))
    step = half_in(Browser(app), "carol")

    def answer(web: Web, _number: int) -> int:
        return web.post("/sign-in/second-step", step, code=wrong)[0].status

    statuses = at_once(webs, 20, answer)

    assert looked_at(app, "sign_in.factor_failed") == 5, statuses


# The whole walk, told alike by four faces

TASK = "/api/v1/tasks/task"
HOURLY = {"route": "api/v1/tasks/task", "every": "1", "unit": "hours"}
METER = re.compile(r'<span class="strong">(\d+)</span> of (\d+) used')


@pytest.fixture
def fresh_hour(app: Flask) -> None:
    """The hour does not end in the middle of the walk, and there are people, but no tiers yet."""
    left = 3600 - time.time() % 3600
    if left < 30:
        time.sleep(left)
    with app.app_context():
        db.session.execute(update(User).values(tier_id=None))
        for model in (RateLimit, Tier):
            db.session.execute(delete(model))
        db.session.commit()


def make_tier(web: Web, operator: Browser, name: str, limit: int, people: str) -> None:
    assert web.post("/tiers", operator, name=name)[0].status == 303
    limits = web.post(f"/tiers/{name}/limits", operator, **HOURLY, limit=str(limit))
    assert limits[0].status == 303
    move(web, operator, people, name)


def move(web: Web, operator: Browser, username: str, tier: str) -> None:
    assert web.post(f"/users/{username}/tier", operator, tier=tier)[0].status == 303


def starting(webs: list[Web], token: str, times: int) -> list[int]:
    """The statuses of so many starts by the API, made to each web server in turn."""
    turns = zip(cycle(webs), range(times))
    calls = [web.ask("POST", f"{TASK}?message=Walk", **bearing(token)) for web, _ in turns]
    for answer, text in calls:
        if answer.status == 429:
            told = json.loads(text)
            assert told["detail"] == "Rate limit exceeded."
            assert told["retry_after"] == int(answer.headers["Retry-After"])
            assert abs(told["retry_after"] - (3600 - time.time() % 3600)) < 5
            assert answer.headers["RateLimit-Policy"].endswith(f";q={told['limit']};w=3600")
    return [answer.status for answer, _ in calls]


def faces(
    web: Web, settings: dict[str, Any], operator: Browser, who: Browser, token: str
) -> dict[str, tuple[int, int]]:
    """How much is used, of how much: on two pages, by the API, and by a command of its own."""
    explain = ["limits", "explain", str(who.username), "POST", TASK, "--json"]
    command = [sys.executable, "-m", "flask", "--app", "tests.tiers.served", *explain]
    found = subprocess.run(command, env=environment(settings), capture_output=True, check=True)
    explained = json.loads(found.stdout)
    (mine,) = json.loads(web.ask("GET", "/api/v1/rate_limits/me", **bearing(token))[1])["data"]
    assert {**mine, "reset": 0, "counted_by": explained["counted_by"]} == {**explained, "reset": 0}
    assert 0 <= mine["reset"] - explained["reset"] + 5 < 10
    return {
        "person": meter(web.get("/quotas", who)[1]),
        "operator": meter(web.get(f"/users/{who.username}", operator)[1]),
        "program": (mine["used"], mine["limit"]),
        "command": (explained["used"], explained["limit"]),
    }


def meter(html: str) -> tuple[int, int]:
    ((used, limit),) = METER.findall(html)
    return int(used), int(limit)


@pytest.mark.server_only
@pytest.mark.usefixtures("fresh_hour")
def test_the_whole_walk_is_told_alike_by_four_faces(
    app: Flask, webs: list[Web], mode_settings: dict[str, Any], alice: Browser
) -> None:
    bob, tokens = Browser(app, "bob"), {who: token_of(app, who) for who in ("bob", "carol")}
    make_tier(webs[0], alice, "free", 1, "bob")
    make_tier(webs[1], alice, "pro", 10, "carol")

    def told(who: Browser, web: Web) -> set[tuple[int, int]]:
        every = faces(web, mode_settings, alice, who, tokens[str(who.username)])
        return set(every.values())

    assert starting(webs, tokens["bob"], 2) == [201, 429]
    assert webs[1].post("/tasks", bob, task="demonstration")[0].status == 429
    assert told(bob, webs[1]) == {(1, 1)}

    move(webs[0], alice, "bob", "pro")

    assert webs[0].post("/tasks", bob, task="demonstration")[0].status == 303
    assert starting(webs, tokens["bob"], 9) == [201] * 8 + [429]
    assert starting(webs, tokens["carol"], 11) == [201] * 10 + [429]
    assert told(bob, webs[0]) == {(10, 10)}
    assert started(app) == 20
