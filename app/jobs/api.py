"""Tasks, for programs: start one, and see how far it is. Strangers may too, limited by address."""

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
from app.jobs.models import STRANGERS, Job
from app.jobs.tasks import demonstration
from app.programs import Problem, problem, wrong
from app.tiers.marking import limited
from app.users.models import User

jobs_api = Blueprint("jobs_api", __name__, url_prefix="/api/v1/tasks/task")

MOST_OF_STRANGERS, RETRY_SECONDS = 100, 60
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
    """How far a task is: to its owner, to operators; a stranger's to whoever has its id."""
    job = db.session.get(Job, id)
    if job is None or not may_read(job):
        raise Problem(404, "There is no task with that id.")
    return jsonify(as_json(job))


def may_read(job: Job) -> bool:
    is_theirs: bool = current_user.is_authenticated and job.can_be_seen_by(current_user)
    return is_theirs or job.is_strangers


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
