"""The real web server with production settings, on PostgreSQL and Redis."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import server
from app.config import PROJECT_ROOT, load_settings
from tests.servers import reserve_port

HOST = "gatehouse.test"
KEY = "Vq7-tBz0xW3rLm9sKd2fHj5pYc8nGe4u"
on_servers = pytest.mark.parametrize("mode", ["server"], indirect=True)


def production(servers: dict[str, Any], folder: Path, **changes: str) -> dict[str, str]:
    """The environment of a production process, and nothing else of this machine's."""
    postgres, redis = servers["postgres"], servers["redis"]
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "production",
        "SECRET_KEY": KEY,
        "TRUSTED_HOSTS": HOST,
        "DATA_DIR": str(folder),
        "DATABASE_URL": postgres.url("production"),
        "REDIS_CACHE_URL": redis.url(3),
        "REDIS_RATE_LIMIT_URL": redis.url(4),
        "REDIS_QUEUE_URL": redis.url(5),
        "SHUTDOWN_GRACE_SECONDS": "60",
        **changes,
    }


@pytest.fixture(scope="module")
def environment(
    servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    servers["postgres"].drop_database("production")
    servers["postgres"].create_database("production")
    ready = production(servers, tmp_path_factory.mktemp("production"))
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", "prepare"]
    subprocess.run(flask, check=True, env=ready, cwd=PROJECT_ROOT, capture_output=True)
    yield ready
    servers["postgres"].drop_database("production")


class Site:
    """A web server that was started, and what it says."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    def get(self, path: str, host: str = HOST, **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": host, **headers})
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    def is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True


@contextmanager
def serving(environment: dict[str, str], log: Path) -> Iterator[Site]:
    with reserve_port() as reservation, log.open("w") as output:
        port = reservation.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "app.server"],
            env={**environment, "PORT": str(port)},
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            site = Site(process, port, log)
            wait_until(lambda: process.poll() is not None or status_of(site, "/healthz")[0], log)
            yield site
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def wait_until(answer: Any, log: Path) -> None:
    deadline = time.monotonic() + 60
    while not answer():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def production_site(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One web server with one worker process, for the tests that leave it running."""
    log = tmp_path_factory.mktemp("site") / "log"
    with serving({**environment, "WEB_WORKERS": "1"}, log) as running:
        yield running


@on_servers
def test_it_serves_with_proper_settings(production_site: Site) -> None:
    answer, body = production_site.get("/sign-in", **{"X-Forwarded-Proto": "https"})

    assert answer.status == 200, production_site.log.read_text()
    assert "Sign in" in body
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert production_site.get("/readyz")[0].status == 200
    refused, words = production_site.get("/sign-in", host="evil.test")
    assert refused.status == 400
    assert "evil.test" not in words + str(refused.headers)


@on_servers
def test_a_worker_process_that_dies_is_replaced(production_site: Site) -> None:
    [before] = children_of(production_site.process.pid)
    os.kill(before, signal.SIGKILL)

    wait_until(lambda: status_of(production_site, "/healthz")[0] == 200, production_site.log)

    assert children_of(production_site.process.pid) != [before]


@on_servers
def test_a_request_in_flight_finishes_after_sigterm_and_new_ones_are_refused(
    environment: dict[str, str], production_site: Site
) -> None:
    """The last test of this server."""
    site = production_site
    answers: list[tuple[int, str]] = []

    with locked("workers", environment) as lock:
        request = threading.Thread(target=lambda: answers.append(status_of(site, "/readyz")))
        request.start()
        wait_until(lambda: waits_for(lock), site.log)

        site.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not site.is_listening(), site.log)
        assert site.process.poll() is None
        assert answers == []

        lock.rollback()
        request.join(60)
        assert site.process.wait(60) == 0
    assert [status for status, _ in answers] == [200]


def test_unsafe_settings_do_not_start_and_every_problem_is_named(tmp_path: Path) -> None:
    unsafe = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "production",
        "SECRET_KEY": "secret-key",
        "ADMIN_PASSWORD": "admin",
        "DEBUG": "true",
        "DATA_DIR": str(tmp_path),
    }
    for module in (["app.server"], ["wsgi"]):
        ended = subprocess.run(
            [sys.executable, "-m", *module],
            env=unsafe,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )

        assert ended.returncode == 1
        for name in ("SECRET_KEY", "ADMIN_PASSWORD", "DEBUG", "TRUSTED_HOSTS", "REDIS_RATE_LIMIT"):
            assert f"\n- {name}" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@on_servers
def test_what_does_not_finish_within_the_grace_time_is_cut_off(
    environment: dict[str, str], tmp_path: Path
) -> None:
    brief = {**environment, "SHUTDOWN_GRACE_SECONDS": "1", "WEB_WORKERS": "1"}
    answers: list[tuple[int, str]] = []

    with serving(brief, tmp_path / "log") as site, locked("workers", environment) as lock:
        request = threading.Thread(target=lambda: answers.append(status_of(site, "/readyz")))
        request.start()
        wait_until(lambda: waits_for(lock), site.log)

        site.process.terminate()
        assert site.process.wait(60) == 0
        request.join(60)
    assert [status for status, _ in answers] == [0]


def status_of(site: Site, path: str) -> tuple[int, str]:
    try:
        answer, body = site.get(path)
    except OSError as error:
        return 0, repr(error)
    return answer.status, body


@contextmanager
def locked(table: str, environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Make whoever reads ``table`` wait until the connection rolls back."""
    address = environment["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()


def waits_for(lock: psycopg.Connection) -> bool:
    """Whether somebody waits for the lock that this connection holds."""
    waiting = lock.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return waiting is not None and waiting[0] > 0


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def test_the_server_gets_what_the_settings_say() -> None:
    settings = load_settings(_env_file=None, secret_key=KEY, port=8123, web_threads=3)
    arguments = server.command(settings)

    def value(flag: str) -> str:
        return arguments[arguments.index(flag) + 1]

    assert value("--interface") == "wsgi"
    assert (value("--host"), value("--port")) == ("127.0.0.1", "8123")
    assert (value("--workers"), value("--blocking-threads")) == ("1", "3")
    assert value("--workers-kill-timeout") == str(settings.shutdown_grace_seconds)
    assert "--backpressure" not in arguments
    assert arguments[-1] == "wsgi:app"
