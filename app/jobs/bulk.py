"""What people do to jobs, to one or to many. Each is asked for the state it is in: what changed is
left alone, so twice is harmless."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Update, func, select, update

from app.audit.trail import record
from app.database import now
from app.extensions import db, queue
from app.jobs import found
from app.jobs.asking import tries_of
from app.jobs.models import AGAIN, OPEN, SET_ASIDE, Job, JobLog
from app.jobs.moves import ask_again, discard, stop
from app.tasks import TASKS
from app.words import count, number

DIRECTLY = 100  # more are a job of their own


@dataclass(frozen=True)
class Deed:
    """What operators do to jobs: in words, and to those in which states."""

    name: str
    verb: str
    done: str
    log: str
    states: tuple[str, ...]


DEEDS = {
    deed.name: deed
    for deed in (
        Deed("retry", "Retry", "queued again", "Queued again by", AGAIN),
        Deed("discard", "Discard", "discarded", "Discarded by", SET_ASIDE),
        Deed("cancel", "Cancel", "asked to stop", "Asked to stop by", OPEN),
    )
}


@dataclass(frozen=True)
class Many:
    """The jobs of a view that match its filters, as they were at a moment.

    What came into the view later is not meant. So what fails again is not retried for ever, and
    whoever is told of six never does it to sixty.
    """

    state: str
    q: str
    task: str
    until: datetime

    def ids(self, after: str = "") -> Select[str]:
        where = (Job.id > after) if after else True
        return select(Job.id).where(*self._where(), where).order_by(Job.id)  # type: ignore[arg-type]

    @property
    def total(self) -> int:
        return db.session.scalar(select(func.count()).select_from(Job).where(*self._where())) or 0

    @property
    def kinds(self) -> Sequence[Row[str, int]]:
        """The kinds of work among them, each with how many there are; the most first."""
        jobs = func.count()
        grouped = select(Job.task, jobs).where(*self._where()).group_by(Job.task)
        return db.session.execute(grouped.order_by(jobs.desc(), Job.task)).all()

    def words(self, jobs: int) -> str:
        """So many of them: "6 failed jobs of the kind Mail matching “refused”"."""
        kind = TASKS[self.task].title if self.task in TASKS else self.task
        return (
            count(jobs, f"{self.state} job")
            + (f" of the kind {kind}" if self.task else "")
            + (f" matching “{self.q}”" if self.q else "")
        )

    def _where(self) -> list[Any]:
        came = Job.created_at if self.state in OPEN else Job.finished_at
        meant = found.of_state(self.state) + found.conditions(self.q, self.task)
        return [*meant, came <= self.until]


RETRY, DISCARD, CANCEL = DEEDS.values()


def deeds_for(state: str) -> list[Deed]:
    """What can be done to jobs in that state."""
    return [deed for deed in DEEDS.values() if state in deed.states]


def keep(deed: Deed, identifiers: Iterable[str], by: str) -> int:
    """Do it to those that still are in a state for it, and commit; how many there were."""
    done = do(deed, identifiers, by)
    db.session.commit()
    tell(deed, done)
    return len(done)


def do(deed: Deed, identifiers: Iterable[str], by: str) -> list[tuple[str, int]]:
    """The ids and priorities of those that it was done to; the caller commits, then tells."""
    jobs = select(Job.id, Job.task, Job.priority).where(Job.id.in_(list(identifiers)))
    rows = db.session.execute(jobs.order_by(Job.id)).all()  # one order for all: no deadlock
    done = [(row.id, row.priority) for row in rows if changes(move(deed, row))]
    line = f"{deed.log} {by}"
    db.session.add_all(JobLog(job_id=identifier, text=line) for identifier, _ in done)
    return done


def move(deed: Deed, row: Row[str, str, int]) -> Update:
    if deed.name == "retry":
        return ask_again(row.id, tries_of(row.task))
    return discard(row.id) if deed.name == "discard" else stop(row.id)


def changes(change: Update) -> bool:
    done: Any = db.session.execute(change.execution_options(synchronize_session=False))
    return bool(done.rowcount)


def tell(deed: Deed, done: list[tuple[str, int]]) -> None:
    """Let the queue know of what waits again; commits. What it misses the sweep sends."""
    if deed.name != "retry":
        return
    told = []
    for identifier, priority in done:
        if not queue.send("run", identifier, priority):
            break
        told.append(identifier)
    # A worker may have been quick: its next try was not told of.
    waits = (Job.id.in_(told), Job.status == "queued", Job.run_at <= now())
    db.session.execute(update(Job).where(*waits).values(sent_at=now()))
    db.session.commit()


def on_record(deed: Deed, detail: str) -> None:
    """Put it in the trail, once for all of them; the caller commits."""
    if deed.name == "retry":
        record("jobs.retried", detail=detail)
    elif deed.name == "discard":
        record("jobs.discarded", detail=detail)
    else:
        record("jobs.cancelled", detail=detail)


def sentence(deed: Deed, done: int, of: int) -> str:
    """How it went: "6 jobs queued again", "4 of 6 jobs queued again; 2 had changed"."""
    if done == of:
        return f"{count(of, 'job')} {deed.done}"
    return f"{number(done)} of {count(of, 'job')} {deed.done}; {number(of - done)} had changed"
