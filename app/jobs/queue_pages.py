"""Pausing a queue, letting it go on, and having scheduled work done now."""

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import operators_only
from app.audit.trail import record
from app.errors import Missing
from app.extensions import db
from app.htmx import Toast, page_before, redirect_with, swap_or_redirect
from app.jobs import queues
from app.jobs.board_pages import asked, board, live
from app.tasks import TASKS


@board.post("/queues/<name>/pause")
@operators_only
def pause(name: str) -> ResponseReturnValue:
    if not queues.is_there(name):
        raise Missing("There is no queue of that name.")
    done = queues.pause(name, current_user)
    db.session.commit()
    if not done:
        return shown(name, Toast(f"The queue {name} was paused before"))
    undo = url_for(".resume", name=name)
    return shown(name, Toast(f"The queue {name} is paused", undo, {"undo": "1"}))


@board.post("/queues/<name>/resume")
@operators_only
def resume(name: str) -> ResponseReturnValue:
    if not queues.is_there(name):
        raise Missing("There is no queue of that name.")
    done = queues.resume(name, current_user)
    db.session.commit()
    return shown(name, Toast(f"The queue {name} {'goes on' if done else 'was not paused'}"))


def shown(name: str, toast: Toast) -> ResponseReturnValue:
    place = page_before(url_for(".index"))
    return swap_or_redirect("jobs/_queues.html", place, toast, **{**live(asked()), "pressed": name})


@board.post("/schedules/<name>/run")
@operators_only
def run_now(name: str) -> ResponseReturnValue:
    """Ask for the work once, beside its turns."""
    kind = TASKS.get(name)
    if kind is None or not kind.schedule:
        raise Missing("There is no scheduled work of that name.")
    job = kind.options(owner=current_user._get_current_object()).enqueue()
    record("schedule.run", detail=kind.title)
    db.session.commit()
    return redirect_with(url_for("jobs.show", id=job.id))
