"""Running jobs: claim, work, finish. The table is the truth; the queue only says "look at this"."""

import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.database import now
from app.extensions import db, queue
from app.jobs.models import OPEN, Job, JobChunk, JobLog
from app.tasks import TASKS, Cancelled
from app.users.models import User

log = structlog.get_logger()

Steps = list[dict[str, Any]]

SEND_AGAIN_AFTER = timedelta(seconds=20)
BACKOFF = timedelta(seconds=5)
SURPRISE = "The task stopped unexpectedly. Nothing it had not finished was kept."


class TaskFailed(Exception):
    """A task cannot go on; ``str`` of it tells the person why, in plain words. Not tried again."""


def start(task: str, owner: User | None, name: str = "", **arguments: Any) -> Job:
    """Record a job, commit, then tell the queue. Runs later even if the queue is away."""
    job = Job.asked_for(task, owner, name, **arguments)
    db.session.add(job)
    db.session.flush()
    db.session.add(JobLog(job_id=job.id, text=f"Queued by {owner.username if owner else 'system'}"))
    db.session.commit()
    send(job.id)
    return job


def send(identifier: str) -> None:
    """Tell the queue, and note that it was told; commits."""
    if queue.send("run", identifier):
        told = update(Job).where(Job.id == identifier).values(sent_at=now())
        db.session.execute(told)
        db.session.commit()


@queue.runner
def run(identifier: str, worker: str = "") -> None:
    """Do the job if it still waits: one worker claims it, the others leave it alone."""
    settings: Settings = current_app.config["SETTINGS"]
    worker = worker or current_app.config.get("WORKER_ID", "")
    lease = timedelta(seconds=settings.job_lease_seconds)
    claim = Job.claimed(identifier, worker, lease).returning(Job.attempt)
    attempt = db.session.execute(claim).scalar()
    db.session.commit()
    if attempt is None:
        return
    structlog.contextvars.bind_contextvars(job=identifier, attempt=attempt)
    try:
        work(identifier, attempt)
    finally:
        structlog.contextvars.unbind_contextvars("job", "attempt")


def work(identifier: str, attempt: int) -> None:
    job = db.session.get_one(Job, identifier)
    running = RunningJob(identifier, attempt, fresh(job.steps))
    try:
        running.note(f"Picked up, try {job.attempt} of {job.attempts}")
        result = TASKS[job.task].function(running, **job.arguments)
        running.finish(result)
    except Cancelled:
        running.end("cancelled", "Cancelled")
    except TaskFailed as error:
        running.end("failed", str(error), error=str(error)[:500])
    except Exception as error:
        log.exception("job.failed", task=job.task)
        running.failed(error, again=job.attempt < job.attempts)


class RunningJob:
    """What a task function is given. Every report holds only while this attempt has the job."""

    def __init__(self, identifier: str, attempt: int, steps: Steps) -> None:
        self.id = identifier
        self.attempt = attempt
        self._steps = steps
        self._chunks = 0
        self._logged_at = 0.0

    def progress(self, percent: int | None, message: str = "") -> None:
        line = message if time.monotonic() - self._logged_at > 1 else ""
        self._report(line, progress=percent, message=message[:500])

    def step(self, name: str) -> None:
        self._steps = advanced(self._steps, name)
        self._report(name, steps=self._steps, message=name[:500])

    def write(self, name: str, text: str) -> None:
        if not self._chunks:
            older = (JobChunk.job_id == self.id, JobChunk.attempt == self.attempt)
            db.session.execute(delete(JobChunk).where(*older))
        self._chunks += 1
        data = text.encode()
        db.session.add(
            JobChunk(job_id=self.id, attempt=self.attempt, number=self._chunks, data=data)
        )
        self._keep(file_name=name)
        db.session.commit()

    def note(self, text: str) -> None:
        db.session.add(JobLog(job_id=self.id, text=text[:500]))
        db.session.commit()

    def finish(self, result: Any) -> None:
        """Succeed, in one transaction with what the task did; too late, and all is undone."""
        steps = advanced(self._steps, None)
        db.session.add(JobLog(job_id=self.id, text="Done"))
        values = {"status": "succeeded", "progress": 100, "result": result, "steps": steps}
        try:
            self._keep(**values, finished_at=now(), lease_until=None, message="")
        except Cancelled:
            db.session.rollback()
            return
        db.session.commit()

    def end(self, status: str, text: str, **values: Any) -> None:
        """Stop for good without success; what the task did and did not commit is undone."""
        db.session.rollback()
        db.session.add(JobLog(job_id=self.id, text=text[:500]))
        held = Job.held(self.id, self.attempt)
        values = {**values, "status": status, "finished_at": now(), "lease_until": None}
        if db.session.execute(held.values(**values)).rowcount:
            db.session.commit()
        else:
            db.session.rollback()

    def failed(self, error: Exception, again: bool) -> None:
        details = "".join(traceback.format_exception(error))[-8000:]
        if not again:
            self.end("failed", SURPRISE, error=SURPRISE, details=details)
            return
        db.session.rollback()
        later = now() + BACKOFF * 2**self.attempt
        values = {"status": "queued", "run_at": later, "sent_at": None, "details": details}
        db.session.add(JobLog(job_id=self.id, text="Stopped unexpectedly; will be tried again"))
        db.session.execute(Job.held(self.id, self.attempt).values(**values, lease_until=None))
        db.session.commit()

    def _report(self, line: str, **values: Any) -> None:
        """Tell the page in a transaction of its own, so that the task's work stays uncommitted."""
        with db.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout=100")
            try:
                self._tell(connection, line, values)
            except OperationalError:
                return  # SQLite has one writer, and it may be this very task.
            finally:
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA busy_timeout=10000")

    def _tell(self, connection: Any, line: str, values: dict[str, Any]) -> None:
        held = Job.held(self.id, self.attempt).values(**values).returning(Job.stop_asked)
        row = connection.execute(held).first()
        if row is None or row.stop_asked:
            raise Cancelled
        if line:
            self._logged_at = time.monotonic()
            connection.execute(JobLog.__table__.insert().values(job_id=self.id, text=line[:500]))

    def _keep(self, **values: Any) -> None:
        held = Job.held(self.id, self.attempt).values(**values)
        if not db.session.execute(held).rowcount:
            raise Cancelled


