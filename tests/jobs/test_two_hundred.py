"""Two hundred jobs, workers that are killed at random, and every effect exactly once."""

import random
import signal
import time
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.jobs.models import OPEN, Job, JobLog
from app.jobs.workers import Worker
from app.tasks import TASKS
from app.tiers.models import Tier
from tests.jobs.consumers import Pool, until

MARKS, EARLY_MARKS = 190, 10  # early ones keep all others from writing, on SQLite
AT_A_TIME = 3
KILLS = 9  # one of them gently
TRIES = 30

pytestmark = pytest.mark.usefixtures("kinds")


def ask_for_all(app: Flask, dice: random.Random) -> None:
    """Two hundred jobs of 20 to 150 ms, in random order."""
    kinds = ["leave_a_mark"] * MARKS + ["leave_an_early_mark"] * EARLY_MARKS
    dice.shuffle(kinds)
    with app.app_context():
        for kind in kinds:
            job = TASKS[kind].enqueue(seconds=dice.uniform(0.02, 0.15))
            job.attempts = TRIES
        db.session.commit()


def left(app: Flask) -> int:
    """How many jobs have not ended."""
    with app.app_context():
        return db.session.scalar(select(func.count()).where(Job.status.in_(OPEN))) or 0


def is_at_work(app: Flask, pid: int) -> bool:
    its = (Worker.pid == pid, Worker.id == Job.worker, Job.status == "running")
    with app.app_context():
        return bool(db.session.scalar(select(func.count()).where(*its)))


def work_through(app: Flask, pool: Pool, dice: random.Random, accidents: dict[int, Any]) -> None:
    """Let workers begin, and end in the middle of their jobs, until nothing is left."""
    pids = [pool.start() for _ in range(AT_A_TIME)]
    for number in range(KILLS):
        victim = pids.pop(dice.randrange(AT_A_TIME))
        until(lambda pid=victim: is_at_work(app, pid), pool)
        time.sleep(dice.uniform(0, 0.1))
        assert left(app), "They were through too early to be killed at work."
        end(pool, victim, gently=number == KILLS // 2)
        accidents.get(number, int)()
        pids.append(pool.start())
    until(lambda: not left(app), pool)


def end(pool: Pool, pid: int, gently: bool) -> None:
    how = signal.SIGTERM if gently else signal.SIGKILL
    assert pool.end(pid, how) == (0 if gently else -how)


def test_two_hundred_jobs_under_random_kills_have_every_effect_exactly_once(
    app: Flask, pool: Pool, servers: dict[str, Any]
) -> None:
    dice = random.Random(4711)
    ask_for_all(app, dice)
    accidents = {3: app.extensions["queue"][0].storage.flush_all}
    if "redis" in servers and servers["redis"].is_ours:
        accidents[6] = servers["redis"].restart

    work_through(app, pool, dice, accidents)

    with app.app_context():
        jobs = db.session.scalars(select(Job)).all()
        effects = Counter(name.split()[1] for name in made(Tier.name, Tier.name.like("mark %")))
        done = Counter(made(JobLog.job_id, JobLog.text == "Done"))
    assert {job.status for job in jobs} == {"succeeded"}
    assert effects == done == dict.fromkeys([job.id for job in jobs], 1)
    assert len(jobs) == MARKS + EARLY_MARKS == 200
    tries = [job.attempt for job in jobs]
    assert sum(tries) >= 200 + KILLS // 2, "The kills hit nobody at work."
    assert max(tries) <= TRIES


def made(column: Any, where: Any) -> list[str]:
    return list(db.session.scalars(select(column).where(where)))
