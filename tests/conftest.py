"""Both modes, real servers, and the cast. Each test starts from the same four people."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from xdist.scheduler import LoadScopeScheduling

from app import create_app
from app.config import Settings, load_settings
from app.extensions import db, limiter, queue
from app.prepare import migrate
from tests.audit.kept import watched
from tests.quick_hashes import real_hashes, use_quick_hashes

use_quick_hashes()  # before the cast gets its passwords

from tests.people import Browser, make_cast  # noqa: E402
from tests.servers import choose_postgres, choose_redis  # noqa: E402

__all__ = ["real_hashes"]

MODES = ("embedded", "server")
KEY = "a key for tests only, long enough for every check"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only servers can suffer is not asked of the embedded mode at all."""
    needless = [item for item in items if is_needless(item)]
    config.hook.pytest_deselected(items=needless)
    items[:] = [item for item in items if item not in needless]


def is_needless(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    embedded = parameters is not None and parameters.params.get("mode") == "embedded"
    return embedded and item.get_closest_marker("server_only") is not None


class ByFileAndMode(LoadScopeScheduling):
    """Hands a file's tests of one mode to a worker at once; embedded ones first, then servers.

    So each worker starts its servers once, however the files fall.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::")[0] + ("[server]" if "[server" in nodeid else "")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndMode:
    config.option.loadscopereorder = False
    return ByFileAndMode(config, log)


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Embedded (SQLite, in-process) or server (PostgreSQL and Redis)."""
    return str(request.param)


@pytest.fixture(scope="session")
def servers(mode: str) -> Iterator[dict[str, Any]]:
    """The real servers of the mode, by name; none when embedded."""
    if mode == "embedded":
        yield {}
        return
    with choose_postgres() as postgres, choose_redis() as redis:
        yield {"postgres": postgres, "redis": redis}


@pytest.fixture(scope="session")
def mode_settings(
    mode: str, servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What load_settings needs for an application of this mode."""
    common = {
        "_env_file": None,
        "secret_key": KEY,
        "data_dir": tmp_path_factory.mktemp("data"),
        "log_level": "WARNING",
    }
    if mode == "embedded":
        return common
    postgres, redis = servers["postgres"], servers["redis"]
    postgres.create_database("gatehouse")
    return {
        **common,
        "database_url": postgres.url("gatehouse"),
        "redis_cache_url": redis.url(0),
        # A second is long for a request, but not for a machine that runs all these tests at once.
        "redis_rate_limit_url": f"{redis.url(1)}?socket_timeout=20&socket_connect_timeout=20",
        "redis_queue_url": redis.url(2),
    }


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_this_machine() -> None:
    """What is exported on a developer's machine must not decide a test."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            del os.environ[name]


@pytest.fixture(scope="session")
def prepared_app(mode_settings: dict[str, Any]) -> Iterator[Flask]:
    """One application for each mode, with a migrated database."""
    app = create_app(load_settings(**mode_settings))
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions["limiter of tests"] = dict(vars(limiter))
    with app.app_context():
        migrate(lambda _line: None)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(prepared_app: Flask) -> Iterator[Flask]:
    """The application, with nothing in it but the cast; what it puts on record is watched.

    Calls are counted by a clock that stands, so that no window ends within a test.
    """
    # It knows one storage, that of the last application that a test made, and whether it failed.
    vars(limiter).update(prepared_app.extensions["limiter of tests"])
    with prepared_app.app_context():
        forget_everything()
        make_cast()
    store, moment = prepared_app.extensions["counters"], time.time()
    store.clock = lambda: moment
    with watched():
        yield prepared_app
    store.clock = time.time


def forget_everything() -> None:
    """Empty every table, the queue and the counts."""
    tables = [table for table in reversed(db.metadata.sorted_tables)]
    if db.engine.dialect.name == "postgresql":
        # TRUNCATE would make new files for each table; these tables hold next to nothing.
        emptied = [f'DELETE FROM "{table.name}"' for table in tables]
        counted = [table.name for table in tables if table.primary_key.columns.keys() == ["id"]]
        from_one = [
            f"SELECT setval(sequence, 1, false)"
            f" FROM pg_get_serial_sequence('{name}', 'id') sequence WHERE sequence IS NOT NULL"
            for name in counted
        ]
        db.session.execute(text("; ".join([*emptied, *from_one])))
    else:
        for table in tables:
            db.session.execute(table.delete())
    db.session.commit()
    db.session.remove()
    queue.huey.storage.flush_all()
    limiter.reset()
    from flask import current_app

    current_app.extensions["counters"].reset()


@pytest.fixture
def redis(servers: dict[str, Any]) -> Iterator[Any]:
    """The Redis of this test process, to be stopped; it runs again afterwards."""
    server = servers["redis"]
    if not server.is_ours:
        pytest.skip("This Redis is not ours to stop.")
    yield server
    server.start()


@pytest.fixture
def without_mail(app: Flask) -> Iterator[None]:
    """A site that can send no mail."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"environment": "staging"})
    yield
    app.config["SETTINGS"] = before


@pytest.fixture
def alice(app: Flask) -> Browser:
    return Browser(app, "alice")


@pytest.fixture
def bob(app: Flask) -> Browser:
    return Browser(app, "bob")


@pytest.fixture
def carol(app: Flask) -> Browser:
    return Browser(app, "carol")


@pytest.fixture
def mallory(app: Flask) -> Browser:
    return Browser(app, "mallory")


@pytest.fixture
def stranger(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parent.parent
