"""Jobs as they stand after a while, for the operators' tests."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import insert

from app.database import now
from app.extensions import db
from app.jobs.models import Job
from app.jobs.workers import Worker
from tests.jobs.deeds import change, start


def job(app: Flask, status: str, username: str = "bob", called: str = "", **values: Any) -> str:
    """A job in that state, begun ten seconds ago after it had waited for one; its id."""
    identifier = start(app, "demonstration", username, called)
    moment = now()
    due, began = moment - timedelta(seconds=11), moment - timedelta(seconds=10)
    ended = None if status in ("queued", "running") else moment
    times = {"run_at": due, "started_at": began, "finished_at": ended}
    error = "Mail server refused the connection" if status in ("failed", "dead") else None
    facts = {"status": status, "attempt": 3, "error": error, **times}
    change(app, identifier, **{**facts, **values})
    app.extensions["queue"][0].storage.flush_all()
    return identifier


def crowd(app: Flask, number: int, **values: Any) -> None:
    """So many failed jobs at once, behind the back of every door."""
    failed = {"status": "failed", "attempt": 3, "attempts": 3, "finished_at": now(), "error": "No"}
    facts = {"task": "demonstration", "arguments": {}, "steps": [], **failed, **values}
    with app.app_context():
        db.session.execute(insert(Job), [{"id": f"{each:032x}", **facts} for each in range(number)])
        db.session.commit()


def at_work(app: Flask, identifier: str = "w1", threads: int = 4) -> None:
    """A worker that was heard of just now."""
    with app.app_context():
        db.session.add(Worker(id=identifier, host="engine-room", pid=4711, threads=threads))
        db.session.commit()
