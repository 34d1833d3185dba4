"""The queues that jobs wait in. While one is paused nothing of it begins; what runs goes on."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.audit.trail import record
from app.database import now
from app.extensions import db
from app.jobs.models import OPEN, Job
from app.jobs.workers import Queue
from app.tasks import TASKS
from app.users.models import User


def is_paused(name: str) -> bool:
    return db.session.scalar(Queue.paused().where(Queue.name == name)) is not None


def declared() -> set[str]:
    """The names of those that a kind of work uses."""
    return {kind.queue for kind in TASKS.values()}


def is_there(name: str) -> bool:
    """Whether a kind of work uses it, or a job waits in it, or it is paused."""
    waits = select(Job.id).where(Job.queue == name, Job.status.in_(OPEN)).limit(1)
    return name in declared() or is_paused(name) or db.session.scalar(waits) is not None


def pause(name: str, by: User) -> bool:
    """Let nothing of the queue begin, on record; the caller commits. False when it was paused."""
    if not stop(name, by):
        return False
    record("queue.paused", actor=by.as_subject, detail=name)
    return True


def stop(name: str, by: User) -> bool:
    values = {"paused_at": now(), "paused_by": by.username}
    there = update(Queue).where(Queue.name == name, Queue.paused_at.is_(None)).values(**values)
    if changed(there):
        return True
    try:
        with db.session.begin_nested():
            db.session.add(Queue(name=name, **values))
    except IntegrityError:  # it is paused, perhaps by somebody else just now
        return False
    return True


def resume(name: str, by: User) -> bool:
    """Let the queue go on: what is due is sent by the next sweep. On record; the caller commits.

    False when it was not paused.
    """
    was_paused = (Queue.name == name, Queue.paused_at.is_not(None))
    if not changed(update(Queue).where(*was_paused).values(paused_at=None, paused_by="")):
        return False
    waits = (Job.queue == name, Job.status == "queued", Job.sent_at.is_not(None))
    changed(update(Job).where(*waits).values(sent_at=None))
    record("queue.resumed", actor=by.as_subject, detail=name)
    return True


def changed(change: Any) -> int:
    """How many rows it changed."""
    done: Any = db.session.execute(change.execution_options(synchronize_session=False))
    return int(done.rowcount)
