"""Whatever happens to jobs and in whatever order: they move as the table of states says, and what
succeeded has had its effect exactly once."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from app.database import now
from app.extensions import db
from app.jobs import bulk, engine
from app.jobs.models import AGAIN, OPEN, SET_ASIDE, STATUSES, Job
from app.jobs.moves import BEFORE
from app.jobs.running import RunningJob
from app.jobs.sweep import sweep
from app.tasks import TASKS, Task, TaskFailed
from app.tiers.models import Tier

LONG_AGO = timedelta(hours=1)


def do(job: Any, how: str) -> None:
    leave_a_mark(job.id, job.attempt)
    if how == "fail":
        raise TaskFailed("No.")
    if how == "break":
        raise RuntimeError


def leave_a_mark(identifier: str, attempt: int) -> None:
    db.session.add(Tier(name=f"mark {identifier} {attempt} {secrets.token_hex(4)}"))
    db.session.flush()


class Jobs(RuleBasedStateMachine):
    """Jobs, workers that come and go, people and operators; time passes by changing rows."""

    app: Flask
    jobs = Bundle("jobs")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, str] = {}
        with self.app.app_context():
            db.session.execute(delete(Tier).where(Tier.name.startswith("mark ")))
            db.session.execute(delete(Job))
            db.session.commit()
            self.app.extensions["queue"][0].storage.flush_all()

    @precondition(lambda self: len(self.known) < 2)
    @rule(target=jobs, how=st.sampled_from(("do", "fail", "break")))
    def ask(self, how: str) -> str:
        with self.app.app_context():
            return engine.start(TASKS["do"].options(), how=how).id

    @rule(job=jobs)
    def run(self, job: str) -> None:
        with self.app.app_context():
            engine.run(job)

    @rule(target=held, job=jobs, is_lost=st.booleans())
    def claim(self, job: str, is_lost: bool) -> Any:
        """A worker takes it; maybe it is then silent, until it comes back much later."""
        with self.app.app_context():
            taken = engine.take(job, "a worker")
        if taken is None:
            return multiple()
        assert self.known[job] == "queued"
        if is_lost:
            self.let_the_lease_run_out(job)
            self.sweep()
        return taken.id, taken.attempt

    @rule(target=held, job=jobs)
    def come_back(self, job: str) -> Any:
        """A worker that was taken for lost is done while another is at it."""
        lost = self.claim(job, is_lost=True)
        if not isinstance(lost, tuple):
            return multiple()
        self.known[job] = "queued"
        other = self.claim(job, is_lost=False)
        if not isinstance(other, tuple):
            return lost
        self.known[job] = "running"
        self.finish(lost)
        return other

    @rule(one=held)
    def finish(self, one: tuple[str, int]) -> None:
        """The silent worker is done, maybe after the job was given to another."""
        with self.app.app_context():
            leave_a_mark(*one)
            RunningJob(*one, []).finish(None)

    @rule(job=jobs)
    def let_the_lease_run_out(self, job: str) -> None:
        self.change(job, Job.status == "running", lease_until=now() - LONG_AGO)

    @rule(job=jobs)
    def let_it_take_too_long(self, job: str) -> None:
        self.change(job, Job.status == "running", deadline_at=now() - LONG_AGO)

    @rule(job=jobs)
    def let_its_time_come(self, job: str) -> None:
        self.change(job, Job.status == "queued", run_at=now() - LONG_AGO)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        with self.app.app_context():
            bulk.keep(bulk.CANCEL, [job], "alice")

    @rule(job=jobs)
    def retry(self, job: str) -> None:
        with self.app.app_context():
            bulk.keep(bulk.RETRY, [job], "alice")

    @rule(job=jobs)
    def discard(self, job: str) -> None:
        with self.app.app_context():
            bulk.keep(bulk.DISCARD, [job], "alice")

    @rule()
    def sweep(self) -> None:
        with self.app.app_context():
            sweep()

    @rule()
    def wipe_the_queue(self) -> None:
        self.app.extensions["queue"][0].storage.flush_all()

    def change(self, job: str, *where: Any, **values: Any) -> None:
        with self.app.app_context():
            db.session.query(Job).filter(Job.id == job, *where).update(values)
            db.session.commit()

    @invariant()
    def moves_are_known(self) -> None:
        with self.app.app_context():
            jobs = {job.id: job for job in db.session.scalars(select(Job))}
            marks = list(db.session.scalars(select(Tier.name).where(Tier.name.startswith("mark "))))
        for identifier, job in jobs.items():
            steps_from(self.known.get(identifier, "queued"), job.status)
            self.known[identifier] = job.status
            effects = [int(mark.split()[2]) for mark in marks if mark.split()[1] == identifier]
            assert effects == ([job.attempt] if job.status == "succeeded" else [])
            assert job.attempt <= job.attempts
            assert (job.lease_until is not None) == (job.status == "running")
            assert (job.finished_at is None) == (job.status in OPEN)
            assert bool(job.error) or job.status not in SET_ASIDE
            assert not job.error or job.status in AGAIN  # why it was discarded stays

    def teardown(self) -> None:
        """Let a sound worker come: everything that waits or runs comes to its end."""
        for identifier in self.known:
            for _ in range(12):
                self.let_its_time_come(identifier)
                self.let_the_lease_run_out(identifier)
                self.sweep()
                self.run(identifier)
        self.moves_are_known()
        assert not {status for status in self.known.values() if status in OPEN}


def steps_from(old: str, new: str) -> None:
    """One deed may be two moves, such as claimed and ended; each of them must be in the table."""
    one = {state for state, before in BEFORE.items() if old in before}
    two = {state for state, before in BEFORE.items() if one & set(before)}
    assert new == old or new in one | (two if old == "queued" else set()), (old, new)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Task("do", "Do", do, attempts=2, backoff=600.0, timeout=3600.0)
    monkeypatch.setitem(TASKS, "do", kind)


@pytest.mark.usefixtures("work")
def test_jobs_move_as_the_table_says_whatever_happens(app: Flask) -> None:
    few = settings(
        max_examples=12,
        stateful_step_count=20,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    kind = type("Jobs", (Jobs,), {"app": app})

    run_state_machine_as_test(kind, settings=few)  # type: ignore[no-untyped-call]


def test_the_table_names_every_state() -> None:
    assert set(BEFORE) == set(STATUSES)
    assert {state for before in BEFORE.values() for state in before} == {*OPEN, *AGAIN}
