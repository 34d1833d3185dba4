"""Several real workers at once: one helps where another hangs, and none does what another did."""

import signal
import time
from itertools import chain
from os import kill

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.jobs.models import Job
from app.jobs.workers import Schedule
from app.tiers.models import Tier
from tests.jobs.consumers import GRACE_SECONDS, LEASE_SECONDS, Pool, has_ended, is_running, until
from tests.jobs.deeds import look, start
from tests.jobs.kinds import DAWDLE, dawdle
from tests.jobs.test_schedules import come, turn

pytestmark = pytest.mark.usefixtures("kinds")


def has_schedule(app: Flask, name: str) -> bool:
    with app.app_context():
        return db.session.get(Schedule, name) is not None


def asked_for(app: Flask, task: str) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).where(Job.task == task)) or 0


def test_threads_that_hang_stop_neither_their_jobs_nor_others_nor_the_end(
    app: Flask, pool: Pool
) -> None:
    pids = [pool.start() for _ in range(2)]
    once, always = start(app, "hang", tries=1), start(app, "hang", tries=2)
    until(lambda: has_ended(app, once) and has_ended(app, always), pool)
    other = start(app, "leave_a_mark")  # three of four threads hang now
    until(lambda: has_ended(app, other), pool)

    assert (look(app, once).status, look(app, once).attempt) == ("succeeded", 2)
    assert (look(app, always).status, look(app, always).attempt) == ("dead", 2)
    assert look(app, always).error == "It took longer than 0.3 s."
    assert look(app, other).status == "succeeded"
    told = time.monotonic()
    for pid in pids:
        kill(pid, signal.SIGTERM)
    assert [pool.wait(pid) for pid in pids] == [0, 0]
    assert time.monotonic() - told < GRACE_SECONDS + 2


def test_each_turn_of_a_schedule_is_had_once(app: Flask, pool: Pool) -> None:
    for _ in range(3):
        pool.start()
    until(lambda: has_schedule(app, "come_again"), pool)

    for number in (1, 2):
        come(app, "come_again", seconds=1)
        until(lambda: asked_for(app, "come_again") >= number, pool)  # noqa: B023
    time.sleep(LEASE_SECONDS)  # three beats of each

    assert asked_for(app, "come_again") == 2


def test_no_more_of_one_owner_run_at_once_than_may(app: Flask, pool: Pool) -> None:
    for _ in range(3):
        pool.start()
    jobs = [start(app, "take_part") for _ in range(12)]
    until(lambda: all(has_ended(app, each) for each in jobs), pool)

    times = [look(app, each).result for each in jobs]
    moments = sorted(chain.from_iterable(((begun, 1), (ended, -1)) for begun, ended in times))
    at_once = [sum(change for _, change in moments[:number]) for number in range(len(moments))]
    assert max(at_once) == 2


@pytest.mark.server_only  # it is all the same with SQLite
def test_a_worker_that_keeps_house_for_long_keeps_its_jobs(app: Flask, pool: Pool) -> None:
    name = f"{dawdle.__module__}.{dawdle.__name__}"
    pool.start()
    until(lambda: has_schedule(app, name), pool)
    identifier = start(app, "leave_a_mark", seconds=2.5 * LEASE_SECONDS)
    until(lambda: is_running(app, identifier), pool)
    with app.app_context():
        db.session.add(Tier(name=DAWDLE))
        db.session.commit()
    come(app, name, seconds=1)
    until(lambda: turn(app, name).last_at, pool)

    pool.start()  # would take what is nobody's
    until(lambda: has_ended(app, identifier), pool)

    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", 1)
