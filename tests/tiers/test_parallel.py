"""Exactly as many calls pass as a limit allows, however many come at once, in every process."""

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
from sqlalchemy import func, select

from app.audit.models import Event
from app.auth.second_step import TRIES_SECONDS
from app.extensions import db
from app.jobs.models import Job
from tests.factors.held import give_app, half_in, wrong_code
from tests.people import Browser
from tests.tiers.screen import set_limit
from tests.tiers.web import STRANGERS, THREADS, Web, serving

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
