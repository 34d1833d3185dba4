"""Putting right what was left behind. Safe to run anywhere, any number of times at once.

Every worker sweeps at each beat (5 seconds at most). So a job whose worker was killed goes on
within JOB_LEASE_SECONDS and a beat, one whose message was lost within 20 seconds and a beat; while
the queue is long, within five minutes.
"""

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, select, update

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs.asking import send
from app.jobs.engine import backoff_of, overtime
from app.jobs.models import OPEN, Job, JobLog
from app.jobs.moves import ended_now, unsent, waiting_again
from app.jobs.running import RunningJob
from app.jobs.schedules import do_what_is_due

SEND_AGAIN_AFTER = timedelta(seconds=20)
SEND_AGAIN_ANYWAY_AFTER = timedelta(minutes=5)
AT_ONCE = 500
LOST = "The worker was lost each time it tried this."


def sweep() -> None:
    """Rescue jobs whose worker went silent, send what was lost, forget what is old; commits."""
    end_overdue()
    rescue_expired()
    send_again()
    forget_old()
    do_what_is_due()


def end_overdue() -> None:
    """Give up tries that take longer than their task may: where their thread does not; commits."""
    overdue = (Job.status == "running", Job.deadline_at < now())
    # Rows and no objects: those would show a later try, once an earlier one of them is committed.
    seen = select(Job.id, Job.task, Job.attempt, Job.attempts).where(*overdue).limit(AT_ONCE)
    for job in db.session.execute(seen).all():
        again = job.attempt < job.attempts
        running = RunningJob(job.id, job.attempt, [])
        running.failed(overtime(job.task), again, backoff_of(job.task))
    db.session.commit()


def rescue_expired() -> None:
    """Jobs whose worker went silent wait again, or are dead once all tries are used; commits."""
    expired = (Job.status == "running", Job.lease_until < now())
    dead = {**ended_now(), "status": "dead", "error": LOST}
    used_up = (*expired, Job.attempt >= Job.attempts, Job.stop_asked.is_(False))
    move(used_up, dead, LOST)
    move(expired, waiting_again(), "The worker was lost")
    db.session.commit()


def move(where: tuple[ColumnElement[bool], ...], values: dict[str, Any], text: str) -> None:
    """Change the jobs that are still as ``where`` says, each with a line in its log."""
    moved = update(Job).where(*where).values(**values).returning(Job.id)
    for identifier in db.session.scalars(moved).all():
        db.session.add(JobLog(job_id=identifier, text=text))


def send_again() -> None:
    """Tell the queue about jobs that are due and that it was not told of, or has lost; commits.

    A queue that holds messages is busy rather than wiped, so it is given more time.
    """
    patience = SEND_AGAIN_AFTER if queue.is_empty() else SEND_AGAIN_ANYWAY_AFTER
    for identifier, priority in db.session.execute(unsent(patience).limit(AT_ONCE)).all():
        if not send(identifier, priority):
            return


def forget_old() -> None:
    """Remove ended jobs with their logs and files once JOB_RESULT_DAYS are over; commits."""
    settings: Settings = current_app.config["SETTINGS"]
    before = now() - timedelta(days=settings.job_result_days)
    # A job never ends before it may run: run_at has an index, finished_at has the word.
    ended = (Job.status.not_in(OPEN), Job.run_at < before, Job.finished_at < before)
    old = db.session.scalars(select(Job.id).where(*ended).limit(AT_ONCE)).all()
    if old:
        db.session.execute(delete(Job).where(Job.id.in_(old), *ended))
    db.session.commit()
