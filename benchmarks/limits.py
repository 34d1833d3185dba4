"""What a limit costs: the same request of a signed-in person, limited and unlimited.

    .venv/bin/python -m benchmarks.limits

In this process, without a network before us: the time is that of the application and of the
servers it asks. First embedded (SQLite, counts in memory), then PostgreSQL and Redis on this
machine. Requests alternate, so that whatever slows the machine slows both. Read the ratios.

Then what it costs to write down who used what: counting alone, and counting with it.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask

import app as roof
from app import create_app
from app.access import sign_in_required
from app.config import load_settings
from app.counters import Window
from app.counts import Note
from app.extensions import counters, db
from app.prepare import migrate
from app.tiers import policy, usage
from app.tiers.marking import limited
from app.tiers.models import RateLimit, Tier
from tests.people import Browser, make_cast
from tests.servers import choose_postgres, choose_redis

PAIRS, WARM_UP, ROUNDS = 2000, 200, 3
ENDLESS = 2_000_000_000
SETTINGS = {
    "_env_file": None,
    "secret_key": "a key for benchmarks only, long enough for it",
    "log_level": "ERROR",
}

bench = Blueprint("bench", __name__, url_prefix="/bench")


@bench.get("/unlimited")
@sign_in_required
def unlimited() -> str:
    return "done"


@bench.get("/limited")
@limited("Benchmarks", again="measure again")
@sign_in_required
def counted() -> str:
    return "done"


def main() -> None:
    roof.PAGES = (*roof.PAGES, bench)
    print(f"{'':26}{'unlimited':>12}{'limited':>12}{'ratio':>8}   (median of a request)")
    with tempfile.TemporaryDirectory() as folder, on_servers() as urls:
        for name, more in (("in memory, SQLite", {}), ("Redis, PostgreSQL", urls)):
            data = Path(folder) / name
            application = create_app(load_settings(**SETTINGS, data_dir=data, **more))
            for _ in range(ROUNDS):
                report(name, *measure(application))
            with application.app_context():
                for _ in range(ROUNDS):
                    report(f"{name}, noted", *measure_notes())


@contextmanager
def on_servers() -> Iterator[dict[str, Any]]:
    with choose_postgres() as postgres, choose_redis() as redis:
        postgres.create_database("limits")
        names = ("redis_cache_url", "redis_rate_limit_url", "redis_queue_url")
        urls = {name: redis.url(number) for number, name in enumerate(names)}
        yield {"database_url": postgres.url("limits"), **urls}


def measure(application: Flask) -> tuple[float, float]:
    """The median seconds of a request without and with a limit."""
    with application.app_context():
        migrate(lambda _line: None)
        if db.session.query(Tier).first() is None:
            make_cast()
            owner = db.session.scalars(Tier.by_name("pro")).one()
            rule = RateLimit(tier=owner, route="bench.counted", methods="GET")
            rule.limit, rule.period = ENDLESS, 3600
            db.session.add(rule)
            db.session.commit()
    carol = Browser(application, "carol")
    free = [seconds(carol, "/bench/unlimited") for _ in range(WARM_UP)]
    kept = [seconds(carol, "/bench/limited") for _ in range(WARM_UP)]
    free, kept = [], []
    for _ in range(PAIRS):
        free.append(seconds(carol, "/bench/unlimited"))
        kept.append(seconds(carol, "/bench/limited"))
    return statistics.median(free), statistics.median(kept)


def measure_notes() -> tuple[float, float]:
    """The median seconds of counting a call without and with a note of who used what."""
    window, version = Window.at(counters.now(), 3600), policy.changed().version
    alone, noted = [], []
    for number in range(PAIRS):
        who = f"user:{number % 100}"
        for times, name in ((alone, ""), (noted, usage.written(who, 1, "bench.counted"))):
            note = Note(version, usage.slice_at(counters.now()), name)
            began = time.perf_counter()
            counters.take(f"bench/{who}", window, ENDLESS, 1, note)
            times.append(time.perf_counter() - began)
    return statistics.median(alone), statistics.median(noted)


def seconds(browser: Browser, path: str) -> float:
    began = time.perf_counter()
    answer = browser.client.get(path)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.status
    return took


def report(name: str, free: float, kept: float) -> None:
    print(f"{name:26}{free * 1e6:9.0f} µs{kept * 1e6:9.0f} µs{kept / free:8.2f}", flush=True)


if __name__ == "__main__":
    main()
