"""A job while it runs: what its task function holds, and the ways it ends."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, BinaryIO

import structlog
from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.database import now
from app.extensions import db
from app.jobs import inputs
from app.jobs.models import Job, JobChunk, JobLog
from app.jobs.moves import LINE, SUCCEED, ended_now, held, still_held, waiting_again
from app.tasks import Cancelled

log = structlog.get_logger()

Steps = list[dict[str, Any]]

LONGEST_BACKOFF = timedelta(minutes=5)
LOOK_EVERY_SECONDS = 1
SURPRISE = "The task stopped unexpectedly. Nothing it had not finished was kept."


class Overtime(Exception):
    """A try took longer than its task may; ``str`` of it says so to people."""


class RunningJob:
    """What a task function is given. Every report holds only while this attempt has the job."""

    def __init__(self, identifier: str, attempt: int, steps: Steps) -> None:
        self.id = identifier
        self.attempt = attempt
        self._steps = steps
        self._chunks = 0
        self._logged_at = 0.0
        self._untold: dict[str, Any] = {}
        self._silent_until = 0.0
        self._is_over = False
        self._looked_at = 0.0

    @property
    def cancelled(self) -> bool:
        if not self._is_over and time.monotonic() - self._looked_at > LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            mine = select(Job.stop_asked).where(*still_held(self.id, self.attempt))
            with db.engine.connect() as connection:
                self._is_over = connection.scalar(mine) is not False
        return self._is_over

    def progress(self, percent: int | None, message: str = "") -> None:
        line = message if time.monotonic() - self._logged_at > 1 else ""
        share = None if percent is None else min(100, max(0, percent))
        self._report(line, progress=share, message=message[:500])

    def step(self, name: str) -> None:
        self._steps = advanced(self._steps, name)
        self._report(name, steps=self._steps, message=name[:500])

    def write(self, name: str, text: str) -> None:
        if not self._chunks:
            db.session.execute(inputs.all_but_input(self.id))
        self._chunks += 1
        chunk = {"job_id": self.id, "attempt": self.attempt, "number": self._chunks}
        db.session.add(JobChunk(**chunk, data=text.encode()))
        self._keep(file_name=name)
        db.session.commit()

    def read(self) -> BinaryIO:
        return inputs.of(self.id)

    def keep(self, percent: int, message: str = "") -> None:
        self._keep(**{**self._untold, "progress": percent, "message": message[:500]})
        db.session.commit()
        self._untold.clear()

    def finish(self, result: Any) -> None:
        """Succeed, in one transaction with what the task did; too late, and all is undone."""
        mine = {"job": self.id, "try": self.attempt, "moment": now()}
        outcome = {"outcome": result, "done": advanced(self._steps, None)}
        try:
            with transaction_of_task() as connection:
                if not connection.execute(SUCCEED, {**mine, **outcome}).rowcount:
                    raise Cancelled
                connection.execute(LINE, {"job_id": self.id, "text": "Done"})
        except Cancelled:
            db.session.rollback()
            log.warning("job.too_late")
            return
        log.info("job.ended", status="succeeded")

    def end(self, status: str, text: str, **values: Any) -> None:
        """Stop for good without success; what the task did and did not commit is undone."""
        self._leave(text, {**values, **ended_now(), "status": status})
        log.info("job.ended", status=status)

    def failed(self, error: BaseException, again: bool, backoff: timedelta) -> None:
        """Wait for the next try, a while longer each time; or be dead, after the last."""
        details = "".join(traceback.format_exception(error))[-8000:]
        sentence = str(error) if isinstance(error, Overtime) else ""
        if not again:
            self.end("dead", sentence or SURPRISE, error=sentence or SURPRISE, details=details)
            return
        wait = min(backoff * 2 ** min(self.attempt - 1, 20), max(backoff, LONGEST_BACKOFF))
        values = {**waiting_again(), "run_at": now() + wait, "details": details}
        self._leave(f"{sentence or 'Stopped unexpectedly.'} It will be tried again", values)

    def _leave(self, text: str, values: dict[str, Any]) -> None:
        db.session.rollback()
        db.session.add(JobLog(job_id=self.id, text=text[:500]))
        try:
            self._keep(**values)
        except Cancelled:
            db.session.rollback()
            return
        db.session.commit()

    def _keep(self, **values: Any) -> None:
        mine = held(self.id, self.attempt).values(**values)
        if not db.session.execute(mine).rowcount:  # type: ignore[attr-defined]
            raise Cancelled

    def _report(self, line: str, **values: Any) -> None:
        """Tell the page in a transaction of its own, so that the task's work stays uncommitted."""
        self._untold.update(values)
        if time.monotonic() < self._silent_until:
            return
        try:
            with db.engine.begin() as connection, impatient(connection):
                self._tell(connection, line)
        except OperationalError:
            if db.engine.dialect.name != "sqlite":
                raise
            # SQLite has one writer, and it may be this very task: what is untold is told later.
            self._silent_until = time.monotonic() + 1
            return
        self._untold.clear()

    def _tell(self, connection: Connection, line: str) -> None:
        mine = held(self.id, self.attempt).values(**self._untold).returning(Job.stop_asked)
        row = connection.execute(mine).first()
        if row is None or row.stop_asked:
            raise Cancelled
        if line:
            self._logged_at = time.monotonic()
            connection.execute(JobLog.line(self.id, line))


@contextmanager
def transaction_of_task() -> Iterator[Connection]:
    """The transaction in which the task did its work; one of its own if it did none there."""
    session = db.session()
    if session.in_transaction():
        session.flush()
        yield session.connection()
        session.commit()
    else:
        with db.engine.begin() as connection:
            yield connection


@contextmanager
def impatient(connection: Connection) -> Iterator[None]:
    """Let SQLite wait for its one writer a tenth of a second only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    connection.exec_driver_sql("PRAGMA busy_timeout=100")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")


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
