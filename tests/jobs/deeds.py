"""What tests of jobs do again and again, each in an application context of its own."""

from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

from app.database import now
from app.extensions import db, queue
from app.jobs import engine
from app.jobs.models import Job, JobLog
from app.tasks import TASKS
from app.users.models import User


def start(app: Flask, task: str, username: str = "bob", called: str = "", **arguments: Any) -> str:
    """Ask for a job without a page; its id."""
    with app.app_context():
        owner = db.session.scalars(User.by_username(username)).unique().one()
        return engine.start(TASKS[task].options(owner=owner, name=called), **arguments).id


def look(app: Flask, identifier: str) -> Job:
    """The job as it is stored now."""
    with app.app_context():
        job = db.session.get_one(Job, identifier)
        db.session.expunge(job)
        return job


def lines(app: Flask, identifier: str) -> list[str]:
    """What the job's log says, oldest first."""
    with app.app_context():
        of_job = select(JobLog.text).where(JobLog.job_id == identifier).order_by(JobLog.id)
        return list(db.session.scalars(of_job))


def change(app: Flask, identifier: str, **values: Any) -> None:
    """Arrange a state that takes long to come about, such as a lease that ran out."""
    with app.app_context():
        db.session.execute(update(Job).where(Job.id == identifier).values(**values))
        db.session.commit()


def claim(app: Flask, identifier: str, **values: Any) -> None:
    """Let a worker take the job, and then be silent."""
    values = {"status": "running", "attempt": 1, "worker": "gone", "started_at": now(), **values}
    change(app, identifier, **values)


def work_off(app: Flask) -> None:
    """Do what a worker would, until the queue is empty: take a message, run it."""
    huey, _ = app.extensions["queue"]
    while huey.pending_count():
        huey.execute(huey.dequeue())


def waiting(app: Flask) -> int:
    """How many messages the queue holds."""
    with app.app_context():
        return int(queue.huey.pending_count())


def count(app: Flask, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0
