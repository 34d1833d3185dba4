"""Tasks for real workers: those that leave a mark, and some that get their worker into trouble."""

import os
import signal
import time

from sqlalchemy import select

from app.extensions import db
from app.tasks import HOUSEKEEPING, TASKS, Running, Task
from app.tiers.models import Tier

DAWDLE = "dawdle"


def leave_a_mark(job: Running, seconds: float = 0, only_first: bool = False) -> int:
    """Take so long (only the first time, if wanted), then make a tier: an effect to be counted."""
    end = time.monotonic() + (0 if only_first and job.attempt > 1 else seconds)
    job.progress(0)
    while time.monotonic() < end:
        time.sleep(0.05)
        job.progress(50)
    mark(job)
    return job.attempt


def leave_an_early_mark(job: Running, seconds: float) -> int:
    """Make the effect at once, then go on and report for so long."""
    mark(job)
    db.session.flush()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job.progress(50, "It is made, but not for good")
        time.sleep(0.02)
    return job.attempt


def mark(job: Running) -> None:
    db.session.add(Tier(name=f"mark {job.id} {job.attempt}"))


def kill_the_worker(job: Running) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(job: Running, tries: int) -> None:
    """So many times be where no exception gets through."""
    if job.attempt <= tries:
        time.sleep(60)
    mark(job)


def take_part(job: Running) -> list[float]:
    """When it began and when it ended."""
    begun = time.time()
    time.sleep(0.1)
    return [begun, time.time()]


def come_again(job: Running) -> None:
    """What a schedule asks for: hardly ever by itself."""


def dawdle() -> None:
    """Keep house for a long time, where a test says so."""
    wanted = db.session.scalar(select(Tier.id).where(Tier.name == DAWDLE))
    db.session.rollback()
    if wanted:
        time.sleep(10)


KINDS = (
    Task("leave_a_mark", "Leave a mark", leave_a_mark),
    Task("leave_an_early_mark", "Leave an early mark", leave_an_early_mark),
    Task("kill_the_worker", "Kill the worker", kill_the_worker, attempts=2),
    Task("hang", "Hang", hang, attempts=2, backoff=0, timeout=0.3),
    Task("take_part", "Take part", take_part, at_once=2),
    Task("come_again", "Come again", come_again, schedule="0 0 1 1 *"),
)


def declare_all() -> None:
    TASKS.update({kind.name: kind for kind in KINDS})
    HOUSEKEEPING.append(dawdle)
