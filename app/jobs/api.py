"""Tasks, for programs: start one, see how far it is, stop it, try it again. Strangers may too,
limited by address.
"""

import hashlib
import hmac
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Blueprint, current_app, url_for
from flask_login import current_user
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from app.access import open_to_strangers
from app.extensions import db, throttled_address
from app.jobs import engine
from app.jobs.bulk import CANCEL, RETRY, keep
from app.jobs.forms import LONGEST_NAME, TOO_LONG, plain
from app.jobs.models import AGAIN, STRANGERS, Job
from app.jobs.tasks import demonstration
from app.operations import NO_ZERO, Shown, idempotency_key, operation
from app.programs import Problem
from app.tiers.marking import limited
from app.users.models import User

jobs_api = Blueprint("jobs_api", __name__, url_prefix="/api/v1/tasks/task")

MOST_OF_STRANGERS, RETRY_SECONDS = 100, 60
NOTHING_TO_CANCEL = "This task has ended; there is nothing to cancel."
NOT_ENDED = "This task waits or runs. It can be tried again once it has failed."
SUCCEEDED = "This task succeeded; there is nothing to try again."
CROWDED = "Too many tasks of people who are not signed in wait. Sign in, or try again in a minute."


def short(text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise PydanticCustomError("string_too_long", TOO_LONG)
    return text


class Start(BaseModel):
    """What the new task is called."""

    message: Annotated[
        str, AfterValidator(short), Field(json_schema_extra={"maxLength": 120, **NO_ZERO})
    ]


class Started(Shown):
    """The number of a task, by which it is found again."""

    id: str


class TaskRead(Shown):  # type: ignore[no-redef]
    """How far a task is; times in UTC."""

    id: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    status: Literal["queued", "running", "succeeded", "failed", "dead", "cancelled"]
    progress: int | None = Field(description="0 to 100; null while unknown.")
    result: Any
    error: str | None
    enqueue_time: datetime
    start_time: datetime | None
    finish_time: datetime | None
    success: bool | None = Field(description="null while it waits or runs.")
    job_try: int

    @classmethod
    def of(cls, job: Job) -> "TaskRead":
        """A job as programs read it."""
        same = ("id", "status", "progress", "result", "error")
        return cls(
            **{name: getattr(job, name) for name in same},
            function=job.task,
            args=[job.name] if job.name else [],
            kwargs=job.arguments,
            enqueue_time=job.created_at,
            start_time=job.started_at,
            finish_time=job.finished_at,
            success=None if job.is_open else job.status == "succeeded",
            job_try=job.attempt,
        )


@jobs_api.post("")
@limited(group="jobs.start")
@open_to_strangers
@operation("Tasks", query=Start, gives=Started, status=201, keyed=True)
def start(query: Start) -> tuple[Started, str]:
    """Start the demonstration, named by ``message``; once for each ``Idempotency-Key``."""
    owner = current_user._get_current_object() if current_user.is_authenticated else None
    if owner is None:
        keep_out_a_crowd()
    name = plain(query.message)
    job = engine.start(demonstration.options(owner=owner, name=name, once=once_key(owner)))
    return Started(id=job.id), url_for(".show", id=job.id)


def keep_out_a_crowd() -> None:
    """Raise Problem while strangers wait for as much as they may together: addresses are cheap, and
    mails and the work of people go through the same queue.
    """
    some = db.session.scalars(Job.open_of_strangers().limit(MOST_OF_STRANGERS)).all()
    if len(some) >= MOST_OF_STRANGERS:
        raise Problem(503, CROWDED, RETRY_SECONDS)


def once_key(owner: User | None) -> str:
    """The same for the same caller and Idempotency-Key, another each time without one.

    Nobody can make it up: the id by which a stranger's task is found comes from it.
    """
    caller = f"user:{owner.uuid}" if owner else f"{STRANGERS}{throttled_address()}"
    said = idempotency_key() or uuid.uuid4().hex
    secret = str(current_app.secret_key).encode()
    digest = hmac.new(secret, f"task/{caller}/{said}".encode(), hashlib.sha256)
    return f"{caller.partition(':')[0]}:{digest.hexdigest()}"


@jobs_api.get("/<id>")
@open_to_strangers
@operation("Tasks", gives=TaskRead)
def show(id: str) -> TaskRead:
    """How far a task is."""
    return TaskRead.of(reachable(id))


@jobs_api.post("/<id>/cancel")
@open_to_strangers
@operation("Tasks", gives=TaskRead)
def cancel(id: str) -> TaskRead:
    """Stop a task: at once while it waits, else at its next report. Asking twice is harmless."""
    job = reachable(id)
    if not job.is_open:
        raise Problem(409, NOTHING_TO_CANCEL)
    keep(CANCEL, [job.id], whoever_asks())
    if not job.stop_asked:  # it was faster
        raise Problem(409, NOTHING_TO_CANCEL)
    return TaskRead.of(job)


@jobs_api.post("/<id>/retry")
@limited(group="jobs.start")
@open_to_strangers
@operation("Tasks", gives=TaskRead)
def retry(id: str) -> TaskRead:
    """Queue a task again that ended without success. It counts as a start, as on the page."""
    job = reachable(id)
    if job.status not in AGAIN:
        raise Problem(409, NOT_ENDED if job.is_open else SUCCEEDED)
    if job.is_strangers:
        keep_out_a_crowd()
    keep(RETRY, [job.id], whoever_asks())
    return TaskRead.of(job)


def whoever_asks() -> str:
    return current_user.username if current_user.is_authenticated else "a stranger"


def reachable(id: str) -> Job:
    """The task, for its owner and for operators; a stranger's for whoever has its id.

    Raises Problem 404 as if there were none.
    """
    job = db.session.get(Job, id)
    if job is None or not is_theirs(job):
        raise Problem(404, "There is no task with that id.")
    return job


def is_theirs(job: Job) -> bool:
    may_see: bool = current_user.is_authenticated and job.can_be_seen_by(current_user)
    return may_see or job.is_strangers
