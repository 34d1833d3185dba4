"""Declaring a task: typed arguments, and how its jobs are run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.database import now
from app.extensions import db
from app.jobs import engine
from app.jobs.bulk import CANCEL, keep
from app.jobs.models import Job
from app.tasks import LONGEST_ARGUMENTS, TASKS, BadArguments, Running
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, count, lines, look, start, waiting, work_off

MOMENT = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
NUMBER = UUID("12345678123456781234567812345678")
got: list[Any] = []


def greet(_job: Running, name: str, times: int = 1, at: datetime | None = None) -> None:
    got.append((name, times, at))


def hold(_job: Running, id: UUID, names: list[str]) -> None:
    got.append((id, names))


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    got.clear()


def test_it_is_asked_for_with_a_change_and_returns_the_job(app: Flask, declare: Declare) -> None:
    task = TASKS[declare(greet)]
    with app.app_context():
        job = task.enqueue(name="Ada", at=MOMENT)
        assert waiting(app) == 0  # nobody may begin before it is committed
        db.session.commit()
        identifier = job.id

    work_off(app)

    assert look(app, identifier).status == "succeeded"
    assert got == [("Ada", 1, MOMENT)]


def test_what_is_rolled_back_was_never_asked_for(app: Flask, declare: Declare) -> None:
    with app.app_context():
        TASKS[declare(greet)].enqueue(name="Ada")
        db.session.rollback()
        db.session.commit()

    assert (count(app, Job), waiting(app)) == (0, 0)


def test_arguments_arrive_as_the_function_takes_them(app: Flask, declare: Declare) -> None:
    identifier = start(app, declare(hold), id=NUMBER, names=["a", "b"])
    work_off(app)

    assert look(app, identifier).arguments == {"id": str(NUMBER), "names": ["a", "b"]}
    assert got == [(NUMBER, ["a", "b"])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "name: Field required"),
        ({"name": "Ada", "times": "often"}, "times: Input should be a valid integer"),
        ({"name": "Ada", "again": 1}, "again: Extra inputs are not permitted"),
        ({"name": "Ada", "job": 1}, "job: Extra inputs are not permitted"),
        ({"name": object()}, "name: Input should be a valid string"),
        ({"name": "a" * LONGEST_ARGUMENTS}, "Store what is large, and pass its id"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_asked_for(
    app: Flask, declare: Declare, arguments: dict[str, Any], said: str
) -> None:
    task = TASKS[declare(greet)]
    with app.app_context():
        with pytest.raises(BadArguments, match=said):
            task.enqueue(**arguments)
        db.session.commit()

    assert count(app, Job) == 0


def test_a_job_of_an_older_version_fails_in_plain_words(app: Flask, declare: Declare) -> None:
    identifier = start(app, declare(greet), name="Ada")
    change(app, identifier, arguments={"nickname": "Ada"})
    work_off(app)

    job = look(app, identifier)
    assert (job.status, job.error) == ("failed", "This version of Greet takes other arguments.")


def test_a_delayed_one_waits_in_the_database(app: Flask, declare: Declare) -> None:
    task = TASKS[declare(greet)]
    with app.app_context():
        later = task.options(delay=timedelta(hours=2)).enqueue(name="Ada")
        then = task.options(run_at=MOMENT + timedelta(days=9000)).enqueue(name="Bob")
        db.session.commit()
        assert later.run_at > now() + timedelta(minutes=119)
        assert then.run_at == MOMENT + timedelta(days=9000)
        identifier = later.id
    assert waiting(app) == 0
    with app.app_context():
        engine.run(identifier)  # not even when a message comes early
    assert got == []

    change(app, identifier, run_at=now())
    with app.app_context():
        engine.run(identifier)

    assert got == [("Ada", 1, None)]


def test_the_urgent_go_first(app: Flask, declare: Declare) -> None:
    calm, urgent = TASKS[declare(greet)], TASKS[declare(hold, priority=9)]
    with app.app_context():
        calm.enqueue(name="calm")
        urgent.enqueue(id=NUMBER, names=[])
        calm.options(priority=20).enqueue(name="most urgent")
        db.session.commit()

    work_off(app)

    assert got == [("most urgent", 1, None), (NUMBER, []), ("calm", 1, None)]


def test_it_is_for_somebody_and_has_a_name(app: Flask, declare: Declare) -> None:
    with app.app_context():
        bob = db.session.scalars(User.by_login("bob")).one()
        job = TASKS[declare(greet)].options(owner=bob, name="For the board").enqueue(name="Ada")
        db.session.commit()
        identifier = job.id

    job = look(app, identifier)
    assert (job.title, job.owner_id is not None) == ("For the board", True)
    assert lines(app, identifier) == ["Queued by bob"]


def test_each_task_has_its_own_patience(app: Flask, declare: Declare) -> None:
    def fails(_job: Running) -> None:
        raise RuntimeError

    identifier = start(app, declare(fails, backoff=60.0, attempts=9))
    waits = []
    for _ in range(5):
        change(app, identifier, run_at=now())
        with app.app_context():
            engine.run(identifier)
        waits.append(round((look(app, identifier).run_at - now()).total_seconds() / 60))

    assert waits == [1, 2, 4, 5, 5]


def test_a_task_sees_that_it_was_cancelled(app: Flask, declare: Declare) -> None:
    seen = []

    def patient(job: Running) -> None:
        seen.append(job.cancelled)
        change(app, job.id, stop_asked=True)
        job._looked_at = 0.0  # type: ignore[attr-defined]
        seen.append(job.cancelled)

    start(app, declare(patient))
    work_off(app)

    assert seen == [False, True]


def test_a_test_may_call_it_like_a_function(app: Flask) -> None:
    class Here:
        id, attempt, cancelled = "here", 1, False

        def progress(self, percent: int | None, message: str = "") -> None: ...
        def step(self, name: str) -> None: ...
        def write(self, name: str, text: str) -> None: ...

    assert TASKS["demonstration"](Here(), size=3, pause=0) == {"sum": 6}


class TestUnique:
    def ask(self, app: Flask, task: str, username: str = "bob", **arguments: Any) -> str:
        with app.app_context():
            owner = db.session.scalars(User.by_login(username)).one()
            job = TASKS[task].options(owner=owner).enqueue(**arguments)
            db.session.commit()
            return str(job.id)

    def test_no_second_one_waits(self, app: Flask, declare: Declare) -> None:
        task = declare(greet, unique=True)
        first = self.ask(app, task, name="Ada", times=2)

        assert self.ask(app, task, times=2, name="Ada") == first
        assert self.ask(app, task, name="Bea") != first
        assert self.ask(app, task, "carol", name="Ada", times=2) != first
        assert count(app, Job) == 3
        assert waiting(app) == 3

    def test_while_one_runs_or_after_it_another_may_wait(
        self, app: Flask, declare: Declare
    ) -> None:
        def again(job: Running) -> None:
            second.append(self.ask(app, "again"))
            second.append(self.ask(app, "again"))

        second: list[str] = []
        first = self.ask(app, declare(again, unique=True))
        with app.app_context():
            engine.run(first)

        assert second[0] == second[1] != first
        with app.app_context():
            keep(CANCEL, [second[0]], "bob")
        assert self.ask(app, "again") not in (first, second[0])

    def test_of_many_at_once_one_is_recorded(self, app: Flask, declare: Declare) -> None:
        task = declare(greet, unique=True)
        with ThreadPoolExecutor(6) as pool:
            asked = set(pool.map(lambda _: self.ask(app, task, name="Ada"), range(12)))

        assert len(asked) == count(app, Job) == 1
