"""Redis stops and comes back: limits stay bounded, pages answer, and nobody has to do anything."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.people import PASSWORD, Browser
from tests.servers import Redis
from tests.tiers.screen import set_limit, words_of
from tests.tiers.test_parallel import LONG
from tests.tiers.web import Web, serving

# Redis is started here, whatever the mode: once is enough.
pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)
ALLOWED = 5
SECONDS_TO_RETURN = 20


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis(appendonly=True) as server:
        yield server


@pytest.fixture
def web(app: Flask, mode_settings: dict[str, Any], redis: Redis, tmp_path: Path) -> Iterator[Web]:
    """The application with all that Redis can do for it on a server of its own."""
    on_redis = {
        "web_workers": 1,  # each process counts for itself, so the sum is known
        "redis_cache_url": redis.url(0),
        "redis_rate_limit_url": redis.url(1),
        "redis_queue_url": redis.url(2),
    }
    with serving({**mode_settings, **on_redis}, tmp_path / "web.log") as web:
        yield web


def passed(web: Web, who: Browser, times: int) -> int:
    statuses = [web.post("/tasks", who, task="demonstration")[0].status for _ in range(times)]
    assert set(statuses) <= {303, 429}
    return statuses.count(303)


def used(web: Web, who: Browser) -> int:
    _, html = web.get("/quotas", who)
    found = re.search(r"(\d+) of \d+ used", words_of(html))
    assert found, html
    return int(found.group(1))


def readiness(web: Web) -> tuple[int, dict[str, Any]]:
    answer, body = web.ask("GET", "/readyz")
    return answer.status, json.loads(body)


def test_limits_stay_bounded_and_come_back_by_themselves(
    app: Flask, web: Web, redis: Redis, bob: Browser
) -> None:
    set_limit(app, "free", ALLOWED, LONG)
    assert passed(web, bob, 3) == 3
    assert readiness(web)[1]["checks"]["limits"]["ok"] is True

    redis.stop()

    assert passed(web, bob, 3 * ALLOWED) == ALLOWED
    for path in ("/", "/quotas", "/tasks", "/compare"):
        assert web.get(path, bob)[0].status == 200
    status, told = readiness(web)
    assert (status, told["status"]) == (200, "degraded")
    assert told["checks"]["limits"]["detail"] == "Each process counts for itself."

    redis.start()

    deadline = time.monotonic() + SECONDS_TO_RETURN
    while used(web, bob) != 3:  # what all processes counted together before
        assert time.monotonic() < deadline, web.log.read_text()
        time.sleep(0.1)
    assert passed(web, bob, 2 * ALLOWED) == ALLOWED - 3
    assert readiness(web)[1]["checks"]["limits"]["ok"] is True


def test_signing_in_works_and_stays_throttled(
    app: Flask, web: Web, redis: Redis, stranger: Browser
) -> None:
    redis.stop()

    def try_with(password: str) -> int:
        return web.post("/sign-in", stranger, login="bob", password=password)[0].status

    assert try_with(PASSWORD) == 303
    tries = [try_with("wrong password") for _ in range(14)]
    # Ten tries in three minutes; the one that was right may or may not have counted
    assert tries in ([422] * 10 + [429] * 4, [422] * 9 + [429] * 5)
