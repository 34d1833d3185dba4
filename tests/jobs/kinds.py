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


def kill_the_worker(job: Running) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


KINDS = (
    Task("leave_a_mark", "Leave a mark", leave_a_mark, (), operators_only=False, attempts=None),
    Task(
        "kill_the_worker", "Kill the worker", kill_the_worker, (), operators_only=False, attempts=2
    ),
)


def declare_all() -> None:
    TASKS.update({kind.name: kind for kind in KINDS})
