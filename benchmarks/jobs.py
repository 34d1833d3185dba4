"""What a job costs beside a bare Huey task on the same storage, and how soon a lost one goes on.

    .venv/bin/python -m benchmarks.jobs

In each round bare Huey and we take turns: asking for no-op work, one after the other, and then
working it off with the threads of one consumer in this process. First on SQLite (queue and
database are files), then PostgreSQL and Redis on this machine. Read the ratios.

Then, with `flask worker` as a process of its own: how long a job takes from the call to its end
while the worker is idle, what an idle worker costs, and how long after a kill a job goes on.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from huey.api import Huey
from huey.consumer import Consumer
from sqlalchemy import delete, func, select

from app import create_app
from app.config import load_settings
from app.extensions import db, queue
from app.jobs.models import Job
from app.jobs.worker import pace
from app.prepare import migrate
from app.queue import make_huey
from app.tasks import TASKS, Running, Task
from benchmarks.limits import SETTINGS, on_servers

JOBS, ROUNDS, THREADS, PATIENCE = 2000, 3, 4, 120
IDLE_SECONDS = 20


def main() -> None:
    logging.getLogger("huey").setLevel(logging.ERROR)
    print(f"{'':30}{'bare Huey':>14}{'jobs':>14}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder, on_servers() as urls:
        for name, more in (("SQLite", {}), ("Redis, PostgreSQL", urls)):
            given = {**SETTINGS, "data_dir": Path(folder) / name, **more}
            application = create_app(load_settings(**given))
            with application.app_context():
                migrate(lambda _line: None)
                for _ in range(ROUNDS):
                    compare(application, name)
            with_a_worker(application, name, given)


def nothing(_job: Running) -> None: ...


class Counted:
    """Counts calls of ``function`` and says when all have come."""

    def __init__(self) -> None:
        self.left, self.lock, self.done = JOBS, threading.Lock(), threading.Event()

    def __call__(self) -> None:
        with self.lock:
            self.left -= 1
            if not self.left:
                self.done.set()


def compare(application: Flask, name: str) -> None:
    bare = make_huey(application.config["SETTINGS"])
    bare.storage.flush_all()
    counted = Counted()
    noop = bare.task(name="noop")(lambda _identifier: counted())
    asked = rate(lambda number: noop(f"{number:032x}"))
    worked = worked_off(bare, application, counted)

    counted = Counted()
    kind = TASKS["nothing"] = Task("nothing", "Nothing", lambda _job: counted())
    ours = rate(lambda _number: ask(kind))
    done = worked_off(queue.huey, application, counted)
    until(lambda: open_jobs() == 0)
    report(f"{name}: asked for, a second", asked, ours)
    report(f"{name}: done, a second", worked, done)
    db.session.execute(delete(Job))
    db.session.commit()


def ask(kind: Task) -> None:
    kind.enqueue()
    db.session.commit()


def rate(one: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for number in range(JOBS):
        one(number)
    return JOBS / (time.perf_counter() - began)


def worked_off(huey: Huey, application: Flask, counted: Counted) -> float:
    settings = application.config["SETTINGS"]
    consumer: Consumer = huey.create_consumer(workers=THREADS, periodic=False, **pace(settings))
    began = time.perf_counter()
    consumer.start()
    assert counted.done.wait(PATIENCE)
    took = time.perf_counter() - began
    consumer.stop(graceful=True)
    return JOBS / took


def open_jobs() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Job.status.in_(("queued", "running")))) or 0


def report(name: str, bare: float, ours: float) -> None:
    print(f"{name:30}{bare:14,.0f}{ours:14,.0f}{ours / bare:8.2f}", flush=True)


def until(happened: Callable[[], object], pause: float = 0.005) -> float:
    """Seconds until it happened."""
    began = time.perf_counter()
    while not happened():
        assert time.perf_counter() - began < PATIENCE
        time.sleep(pause)
    return time.perf_counter() - began


def with_a_worker(application: Flask, name: str, given: dict[str, Any]) -> None:
    """How long from asking to done, what an idle worker uses, and the time to a rescue."""
    first = worker(given)
    with application.app_context():
        ended(start_one(), "succeeded")  # it is up
        waits = median(ended(start_one(), "succeeded") for _ in range(20))
        print(f"{name + ': asked until done':30}{waits * 1000:14.0f} ms, median of 20")
        before = cpu_seconds(first.pid)
        time.sleep(IDLE_SECONDS)
        used = (cpu_seconds(first.pid) - before) / IDLE_SECONDS
        size = memory(first.pid)
        print(f"{name + ': idle worker':30}{used:14.1%} of a core, {size / 1e6:.0f} MB")
        long = start_one(size=10_000, pause=0.05)
        until(lambda: status(long) == "running")
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = worker(given)
        again = until(lambda: tries(long) > 1)
        lease = application.config["SETTINGS"].job_lease_seconds
        print(f"{name + ': killed until it goes on':30}{again:14.1f} s, a lease is {lease} s")
    second.send_signal(signal.SIGKILL)
    second.wait()


def worker(given: dict[str, Any]) -> subprocess.Popen[bytes]:
    wanted = {key.upper(): str(value) for key, value in given.items() if key != "_env_file"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    return subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], **wanted}, stdout=subprocess.DEVNULL
    )


def start_one(size: int = 1, pause: float = 0) -> str:
    job = TASKS["demonstration"].enqueue(size=size, pause=pause)
    db.session.commit()
    return str(job.id)


def status(identifier: str) -> str:
    db.session.rollback()
    return db.session.scalar(select(Job.status).where(Job.id == identifier)) or ""


def tries(identifier: str) -> int:
    db.session.rollback()
    return db.session.scalar(select(Job.attempt).where(Job.id == identifier)) or 0


def ended(identifier: str, wanted: str) -> float:
    return until(lambda: status(identifier) == wanted)


def cpu_seconds(pid: int) -> float:
    """User and system time so far, from Linux' /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Resident bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
