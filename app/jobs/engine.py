"""Starting jobs and running them. The table is the truth; the queue only says "look at this"."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import Connection, Row

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs import moves
from app.jobs.asking import one_at_a_time, send
from app.jobs.holding import TimedOut, holding
from app.jobs.models import Job, JobChunk
from app.jobs.running import Overtime, RunningJob, fresh
from app.tasks import TASKS, Asking, BadArguments, Cancelled, Task, TaskFailed
from app.words import duration

log = structlog.get_logger()

BACKOFF_SECONDS = 5


def start(asking: Asking, **arguments: Any) -> Job:
    """Record a job and commit. It runs later even if the queue is away."""
    job: Job = asking.enqueue(**arguments)
    db.session.commit()
    return job


@queue.runner
def run(identifier: str, worker: str = "") -> None:
    """Do the job if it still waits: one worker claims it, the others leave it alone."""
    job = take(identifier, worker or current_app.config.get("WORKER_ID", ""))
    if job is None:
        return
    kind = TASKS.get(job.task)
    structlog.contextvars.bind_contextvars(job=identifier, attempt=job.attempt)
    try:
        with holding((identifier, job.attempt), kind.timeout if kind else None):
            work_in_time(job)
    except TimedOut:
        log.info("job.timed_out_at_its_end")  # the try had ended, or a sweep will end it
    finally:
        structlog.contextvars.unbind_contextvars("job", "attempt")
    if kind and kind.at_once:
        call_next(job, kind.at_once)


def take(identifier: str, worker: str) -> Row[Any] | None:
    """Claim the job and commit: its row, or None when it does not wait or must wait longer."""
    settings: Settings = current_app.config["SETTINGS"]
    moment = now()
    lease = moment + timedelta(seconds=settings.job_lease_seconds)
    mine = {"job": identifier, "worker": worker, "moment": moment, "lease": lease}
    with db.engine.connect() as connection:
        job = connection.execute(moves.CLAIM, mine).first()
        if job is None or is_one_too_many(job, connection):
            return None  # without a commit nothing has happened
        begin(job, moment, connection)
        connection.commit()
    return job


def is_one_too_many(job: Row[Any], connection: Connection) -> bool:
    """Whether as many of its kind as may at once run for its owner already."""
    kind = TASKS.get(job.task)
    if kind is None or not kind.at_once:
        return False
    one_at_a_time(f"at once/{job.task}/{job.owner_id}", connection)
    running = connection.scalar(moves.running_of(job.task, job.owner_id)) or 0
    return running > kind.at_once


def begin(job: Row[Any], moment: datetime, connection: Connection) -> None:
    """Show this attempt from its beginning, and note when it has taken too long."""
    text = f"Picked up, try {job.attempt} of {job.attempts}"
    connection.execute(moves.LINE, {"job_id": job.id, "text": text})
    values: dict[str, Any] = {}
    if job.steps and job.attempt > 1:
        values["steps"] = fresh(job.steps)
    if seconds := job.task in TASKS and TASKS[job.task].timeout:
        values["deadline_at"] = moment + timedelta(seconds=seconds)
    if values:
        connection.execute(moves.held(job.id, job.attempt).values(**values))


def call_next(job: Row[Any], most: int) -> None:
    """Tell the queue of those that waited for this one's end, as many as have room."""
    room = most - (db.session.scalar(moves.running_of(job.task, job.owner_id)) or 0)
    first = moves.next_of(job.task, job.owner_id).limit(max(0, room))
    for waits in db.session.execute(first).all():
        send(waits.id, waits.priority)


def work_in_time(job: Row[Any]) -> None:
    running = RunningJob(job.id, job.attempt, fresh(job.steps))
    try:
        work(job, running)
    except TimedOut:
        db.session().invalidate()  # in the middle of whatever it was
        running.failed(overtime(job.task), job.attempt < job.attempts, backoff_of(job.task))


def work(job: Row[Any], running: RunningJob) -> None:
    """Call the task function and record how it ended; nothing it raises gets any further."""
    try:
        kind = kind_of(job.task)
        running.finish(kind(running, **read(kind, job.arguments)))
    except Cancelled:
        running.end("cancelled", "Cancelled")
    except TaskFailed as error:
        result = error.report and error.report.as_result()
        running.end("failed", str(error), error=str(error)[:500], result=result)
    except (Exception, SystemExit) as error:
        log.exception("job.failed", task=job.task)
        running.failed(error, job.attempt < job.attempts, backoff_of(job.task))


def overtime(task: str) -> Overtime:
    seconds = TASKS[task].timeout if task in TASKS else None
    return Overtime(f"It took longer than {duration(seconds)}." if seconds else "It took too long.")


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


def file_of(job: Job) -> Iterator[bytes]:
    """The job's file, piece by piece, in constant memory."""
    after = 0
    while row := db.session.execute(JobChunk.of(job, after)).first():
        after = row.number
        yield row.data
