"""How long a try may take, how many run at once, and what is asked for once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import now
from app.extensions import db
from app.jobs import engine, holding
from app.jobs.models import Job
from app.jobs.sweep import sweep
from app.jobs.workers import Queue
from app.tasks import TASKS, Running
from app.tiers.models import Tier
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, claim, count, lines, look, start, waiting, work_off

ALSO_A_LITTLE = 0.02


def run(app: Flask, identifier: str) -> None:
    with app.app_context():
        engine.run(identifier)


def turn_around(_job: Running) -> None:
    """Leave a change, then never end; and catch what a careless task catches."""
    db.session.add(Tier(name="half done"))
    db.session.flush()
    while True:
        with suppress(Exception):
            time.sleep(ALSO_A_LITTLE)


class TestTimeout:
    def test_a_try_that_takes_too_long_is_ended_and_counts(
        self, app: Flask, declare: Declare
    ) -> None:
        identifier = start(app, declare(turn_around, timeout=0.2, attempts=2))

        run(app, identifier)

        job = look(app, identifier)
        assert (job.status, job.attempt, job.deadline_at) == ("queued", 1, None)
        assert job.run_at > now() + timedelta(seconds=3)
        assert lines(app, identifier)[-1] == "It took longer than 0.2 s. It will be tried again"

        change(app, identifier, run_at=now())
        run(app, identifier)

        job = look(app, identifier)
        assert (job.status, job.error) == ("dead", "It took longer than 0.2 s.")
        assert not holding.HELD
        with app.app_context():
            assert db.session.scalar(select(Tier).where(Tier.name == "half done")) is None

    def test_the_thread_and_its_database_go_on_working(self, app: Flask, declare: Declare) -> None:
        long, short = declare(turn_around, timeout=0.1, attempts=1), "demonstration"
        jobs = [start(app, long), start(app, short, size=1, pause=0)]
        jobs += [start(app, long), start(app, short, size=1, pause=0)]

        work_off(app)

        assert [look(app, each).status for each in jobs] == ["dead", "succeeded"] * 2

    def test_one_that_ends_in_time_hears_nothing_of_it(self, app: Flask, declare: Declare) -> None:
        def short(job: Running) -> None:
            ended.append(job.id)

        ended: list[str] = []
        identifier = start(app, declare(short, timeout=0.1))
        run(app, identifier)
        end = time.monotonic() + 0.2
        while time.monotonic() < end:  # an interruption that came late would hit this
            time.sleep(ALSO_A_LITTLE)

        assert (look(app, identifier).status, ended) == ("succeeded", [identifier])

    def test_an_interruption_that_was_not_raised_yet_is_taken_back(self) -> None:
        heard: list[BaseException] = []

        def works() -> None:
            try:
                with holding.holding(("job", 1), None):
                    holding.interrupt(("job", 1))
            except BaseException as error:
                heard.append(error)
            try:
                for _ in range(10_000):
                    holding.interrupt(("job", 1))  # nobody's any more
            except BaseException as error:
                heard.append(error)

        thread = threading.Thread(target=works)
        thread.start()
        thread.join()

        assert [type(each) for each in heard] in ([], [holding.TimedOut])
        assert not holding.HELD

    def test_where_the_thread_cannot_be_reached_a_sweep_ends_it(
        self, app: Flask, declare: Declare
    ) -> None:
        task = declare(turn_around, timeout=60.0, attempts=2)
        first, last, in_time = (start(app, task) for _ in range(3))
        soon, gone = now() + timedelta(seconds=30), now() - timedelta(seconds=1)
        claim(app, first, lease_until=soon, deadline_at=gone)
        claim(app, last, lease_until=soon, deadline_at=gone, attempt=2)
        claim(app, in_time, lease_until=soon, deadline_at=soon)

        with app.app_context():
            sweep()

        assert [look(app, each).status for each in (first, last, in_time)] == [
            "queued",
            "dead",
            "running",
        ]
        assert look(app, last).error == "It took longer than 1 min."


class TestAtOnce:
    def test_no_more_of_one_owner_run_than_may(self, app: Flask, declare: Declare) -> None:
        def together(job: Running) -> None:
            with counting:
                running.append(job.id)
                most.append(len(running))
            time.sleep(0.15)
            with counting:
                running.remove(job.id)

        counting, running, most = threading.Lock(), list[str](), list[int]()
        task = declare(together, at_once=2)
        mine = [start(app, task) for _ in range(6)]

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda each: run(app, each), mine))
        assert max(most) == 2
        assert [look(app, each).status for each in mine].count("succeeded") == 2

        work_off(app)  # each end called the next one

        assert max(most) == 2
        assert {look(app, each).status for each in mine} == {"succeeded"}
        assert {look(app, each).attempt for each in mine} == {1}

    def test_others_do_not_wait_for_them(self, app: Flask, declare: Declare) -> None:
        task = declare(turn_around, at_once=1, timeout=0.1, attempts=1)
        claim(app, start(app, task), lease_until=now() + timedelta(seconds=30))
        mine, carols = start(app, task), start(app, task, "carol")

        run(app, mine)
        run(app, carols)

        assert (look(app, mine).status, look(app, carols).status) == ("queued", "dead")

    def test_what_has_no_room_is_not_sent_again_and_again(
        self, app: Flask, declare: Declare
    ) -> None:
        task = declare(turn_around, at_once=1)
        claim(app, start(app, task), lease_until=now() + timedelta(seconds=30))
        mine, carols = start(app, task), start(app, task, "carol")
        app.extensions["queue"][0].storage.flush_all()
        for each in (mine, carols):
            change(app, each, sent_at=None)

        with app.app_context():
            sweep()

        assert waiting(app) == 1
        assert look(app, mine).sent_at is None
        assert look(app, carols).sent_at is not None


class TestOnce:
    def ask(self, app: Flask, key: str, task: str = "demonstration", who: str = "bob") -> str:
        with app.app_context():
            owner = db.session.scalars(User.by_login(who)).one() if who else None
            job = TASKS[task].options(owner=owner, once=key).enqueue()
            db.session.commit()
            return str(job.id)

    def test_the_same_key_is_the_same_job_even_after_it_ended(
        self, app: Flask, declare: Declare
    ) -> None:
        other = declare(turn_around)
        first = self.ask(app, "invoice 7")
        change(app, first, status="succeeded", finished_at=now())

        assert self.ask(app, "invoice 7") == first
        others = {self.ask(app, "invoice 8"), self.ask(app, "invoice 7", other)}
        others |= {self.ask(app, "invoice 7", who="carol"), self.ask(app, "invoice 7", who="")}
        assert len(others | {first}) == count(app, Job) == 5

    @pytest.mark.parametrize("who", ["bob", ""])
    def test_of_ten_at_once_one_is_recorded(self, app: Flask, who: str) -> None:
        with ThreadPoolExecutor(10) as pool:
            asked = list(pool.map(lambda _: self.ask(app, "k" * 300, who=who), range(10)))

        assert len(set(asked)) == count(app, Job) == waiting(app) == 1


def test_a_paused_queue_waits_and_others_do_not(app: Flask, declare: Declare) -> None:
    def mark(job: Running) -> None:
        got.append(job.id)

    got: list[str] = []
    slow = start(app, declare(mark, queue="slow"))
    pause(app, "slow", now())
    quick = start(app, "demonstration", size=1, pause=0)
    work_off(app)
    change(app, slow, sent_at=None)
    with app.app_context():
        sweep()

    assert (look(app, slow).status, look(app, quick).status) == ("queued", "succeeded")
    assert (waiting(app), got) == (0, [])

    pause(app, "slow", None)
    with app.app_context():
        sweep()
    work_off(app)

    assert got == [slow]


def pause(app: Flask, name: str, since: Any) -> None:
    with app.app_context():
        db.session.merge(Queue(name=name, paused_at=since))
        db.session.commit()
