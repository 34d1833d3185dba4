"""Asking for jobs and running them. The table is the truth; the queue only says "look at this"."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import event, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs import moves
from app.jobs.models import Job, JobChunk, JobLog
from app.jobs.running import RunningJob, fresh
from app.tasks import TASKS, Cancelled, TaskFailed, keeps_ledger
from app.users.models import User

log = structlog.get_logger()

# What this process works on now, as (id, attempt). Only these leases are renewed: a job whose
# attempt broke off, say because the database went away, is rescued like any other.
HELD: set[tuple[str, int]] = set()


def start(task: str, owner: User | None, name: str = "", **arguments: Any) -> Job:
    """Record a job, commit, then tell the queue. Runs later even if the queue is away."""
    job = record(task, owner, name, **arguments)
    db.session.commit()
    send(job.id)
    return job


def start_once(key: str, task: str, owner: User | None, name: str = "") -> Job:
    """Like ``start``; whoever asks again by the same ``key`` gets the job of the first time."""
    job = Job.asked_for(task, owner, name)
    job.id, job.idempotency_key = key.rpartition(":")[2][:32], key
    if there := db.session.get(Job, job.id):
        return there
    try:
        add(job)
        db.session.commit()
    except IntegrityError:  # asked twice at the same moment
        db.session.rollback()
        return db.session.get_one(Job, key.rpartition(":")[2][:32])
    send(job.id)
    return job


def record(task: str, owner: User | None, name: str = "", **arguments: Any) -> Job:
    """Add a job to the session. The caller commits."""
    return add(Job.asked_for(task, owner, name, **arguments))


def add(job: Job) -> Job:
    job.attempts = tries_of(job.task)
    db.session.add(job)
    db.session.flush()
    by = job.owner.username if job.owner else "a stranger" if job.is_strangers else "system"
    db.session.add(JobLog(job_id=job.id, text=f"Queued by {by}"))
    return job


@keeps_ledger
def ask(task: str, **arguments: Any) -> None:
    """Record a job of nobody's, and tell the queue once the caller has committed it."""
    job = record(task, None, **arguments)
    db.session.info.setdefault("untold", []).append(job.id)


@event.listens_for(Session, "after_commit")
def tell_queue(session: Session) -> None:
    # No statement may run here, so the sweep may send it once more: the claim makes that harmless.
    for identifier in session.info.pop("untold", ()):
        queue.send("run", identifier)


@event.listens_for(Session, "after_rollback")
def forget_untold(session: Session) -> None:
    session.info.pop("untold", None)


def tries_of(task: str) -> int:
    """How often the task is tried: as it says itself, else as the settings say."""
    settings: Settings = current_app.config["SETTINGS"]
    kind = TASKS.get(task)
    return (kind and kind.attempts) or settings.job_max_attempts


def send(identifier: str) -> bool:
    """Tell the queue, and note that it was told; commits. False when it cannot be reached."""
    if not queue.send("run", identifier):
        return False
    db.session.execute(update(Job).where(Job.id == identifier).values(sent_at=now()))
    db.session.commit()
    return True


@queue.runner
def run(identifier: str, worker: str = "") -> None:
    """Do the job if it still waits: one worker claims it, the others leave it alone."""
    settings: Settings = current_app.config["SETTINGS"]
    worker = worker or current_app.config.get("WORKER_ID", "")
    lease = timedelta(seconds=settings.job_lease_seconds)
    claim = moves.claim(identifier, worker, lease).returning(Job.attempt)
    attempt = db.session.execute(claim).scalar()
    db.session.commit()
    if attempt is None:
        return
    HELD.add((identifier, attempt))
    structlog.contextvars.bind_contextvars(job=identifier, attempt=attempt)
    try:
        work(identifier, attempt)
    finally:
        HELD.discard((identifier, attempt))
        structlog.contextvars.unbind_contextvars("job", "attempt")


def work(identifier: str, attempt: int) -> None:
    """Call the task function and record how it ended; nothing it raises gets any further."""
    job = db.session.get_one(Job, identifier)
    task, arguments, attempts = job.task, dict(job.arguments), job.attempts
    running = RunningJob(identifier, attempt, fresh(job.steps))
    try:
        running.begin(f"Picked up, try {attempt} of {attempts}")
        running.finish(function_of(task)(running, **arguments))
    except Cancelled:
        running.end("cancelled", "Cancelled")
    except TaskFailed as error:
        running.end("failed", str(error), error=str(error)[:500])
    except (Exception, SystemExit) as error:
        log.exception("job.failed", task=task)
        running.failed(error, again=attempt < attempts)


def function_of(task: str) -> Any:
    if task not in TASKS:
        raise TaskFailed(f"This version of the application has no task called {task}.")
    return TASKS[task].function


def cancel(job: Job, by: User) -> None:
    """Stop a waiting job now, a running one at its next report; commits. Twice is harmless."""
    if db.session.execute(moves.stop(job.id)).rowcount:  # type: ignore[attr-defined]
        db.session.add(JobLog(job_id=job.id, text=f"Asked to stop by {by.username}"))
    db.session.commit()


def retry(job: Job, by: User) -> None:
    """Queue a failed or cancelled job again, with all its tries; commits. Twice is harmless."""
    again = moves.ask_again(job.id, tries_of(job.task))
    if not db.session.execute(again).rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        return
    db.session.add(JobLog(job_id=job.id, text=f"Queued again by {by.username}"))
    db.session.commit()
    send(job.id)


def file_of(job: Job) -> Iterator[bytes]:
    """The job's file, piece by piece, in constant memory."""
    after = 0
    while row := db.session.execute(JobChunk.of(job, after)).first():
        after = row.number
        yield row.data
