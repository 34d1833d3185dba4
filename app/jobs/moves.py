"""The states of a job and how it moves between them: updates that ask for the state it is in."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from app.database import UTCDateTime, now
from app.jobs.models import AGAIN, OPEN, SET_ASIDE, Job
from app.jobs.workers import Queue
from app.tasks import TASKS

# Each state, and those that a job may have been in before. It begins as queued.
BEFORE = {
    "queued": ("running", *AGAIN),
    "running": ("queued",),
    "succeeded": ("running",),
    "failed": ("running",),  # it said that it cannot go on
    "dead": ("running",),  # all tries are used: it is set aside
    "cancelled": (*OPEN, *SET_ASIDE),
}


# What every job goes through is put together once, and executed on a connection: building such a
# statement anew takes three times as long as all the rest of it.
JOBS = Job.metadata.tables["jobs"]
JOB, ATTEMPT = bindparam("job", type_=String), bindparam("try", type_=Integer)
MOMENT, LEASE = bindparam("moment", type_=UTCDateTime()), bindparam("lease", type_=UTCDateTime())


def may_become(state: str) -> ColumnElement[bool]:
    return or_(*(JOBS.c.status == before for before in BEFORE[state]))


def is_not_paused() -> ColumnElement[bool]:
    return Job.queue.not_in(Queue.paused())


# Take a waiting job that is due: only one worker changes a row. It is due, too, if it was by the
# clock of who sent it, or a worker whose clock is a moment behind would throw the message away.
CLAIM = (
    update(JOBS)
    .where(JOBS.c.id == JOB, may_become("running"))
    .where(or_(JOBS.c.run_at <= MOMENT, JOBS.c.run_at <= JOBS.c.sent_at), is_not_paused())
    .values(
        **dict.fromkeys(("progress", "result", "file_name", "unique_key")),
        **dict.fromkeys(("finished_at", "error", "details")),
        status="running",
        message="",
        attempt=JOBS.c.attempt + 1,
        worker=bindparam("worker", type_=String),
        started_at=MOMENT,
        lease_until=LEASE,
        deadline_at=None,
    )
    .returning(
        *(JOBS.c.id, JOBS.c.task, JOBS.c.owner_id, JOBS.c.arguments, JOBS.c.steps),
        *(JOBS.c.attempt, JOBS.c.attempts),
    )
)

# End a job well, if this attempt still has it.
SUCCEED = (
    update(JOBS)
    .where(JOBS.c.id == JOB, JOBS.c.attempt == ATTEMPT, may_become("succeeded"))
    .values(
        status="succeeded",
        progress=100,
        result=bindparam("outcome", type_=JSON),
        steps=bindparam("done", type_=JSON),
        message="",
        finished_at=MOMENT,
        lease_until=None,
        deadline_at=None,
    )
)

LINE = insert(Job.metadata.tables["job_log"])  # of a job's log: job_id, text


def held(identifier: str, attempt: int) -> Update:
    """The job as long as this attempt holds it; touches nothing otherwise."""
    return update(Job).where(*still_held(identifier, attempt))


def still_held(identifier: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return Job.id == identifier, Job.attempt == attempt, Job.status == "running"


def stop(identifier: str) -> Update:
    """End a waiting job, ask a running one to end; touches nothing when that was done before."""
    waits = Job.status == "queued"
    still_goes = (Job.id == identifier, Job.status.in_(OPEN), Job.stop_asked.is_(False))
    return (
        update(Job)
        .where(*still_goes)
        .values(
            stop_asked=True,
            unique_key=None,
            status=case((waits, "cancelled"), else_=Job.status),
            finished_at=case((waits, literal(now(), UTCDateTime())), else_=None),
        )
    )


def ask_again(identifier: str, tries: int) -> Update:
    """Let a job that ended without success wait again, with so many tries more."""
    ended = (Job.id == identifier, Job.status.in_(AGAIN))
    blank = dict.fromkeys(("sent_at", "progress", "error", "details", "finished_at"))
    values = {**blank, "status": "queued", "run_at": now(), "stop_asked": False, "message": ""}
    return update(Job).where(*ended).values(**values, attempts=Job.attempt + tries)


def discard(identifier: str) -> Update:
    """Set aside for good what failed. Why it failed stays, and it may still be tried again."""
    ended = (Job.id == identifier, Job.status.in_(SET_ASIDE))
    return update(Job).where(*ended).values(status="cancelled")


def waiting_again() -> dict[str, Any]:
    """Values for a job whose attempt is over: it waits, or ends if it was asked to stop."""
    moment = literal(now(), UTCDateTime())
    return {
        "status": case((Job.stop_asked, "cancelled"), else_="queued"),
        "finished_at": case((Job.stop_asked, moment), else_=None),
        **dict.fromkeys(("sent_at", "lease_until", "deadline_at", "progress")),
        "message": "",
    }


def ended_now() -> dict[str, Any]:
    """Values for a job that ends, whatever with."""
    return {"finished_at": now(), "lease_until": None, "deadline_at": None}


def unsent(patience: timedelta) -> Select[str, int]:
    """Ids and priorities of due jobs that the queue was not told of, or told of so long ago, and
    that may run; the most urgent and then the oldest first."""
    untold = or_(Job.sent_at.is_(None), Job.sent_at < now() - patience)
    due = (Job.status == "queued", Job.run_at <= now(), untold, is_not_paused(), has_room())
    return select(Job.id, Job.priority).where(*due).order_by(Job.priority.desc(), Job.run_at)


def has_room() -> ColumnElement[bool]:
    """Whether fewer of its kind run for its owner than may at once."""
    other = aliased(Job)
    same = (other.task == Job.task, other.owner_id.is_not_distinct_from(Job.owner_id))
    running = select(func.count()).where(other.status == "running", *same).scalar_subquery()
    bounds = [(name, kind.at_once) for name, kind in TASKS.items() if kind.at_once]
    full = [and_(Job.task == name, running >= most) for name, most in bounds]
    return and_(True, *(not_(each) for each in full))


def running_of(task: str, owner_id: int | None) -> Select[int]:
    """How many of that kind run for that owner."""
    same = (Job.task == task, Job.owner_id.is_not_distinct_from(owner_id))
    return select(func.count()).where(Job.status == "running", *same)


def next_of(task: str, owner_id: int | None) -> Select[str, int]:
    """Of that kind and owner, the ids and priorities of the jobs that are to run next."""
    same = (Job.task == task, Job.owner_id.is_not_distinct_from(owner_id))
    due = (Job.status == "queued", Job.run_at <= now())
    waiting = select(Job.id, Job.priority).where(*due, *same)
    return waiting.order_by(Job.priority.desc(), Job.run_at)
