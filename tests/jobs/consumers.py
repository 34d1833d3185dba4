"""Real workers for tests: as an operator starts them, or many from one process; and waiting."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from os import kill
from pathlib import Path
from typing import Self

from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.tiers.models import Tier
from tests.jobs.deeds import look

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 40
LEASE_SECONDS = 1
GRACE_SECONDS = 1  # of the pool


class Consumer:
    """`flask worker` as a process of its own."""

    def __init__(self, environment: dict[str, str], log: Path, application: str) -> None:
        command = [sys.executable, "-m", "flask", "--app", application, "worker"]
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=file
            )

    def says(self, words: str) -> bool:
        return words in self.log.read_text()

    def end(self, how: signal.Signals) -> int:
        """Send the signal, wait for the process; its exit status."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_SECONDS)


class Pool:
    """Workers that cost little to start: forks of one process (worker_pool.py), by their pids."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        command = [sys.executable, "-m", "tests.jobs.worker_pool"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=file, **pipes
            )

    def start(self, **settings: str) -> int:
        return self._answer(f"start {json.dumps(settings)}")

    def end(self, pid: int, how: signal.Signals) -> int:
        """Send a worker the signal, wait for it; its exit status."""
        kill(pid, how)
        return self.wait(pid)

    def wait(self, pid: int) -> int:
        """Wait until a worker has ended; its exit status."""
        return self._answer(f"wait {pid}")

    def kill_all(self) -> None:
        """End what still runs."""
        self._answer("end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, and so all that it started."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()

    def _answer(self, order: str) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def until(happened: Callable[[], object], consumer: Consumer | Pool | None = None) -> None:
    """Wait for something that must happen some time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, consumer and consumer.log.read_text()[-4000:]
        time.sleep(0.05)


def is_running(app: Flask, identifier: str) -> bool:
    return look(app, identifier).status == "running" and look(app, identifier).progress is not None


def has_ended(app: Flask, identifier: str) -> bool:
    return not look(app, identifier).is_open


def marks(app: Flask) -> int:
    """How many effects the tasks left."""
    with app.app_context():
        marked = select(func.count()).where(Tier.name.startswith("mark "))
        return db.session.scalar(marked) or 0
