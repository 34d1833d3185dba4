"""Tasks for real workers: one that leaves a mark, and some that get their worker into trouble."""

import os
import signal
import time

from app.extensions import db
from app.tasks import TASKS, Running, Task
from app.tiers.models import Tier


def leave_a_mark(job: Running, seconds: float = 0, only_first: bool = False) -> int:
    """Take so long (only the first time, if wanted), then make a tier: an effect to be counted."""
    end = time.monotonic() + (0 if only_first and job.attempt > 1 else seconds)
    job.progress(0)
    while time.monotonic() < end:
        time.sleep(0.05)
        job.progress(50)
    db.session.add(Tier(name=f"mark {job.id} {job.attempt}"))
    return job.attempt


def leave_an_early_mark(job: Running, seconds: float) -> int:
    """Make the effect at once, then go on and report for so long."""
    db.session.add(Tier(name=f"mark {job.id} {job.attempt}"))
    db.session.flush()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job.progress(50, "It is made, but not for good")
        time.sleep(0.02)
    return job.attempt


def kill_the_worker(job: Running) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


KINDS = (
    Task("leave_a_mark", "Leave a mark", leave_a_mark),
    Task("leave_an_early_mark", "Leave an early mark", leave_an_early_mark, attempts=30),
    Task("kill_the_worker", "Kill the worker", kill_the_worker, attempts=2),
)


def declare_all() -> None:
    TASKS.update({kind.name: kind for kind in KINDS})
