"""Asking for jobs and running them. The table is the truth; the queue only says "look at this"."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, make_transient

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs import inputs, moves
from app.jobs.models import Job, JobChunk, JobLog
from app.jobs.running import RunningJob, fresh
from app.tasks import (
    TASKS,
    Asking,
    BadArguments,
    Cancelled,
    Task,
    TaskFailed,
    Wish,
    keeps_ledger,
)
from app.users.models import User

log = structlog.get_logger()

BACKOFF_SECONDS = 5
# What this process works on now, as (id, attempt). Only these leases are renewed: a job whose
# attempt broke off, say because the database went away, is rescued like any other.
HELD: set[tuple[str, int]] = set()


def start(asking: Asking, **arguments: Any) -> Job:
    """Record a job and commit. It runs later even if the queue is away."""
    job: Job = asking.enqueue(**arguments)
    db.session.commit()
    return job


def start_once(key: str, asking: Asking) -> Job:
    """Like ``start``; whoever asks again by the same ``key`` gets the job of the first time."""
    job = Job.asked_for(asking.task, {}, asking.wish)
    job.id, job.idempotency_key = key.rpartition(":")[2][:32], key
    if there := db.session.get(Job, job.id):
        return there
    try:
        add(job)
        db.session.commit()
    except IntegrityError:  # asked twice at the same moment
        db.session.rollback()
        return db.session.get_one(Job, key.rpartition(":")[2][:32])
    return job


def add(job: Job) -> Job:
    """Record a job as part of the transaction; the queue is told once that is committed."""
    job.attempts = tries_of(job.task)
    if job.run_at <= now():
        job.sent_at = now()  # should it not get there, the sweep sends it again
        db.session.info.setdefault("untold", []).append((job.id, job.priority))
    db.session.add(job)
    db.session.flush()
    by = job.owner.username if job.owner else "a stranger" if job.is_strangers else "system"
    db.session.add(JobLog(job_id=job.id, text=f"Queued by {by}"))
    inputs.store(job)
    return job


@keeps_ledger
def ask(kind: Task, arguments: dict[str, Any], wish: Wish) -> Job:
    job = Job.asked_for(kind, arguments, wish)
    return add_unless_waiting(job) if kind.unique else add(job)


def add_unless_waiting(job: Job) -> Job:
    """Record a job unless one for the same owner with the same arguments waits: then that one."""
    facts = json.dumps([job.task, job.owner and job.owner.id, job.arguments], sort_keys=True)
    job.unique_key = hashlib.sha256(facts.encode()).hexdigest()
    one_at_a_time(job.unique_key)
    with db.session.no_autoflush:
        there = db.session.scalar(select(Job).where(Job.unique_key == job.unique_key))
    if there is None:
        return add(job)
    make_transient(job)
    return there


def one_at_a_time(key: str) -> None:
    """Let nobody else pass here with the same key until this transaction ends."""
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(number)))
    else:  # any write takes the one lock that SQLite has
        db.session.execute(update(Job).where(Job.id.is_(None)).values(name=Job.name))


@event.listens_for(Session, "after_commit")
def tell_queue(session: Session) -> None:
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
    session.info.pop("untold", None)


def tries_of(task: str) -> int:
    """How often the task is tried: as it says itself, else as the settings say."""
    settings: Settings = current_app.config["SETTINGS"]
    kind = TASKS.get(task)
    return (kind and kind.attempts) or settings.job_max_attempts


def send(identifier: str, priority: int) -> bool:
    """Tell the queue, and note that it was told; commits. False when it cannot be reached."""
    if not queue.send("run", identifier, priority):
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
        kind = kind_of(task)
        running.finish(kind(running, **read(kind, arguments)))
    except Cancelled:
        running.end("cancelled", "Cancelled")
    except TaskFailed as error:
        result = error.report and error.report.as_result()
        running.end("failed", str(error), error=str(error)[:500], result=result)
    except (Exception, SystemExit) as error:
        log.exception("job.failed", task=task)
        running.failed(error, again=attempt < attempts, backoff=backoff_of(task))


def backoff_of(task: str) -> timedelta:
    return timedelta(seconds=TASKS[task].backoff if task in TASKS else BACKOFF_SECONDS)


def kind_of(task: str) -> Task:
    if task not in TASKS:
        raise TaskFailed(f"This version of the application has no task called {task}.")
    return TASKS[task]


def read(kind: Task, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return kind.read(arguments)
    except BadArguments:
        raise TaskFailed(f"This version of {kind.title} takes other arguments.") from None


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
    send(job.id, job.priority)


def file_of(job: Job) -> Iterator[bytes]:
    """The job's file, piece by piece, in constant memory."""
    after = 0
    while row := db.session.execute(JobChunk.of(job, after)).first():
        after = row.number
        yield row.data
