"""Nothing in a web process is needed by the next request: two of them and two workers behind one
address, each replaced in turn while people are at it. No request fails and no job is lost.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.jobs.models import Job
from app.tiers.models import RateLimit
from tests.balancer import Balancer, balancing
from tests.jobs.consumers import PATIENCE_SECONDS, Consumer
from tests.people import Browser
from tests.tiers.web import Web, cookie_of, environment, serving

pytestmark = pytest.mark.server_only
PEOPLE = ("alice", "bob", "carol")
ALIKE = {200, 204, 303}
JOBS = 12  # of three seconds each


class Crowd:
    """People who read and change without a break, each request anywhere."""

    def __init__(self, app: Flask, balancer: Balancer) -> None:
        self.web = Web(balancer.port, Path())
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.started: list[str] = []
        self._is_over = threading.Event()
        people = [Browser(app, username) for username in PEOPLE]
        for who in people:
            cookie_of(who)
        self._threads = [threading.Thread(target=self._walk, args=(who,)) for who in people]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _walk(self, who: Browser) -> None:
        while not self._is_over.is_set():
            for path in ("/", "/tasks", "/quotas", "/security"):
                self._try(f"GET {path}", lambda path=path: self.web.get(path, who))
            look = {"theme": "dark", "time_zone": "UTC"}
            self._try("POST /profile/look", partial(self.web.post, "/profile/look", who, **look))
            may_start = len(self.started) < JOBS
            if may_start and self._try("POST /tasks", partial(self.start, who)) == 303:
                self.started.append(str(who.username))

    def _try(self, what: str, ask: Any) -> int:
        try:
            answer, _ = ask()
        except Exception as error:
            self.failures.append(f"{what}: {error!r}")
            return 0
        self.statuses[answer.status] += 1
        if answer.status >= 500:
            self.failures.append(f"{what}: {answer.status}")
        return int(answer.status)

    def start(self, who: Browser) -> Any:
        return self.web.post("/tasks", who, task="demonstration", message="Again")

    def has_been_served(self, many: int) -> bool:
        return sum(self.statuses.values()) >= many


@pytest.fixture
def settings(app: Flask, mode_settings: dict[str, Any]) -> dict[str, Any]:
    """Everybody may start as many tasks as they like, which take no time."""
    with app.app_context():
        db.session.execute(db.delete(RateLimit))
        db.session.commit()
    return {**mode_settings, "default_rate_limit_limit": 1_000_000, "web_workers": 1}


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    with balancing() as balancer:
        yield balancer


def test_a_rolling_restart_under_load_fails_no_request_and_loses_no_job(
    app: Flask, settings: dict[str, Any], balancer: Balancer, tmp_path: Path
) -> None:
    def worker(name: str) -> Consumer:
        return Consumer(environment(settings), tmp_path / f"{name}.log", "tests.jobs.worker_app")

    with ExitStack() as first, ExitStack() as second, ExitStack() as third:
        webs = [
            stack.enter_context(serving(settings, tmp_path / f"web{number}.log"))
            for number, stack in enumerate((first, second))
        ]
        balancer.ports = [web.port for web in webs]
        workers = [worker("one"), worker("two")]
        with Crowd(app, balancer) as crowd:
            wait_until(lambda: crowd.has_been_served(100))
            fresh = third.enter_context(serving(settings, tmp_path / "web2.log"))
            balancer.ports = [fresh.port, webs[1].port, webs[0].port]
            first.close()  # SIGTERM: what it has accepted it finishes
            workers.append(worker("three"))
            assert workers[0].end(SIGTERM) == 0
            seen = sum(crowd.statuses.values())
            wait_until(lambda: crowd.has_been_served(seen + 100))

        assert crowd.failures == []
        assert set(crowd.statuses) <= ALIKE
        assert all(balancer.served[web.port] > 20 for web in [*webs, fresh])
        wait_until(lambda: not_ended(app) == 0)
        for each in workers[1:]:
            assert each.end(SIGTERM) == 0

    with app.app_context():
        jobs = db.session.scalars(select(Job)).all()
        assert len(jobs) == len(crowd.started) >= JOBS
        assert {(job.status, job.attempt) for job in jobs} == {("succeeded", 1)}


def not_ended(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Job).where(Job.finished_at.is_(None))).all())


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
