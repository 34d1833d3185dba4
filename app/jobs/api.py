"""Tasks, for programs: start one, see how far it is, stop it, try it again. Strangers may too,
limited by address.
"""

import hashlib
import hmac
import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import open_to_strangers
from app.extensions import db, throttled_address
from app.jobs import engine
from app.jobs.forms import LONGEST_NAME, TOO_LONG, plain
from app.jobs.models import AGAIN, STRANGERS, Job, outsider
from app.jobs.tasks import demonstration
from app.programs import Problem, problem, wrong
from app.tiers.marking import limited
from app.users.models import User

jobs_api = Blueprint("jobs_api", __name__, url_prefix="/api/v1/tasks/task")

MOST_OF_STRANGERS, RETRY_SECONDS = 100, 60
NOTHING_TO_CANCEL = "This task has ended; there is nothing to cancel."
NOT_ENDED = "This task waits or runs. It can be tried again once it has failed."
SUCCEEDED = "This task succeeded; there is nothing to try again."
CROWDED = "Too many tasks of people who are not signed in wait. Sign in, or try again in a minute."


@jobs_api.post("")
@limited(group="jobs.start")
@open_to_strangers
def start() -> ResponseReturnValue:
    """Start the demonstration, named by ``message``; once for each ``Idempotency-Key``."""
    owner = current_user._get_current_object() if current_user.is_authenticated else None
    if owner is None and are_too_many():
        return come_back_later()
    asking = demonstration.options(owner=owner, name=message(), once=once_key(owner))
    job = engine.start(asking)
    return jsonify(id=job.id), 201, {"Location": url_for(".show", id=job.id)}


def are_too_many() -> bool:
    """Whether strangers wait for as much as they may together: addresses are cheap, and mails and
    the work of people go through the same queue.
    """
    some = db.session.scalars(Job.open_of_strangers().limit(MOST_OF_STRANGERS)).all()
    return len(some) >= MOST_OF_STRANGERS


def come_back_later() -> ResponseReturnValue:
    return problem(503, CROWDED), {"Retry-After": str(RETRY_SECONDS)}


def message() -> str:
    """The name that the task is to have. Raises Problem."""
    sent = request.args.get("message")
    if sent is None:
        raise Problem(422, [wrong(("message",), "Field required", "missing", "query")])
    if len(plain(sent)) > LONGEST_NAME:
        raise Problem(422, [wrong(("message",), TOO_LONG, "string_too_long", "query")])
    return plain(sent)


def once_key(owner: User | None) -> str:
    """The same for the same caller and Idempotency-Key, another each time without one.

    Nobody can make it up: the id by which a stranger's task is found comes from it.
    """
    caller = f"user:{owner.uuid}" if owner else f"{STRANGERS}{throttled_address()}"
    said = request.headers.get("Idempotency-Key") or uuid.uuid4().hex
    secret = str(current_app.secret_key).encode()
    digest = hmac.new(secret, f"task/{caller}/{said}".encode(), hashlib.sha256)
    return f"{caller.partition(':')[0]}:{digest.hexdigest()}"


@jobs_api.get("/<id>")
@open_to_strangers
def show(id: str) -> ResponseReturnValue:
    """How far a task is."""
    return jsonify(as_json(reachable(id)))


@jobs_api.post("/<id>/cancel")
@open_to_strangers
def cancel(id: str) -> ResponseReturnValue:
    """Stop a task: at once while it waits, else at its next report. Asking twice is harmless."""
    job = reachable(id)
    if not job.is_open:
        raise Problem(409, NOTHING_TO_CANCEL)
    engine.cancel(job, by=whoever_asks())
    if not job.stop_asked:  # it was faster
        raise Problem(409, NOTHING_TO_CANCEL)
    return jsonify(as_json(job))


@jobs_api.post("/<id>/retry")
@limited(group="jobs.start")
@open_to_strangers
def retry(id: str) -> ResponseReturnValue:
    """Queue a task again that ended without success. It counts as a start, as on the page."""
    job = reachable(id)
    if job.status not in AGAIN:
        raise Problem(409, NOT_ENDED if job.is_open else SUCCEEDED)
    if job.is_strangers and are_too_many():
        return come_back_later()
    engine.retry(job, by=whoever_asks())
    return jsonify(as_json(job))


def whoever_asks() -> User:
    me: User = current_user._get_current_object()
    return me if me.is_authenticated else outsider("a stranger")


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


def as_json(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "function": job.task,
        "args": [job.name] if job.name else [],
        "kwargs": job.arguments,
        "status": job.status,
        "progress": job.progress,
        "result": job.result,
        "error": job.error,
        "enqueue_time": told(job.created_at),
        "start_time": told(job.started_at),
        "finish_time": told(job.finished_at),
        "success": None if job.is_open else job.status == "succeeded",
        "job_try": job.attempt,
    }


def told(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
