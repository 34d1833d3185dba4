"""./dev run: what it prepares, what it refuses, and how it ends."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from sqlalchemy import make_url

from tests.copies import Copy, free_port
from tests.servers import choose_postgres, choose_redis

RUN = (sys.executable, "scripts/run.py")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture(scope="module")
def refused(
    taken_port: int, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Copy, subprocess.CompletedProcess[str]]:
    """A copy that was started on a taken port, by somebody whose files everybody may read."""
    copy = Copy(tmp_path_factory.mktemp("refused"))
    previous = os.umask(0)
    try:
        return copy, copy.run(*RUN, PORT=str(taken_port))
    finally:
        os.umask(previous)


class Started:
    """Gatehouse started in a copy, once it has said that it is ready."""

    def __init__(self, copy: Copy, **settings: str) -> None:
        self.copy = copy
        self.port = free_port()
        self.process = subprocess.Popen(
            RUN,
            cwd=copy.folder,
            env=copy.environment(PORT=str(self.port), **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.words = ""
        self.wait_for("is ready")

    def wait_for(self, words: str) -> None:
        """Read on until these words; fails when it ends or says that it is not ready."""
        assert self.process.stdout is not None
        while words not in self.words:
            line = self.process.stdout.readline()
            self.words += line
            assert line, self.words
            assert "Not ready yet" not in line, self.words

    def worker(self) -> int:
        """The process id that the worker wrote down when it started."""
        self.wait_for("worker.started")
        with sqlite3.connect(self.copy.folder / "instance" / "gatehouse.sqlite3") as database:
            return int(database.execute("SELECT pid FROM workers").fetchone()[0])

    def end(self) -> str:
        """Wait for the end and return everything that was said."""
        rest, _ = self.process.communicate(timeout=60)
        return self.words + rest


@pytest.fixture
def started(copy: Copy) -> Iterator[Started]:
    site = Started(copy)
    yield site
    if site.process.poll() is None:
        site.process.terminate()
        site.process.communicate(timeout=60)


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_taken_port_is_named_in_one_sentence(
    refused: tuple[Copy, subprocess.CompletedProcess[str]], taken_port: int
) -> None:
    copy, answer = refused

    assert answer.returncode == 1
    assert answer.stderr == (
        f"Port {taken_port} is taken. Stop what uses it, or run PORT={taken_port + 1} ./dev run.\n"
    )
    assert not (copy.folder / "instance" / "gatehouse.sqlite3").exists()


def test_secrets_are_generated_for_their_owner_alone(
    refused: tuple[Copy, subprocess.CompletedProcess[str]],
) -> None:
    file = refused[0].folder / ".env"

    assert file.stat().st_mode & 0o777 == 0o600
    assert re.search(r"^SECRET_KEY=[0-9a-f]{64}$", file.read_text(), re.M)


def test_another_copy_has_another_secret(
    refused: tuple[Copy, subprocess.CompletedProcess[str]], copy: Copy, taken_port: int
) -> None:
    copy.run(*RUN, PORT=str(taken_port))

    assert (copy.folder / ".env").read_text() != (refused[0].folder / ".env").read_text()


def test_an_existing_env_file_stays_as_it_is(copy: Copy, taken_port: int) -> None:
    settings = f"SECRET_KEY={'0123456789abcdef' * 4}\nPORT={taken_port}\n"
    copy.write(".env", settings)

    assert f"Port {taken_port} is taken." in copy.run(*RUN).stderr
    assert (copy.folder / ".env").read_text() == settings


def test_wrong_settings_are_listed_all_at_once(copy: Copy) -> None:
    answer = copy.run(*RUN, PORT="eighty", ENVIRONMENT="moon")

    assert answer.returncode == 1
    assert "PORT" in answer.stderr
    assert "ENVIRONMENT" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_silent_database_is_told_in_one_sentence(copy: Copy) -> None:
    address = f"postgresql://her:open-sesame@127.0.0.1:{free_port()}/hers"

    answer = copy.run(*RUN, DATABASE_URL=address, PORT=str(free_port()))

    assert answer.returncode == 1
    assert answer.stderr.startswith("The database does not answer (")
    assert answer.stderr.count("\n") == 1
    assert "open-sesame" not in answer.stderr


def test_the_first_start_says_the_password_and_the_address(started: Started) -> None:
    assert "Made the first admin: admin" in started.words
    assert "password" in started.words
    assert started.words.endswith(f"Gatehouse is ready: http://127.0.0.1:{started.port}\n")


def test_the_same_command_runs_on_postgresql_and_redis(copy: Copy) -> None:
    with choose_postgres() as postgres, choose_redis() as redis:
        address = make_url(postgres.url("postgres"))
        where = urlsplit(redis.url(0))
        settings = {
            "POSTGRES_SERVER": str(address.host),
            "POSTGRES_PORT": str(address.port),
            "POSTGRES_USER": str(address.username),
            "POSTGRES_PASSWORD": str(address.password or ""),
            "POSTGRES_DB": str(address.database),
        }
        for purpose in ("CACHE", "QUEUE", "RATE_LIMIT"):
            settings[f"REDIS_{purpose}_HOST"] = str(where.hostname)
            settings[f"REDIS_{purpose}_PORT"] = str(where.port)
        started = Started(copy, **settings)
        try:
            with urlopen(f"http://127.0.0.1:{started.port}/readyz") as answer:
                told = json.load(answer)
            healthy = copy.run(sys.executable, "scripts/healthcheck.py", PORT=str(started.port))
        finally:
            started.process.terminate()
            started.end()

    assert told["status"] == "ready"
    parts = {name: part["detail"] for name, part in told["checks"].items()}
    assert (parts["database"], parts["queue"], parts["cache"]) == ("postgresql", "redis", "redis")
    assert healthy.returncode == 0
    assert copy.run(sys.executable, "scripts/healthcheck.py", PORT="1").returncode == 1


def test_ctrl_c_ends_web_and_worker_cleanly(started: Started) -> None:
    worker = started.worker()
    assert listens(started.port)
    assert os.getsid(worker) == worker  # so the terminal's Ctrl-C reaches run.py alone

    os.killpg(started.process.pid, signal.SIGINT)

    words = started.end()
    assert started.process.returncode == 0
    assert "worker.stopped" in words
    assert "Traceback" not in words
    assert not is_alive(worker)
    assert not listens(started.port)


def test_a_second_start_makes_nothing_again(copy: Copy) -> None:
    for expected in (1, 0):
        site = Started(copy)
        site.process.send_signal(signal.SIGTERM)
        words = site.end()
        assert site.process.returncode == 0
        assert words.count("Made the first admin") == expected


def test_a_worker_that_dies_stops_everything_and_is_named(started: Started) -> None:
    os.kill(started.worker(), signal.SIGKILL)

    words = started.end()

    assert started.process.returncode == 1
    assert words.endswith(
        "The worker process ended by itself (killed by SIGKILL), so everything was stopped.\n"
    )
    assert not listens(started.port)