def fresh(steps: Steps) -> Steps:
    """The declared steps as an attempt finds them: none has begun."""
    return [{"name": step["name"], "state": "todo"} for step in steps]


def advanced(steps: Steps, name: str | None) -> Steps:
    """The steps once ``name`` has begun (None: once all are done), with the seconds each took."""
    moment = now()
    after = []
    for step in steps:
        if step["state"] == "now" and step["name"] != name:
            seconds = moment.timestamp() - step.get("since", moment.timestamp())
            step = {**step, "state": "done", "seconds": round(seconds, 1)}
        if step["name"] == name:
            step = {**step, "state": "now", "since": moment.timestamp()}
        after.append(step)
    if name and name not in [step["name"] for step in steps]:
        after.append({"name": name, "state": "now", "since": moment.timestamp()})
    return after


def cancel(job: Job) -> None:
    """Stop a waiting job now, a running one at its next report; commits."""
    waiting = update(Job).where(Job.id == job.id, Job.status == "queued")
    ended = {"status": "cancelled", "finished_at": now(), "stop_asked": True}
    if not db.session.execute(waiting.values(**ended)).rowcount:
        running = update(Job).where(Job.id == job.id, Job.status == "running")
        db.session.execute(running.values(stop_asked=True))
    db.session.commit()


def retry(job: Job) -> None:
    """Queue a failed or cancelled job again, with all its tries; commits. Twice is harmless."""
    values = {"status": "queued", "run_at": now(), "sent_at": None, "stop_asked": False}
    fresh = {"attempts": Job.attempt + TASKS[job.task].attempts, "progress": None, "error": None}
    ended = update(Job).where(Job.id == job.id, Job.status.not_in(("succeeded", *OPEN)))
    if db.session.execute(ended.values(**values, **fresh, finished_at=None)).rowcount:
        db.session.commit()
        send(job.id)
    db.session.rollback()


def sweep() -> None:
    """Rescue what was left behind; commits. Safe to run anywhere, any number of times at once."""
    rescue_expired()
    due = select(Job.id).where(
        Job.status == "queued",
        Job.run_at <= now(),
        Job.sent_at.is_(None) | (Job.sent_at < now() - SEND_AGAIN_AFTER),
    )
    for identifier in db.session.scalars(due.order_by(Job.run_at).limit(500)).all():
        send(identifier)


def rescue_expired() -> None:
    """Jobs whose worker went silent wait again, or fail once all tries are used; commits."""
    expired = (Job.status == "running", Job.lease_until < now())
    used_up = update(Job).where(*expired, Job.attempt >= Job.attempts)
    values = {"status": "failed", "error": "The worker was lost each time it tried this."}
    db.session.execute(used_up.values(**values, finished_at=now(), lease_until=None))
    values = {"status": "queued", "sent_at": None, "lease_until": None}
    db.session.execute(update(Job).where(*expired).values(**values))
    db.session.commit()


def file_of(job: Job) -> Iterator[bytes]:
    """The job's file, piece by piece, in constant memory."""
    after = 0
    while row := db.session.execute(JobChunk.of(job, after)).first():
        after = row.number
        yield row.data
