"""How a job moves from one state to the next: updates that ask for the state it is in."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, case, literal, or_, select, update

from app.database import UTCDateTime, now
from app.jobs.models import AGAIN, OPEN, Job


def claim(identifier: str, worker: str, lease: timedelta) -> Update:
    """Take a waiting job that is due: only one worker changes a row."""
    due = (Job.id == identifier, Job.status == "queued", Job.run_at <= now())
    return (
        update(Job)
        .where(*due)
        .values(
            status="running",
            unique_key=None,
            attempt=Job.attempt + 1,
            worker=worker,
            started_at=now(),
            lease_until=now() + lease,
            finished_at=None,
            error=None,
            details=None,
        )
    )


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


def waiting_again() -> dict[str, Any]:
    """Values for a job whose attempt is over: it waits, or ends if it was asked to stop."""
    moment = literal(now(), UTCDateTime())
    return {
        "status": case((Job.stop_asked, "cancelled"), else_="queued"),
        "finished_at": case((Job.stop_asked, moment), else_=None),
        "sent_at": None,
        "lease_until": None,
        "progress": None,
        "message": "",
    }


def unsent(patience: timedelta) -> Select[str, int]:
    """Ids and priorities of due jobs that the queue was not told of, or told of so long ago; the
    most urgent and then the oldest first."""
    untold = or_(Job.sent_at.is_(None), Job.sent_at < now() - patience)
    due = (Job.status == "queued", Job.run_at <= now(), untold)
    return select(Job.id, Job.priority).where(*due).order_by(Job.priority.desc(), Job.run_at)
