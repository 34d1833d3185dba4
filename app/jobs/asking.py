"""Asking for jobs: a row in the transaction, and word to the queue once that is committed."""

import hashlib
import json
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import Connection, event, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, make_transient, scoped_session

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs import inputs
from app.jobs.models import Job
from app.jobs.moves import LINE
from app.tasks import TASKS, Task, Wish, keeps_ledger

log = structlog.get_logger()


@keeps_ledger
def ask(kind: Task, arguments: dict[str, object], wish: Wish) -> Job:
    """Record a job as part of the transaction, or find the one that does already."""
    job = Job.asked_for(kind, arguments, wish)
    if wish.once:
        return add_once(job, wish.once)
    return add_unless_waiting(job) if kind.unique else add(job)


def add(job: Job) -> Job:
    """Record a job as part of the transaction; the queue is told once that is committed."""
    job.attempts = tries_of(job.task)
    if job.run_at <= now():
        job.sent_at = now()  # should it not get there, the sweep sends it again
        db.session.info.setdefault("untold", []).append((job.id, job.priority))
    db.session.add(job)
    db.session.flush()
    by = job.owner.username if job.owner else "a stranger" if job.is_strangers else "system"
    db.session.execute(LINE, {"job_id": job.id, "text": f"Queued by {by}"})
    inputs.store(job)
    return job


def add_once(job: Job, key: str) -> Job:
    """Record a job unless one of this task and owner was by the same key: then that one."""
    job.id = fingerprint(job.task, job.owner and job.owner.id, key)[:32]
    job.idempotency_key = job.id if job.owner else key[:100]
    one_at_a_time(job.id)
    with db.session.no_autoflush:
        there = db.session.get(Job, job.id)
    return instead_of(job, there) or add(job)


def add_unless_waiting(job: Job) -> Job:
    """Record a job unless one for the same owner with the same arguments waits: then that one."""
    job.unique_key = fingerprint(job.task, job.owner and job.owner.id, job.arguments)
    one_at_a_time(job.unique_key)
    with db.session.no_autoflush:
        there = db.session.scalar(select(Job).where(Job.unique_key == job.unique_key))
        there = there or waits_again(job)
    return instead_of(job, there) or add(job)


def waits_again(job: Job) -> Job | None:
    """The one with the same arguments whose try broke off: with the first it gave its key away."""
    same = (Job.task == job.task, Job.owner_id.is_not_distinct_from(job.owner and job.owner.id))
    begun = select(Job).where(*same, Job.status == "queued", Job.attempt > 0)
    return next(
        (each for each in db.session.scalars(begun) if each.arguments == job.arguments), None
    )


def instead_of(job: Job, there: Job | None) -> Job | None:
    if there is not None:
        make_transient(job)
    return there


def fingerprint(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def one_at_a_time(key: str, where: "Connection | scoped_session[Any]" = db.session) -> None:
    """Let nobody else pass here with the same key until that transaction ends."""
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
        where.execute(select(func.pg_advisory_xact_lock(number)))
    else:  # any write takes the one lock that SQLite has
        where.execute(update(Job).where(Job.id.is_(None)).values(name=Job.name))


@event.listens_for(Session, "after_commit")
def tell_queue(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: nobody else sees the jobs before the end of the whole
    told = session.info.pop("untold", ())
    lost = [
        identifier for identifier, priority in told if not queue.send("run", identifier, priority)
    ]
    if lost:
        note_untold(lost)


def note_untold(identifiers: list[str]) -> None:
    """Let the next sweep send what did not get there; else one does after a while."""
    untold = update(Job).where(Job.id.in_(identifiers)).values(sent_at=None)
    try:
        with db.engine.begin() as connection:  # the session is at its end just now
            connection.execute(untold)
    except SQLAlchemyError as error:
        log.warning("job.untold", error=type(error).__name__)


@event.listens_for(Session, "after_rollback")
def forget_untold(session: Session) -> None:
    if session.in_nested_transaction():
        return  # what was asked for before the savepoint stays; the queue may hear of more
    session.info.pop("untold", None)


def tries_of(task: str) -> int:
    """How often the task is tried: as it says itself, else as the settings say."""
    settings: Settings = current_app.config["SETTINGS"]
    kind = TASKS.get(task)
    return (kind and kind.attempts) or settings.job_max_attempts


def send(identifier: str, priority: int) -> bool:
    """Note that the queue is told of a job that waits, and tell it; commits. False when it cannot
    be reached.
    """
    moment = now()  # noted first: a worker may be quick, and a note on its next try would be wrong
    waits = (Job.id == identifier, Job.status == "queued", Job.run_at <= moment)
    db.session.execute(update(Job).where(*waits).values(sent_at=moment))
    db.session.commit()
    if queue.send("run", identifier, priority):
        return True
    note_untold([identifier])
    return False
