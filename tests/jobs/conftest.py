"""Kinds of work that misbehave, declared for one test at a time; and real workers to run them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.tasks import TASKS, Task
from tests.jobs.consumers import GRACE_SECONDS, LEASE_SECONDS, Consumer, Pool
from tests.jobs.kinds import KINDS

Declare = Callable[..., str]
Consume = Callable[..., Consumer]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """``declare(function)`` lets jobs run the function for this test; returns the task's name."""

    def add(function: Callable[..., Any], **options: Any) -> str:
        name = function.__name__
        shape = {"steps": (), "operators_only": False, "attempts": None, **options}
        monkeypatch.setitem(TASKS, name, Task(name, name.capitalize(), function, **shape))
        return name

    return add


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process ask for what real workers are declared in kinds.py."""
    for kind in KINDS:
        monkeypatch.setitem(TASKS, kind.name, kind)


@pytest.fixture(scope="session")
def environment(mode_settings: dict[str, Any], prepared_app: Flask) -> dict[str, str]:
    """The settings of the mode, as the environment of a worker with a short lease."""
    given = {name: str(value) for name, value in mode_settings.items() if name != "_env_file"}
    given["database_url"] = prepared_app.config["SETTINGS"].sqlalchemy_url
    given |= {"job_lease_seconds": str(LEASE_SECONDS), "worker_threads": "2"}
    given |= {"log_level": "INFO", "log_format": "text"}
    settings = {name.upper(): value for name, value in given.items()}
    return {**{name: os.environ[name] for name in ("PATH",)}, **settings}


@pytest.fixture
def consume(app: Flask, environment: dict[str, str], tmp_path: Path) -> Iterator[Consume]:
    """``consume()`` starts a worker; what still runs at the end of the test is killed."""
    with ExitStack() as started:

        def begin(application: str = "tests.jobs.worker_app", **settings: str) -> Consumer:
            consumer = Consumer({**environment, **settings}, tmp_path / "log", application)
            started.callback(consumer.process.wait)
            started.callback(consumer.process.kill)
            return consumer

        yield begin


@pytest.fixture(scope="session")
def whole_pool(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pool]:
    settings = {**environment, "SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS)}
    with Pool(settings, tmp_path_factory.mktemp("pool") / "log") as pool:
        yield pool


@pytest.fixture
def pool(app: Flask, whole_pool: Pool) -> Iterator[Pool]:
    """Many workers; what still runs at the end of the test is killed."""
    yield whole_pool
    whole_pool.kill_all()
