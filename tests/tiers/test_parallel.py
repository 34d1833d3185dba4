"""Exactly as many calls pass as a limit allows, however many come at once, in every process."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.jobs.models import Job
from tests.people import Browser
from tests.tiers.screen import set_limit
from tests.tiers.web import Web, serving

ALLOWED = 10
CALLS = 200
AT_ONCE = 16
# The window of this period ends in 2038: none ends in the middle of a test.
LONG = 2_147_483_647


@pytest.fixture
def webs(
    app: Flask, mode: str, mode_settings: dict[str, Any], tmp_path: Path
) -> Iterator[list[Web]]:
    """Two web servers of two processes each; embedded there is one process, with its threads."""
    with ExitStack() as stack:
        names = ("one",) if mode == "embedded" else ("one", "two")
        yield [stack.enter_context(serving(mode_settings, tmp_path / name)) for name in names]


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
