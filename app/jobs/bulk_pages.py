"""Many jobs at once: those that were ticked, or all that match the filters."""

from datetime import datetime
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import operators_only
from app.database import now
from app.errors import Missing, Refused
from app.extensions import db
from app.htmx import Toast, redirect_with, swap_or_redirect
from app.jobs import bulk
from app.jobs.board_pages import address, asked, board, listing, moment
from app.jobs.bulk_tasks import task_of
from app.paging import Wanted
from app.tasks import TASKS
from app.words import count


@board.post("/selection")
@operators_only
def change_selection() -> ResponseReturnValue:
    """Those that were ticked on a page of the list."""
    deed, ids = deed_of(request.form.get("deed", "")), set(request.form.getlist("id"))
    if not ids:
        raise Refused("Tick the jobs first that this is to be done to.")
    if len(ids) > bulk.DIRECTLY:
        raise Refused(f"Tick {bulk.DIRECTLY} jobs at most, or do it to all that match.")
    done = bulk.do(deed, ids, current_user.username)
    if done:
        first = ", ".join(sorted(identifier[:6] for identifier, _ in done))
        bulk.on_record(deed, f"{count(len(done), 'job')}: {first}")
    return told(deed, done, len(ids))


def deed_of(name: str) -> bulk.Deed:
    if name not in bulk.DEEDS:
        raise Missing("There is nothing of that name that could be done to jobs.")
    return bulk.DEEDS[name]


def told(deed: bulk.Deed, done: list[tuple[str, int]], of: int) -> ResponseReturnValue:
    """Commit, let the queue know, and say how it went above the list as it is now."""
    db.session.commit()
    bulk.tell(deed, done)
    toast = Toast(bulk.sentence(deed, len(done), of))
    place = address(asked(), **Wanted.by_address().place)
    return swap_or_redirect("jobs/_found.html", place, toast, **listing(arrived=True))


@board.get("/all")
@operators_only
def ask_about_all() -> ResponseReturnValue:
    """How many it would be, and which, before it is done to all that match."""
    deed, wanted = deed_of(request.args.get("deed", "")), asked()
    until = now()
    many = meant(deed, wanted, until)
    context = {"deed": deed, "asked": wanted, "many": many, "until": until.timestamp()}
    kinds = [(TASKS[task].title if task in TASKS else task, jobs) for task, jobs in many.kinds]
    back, door = address(wanted), address(wanted, "board.change_all")
    context |= {"total": many.total, "kinds": kinds, "back": back, "door": door}
    return render_template("jobs/all.html", **context, directly=bulk.DIRECTLY)


def meant(deed: bulk.Deed, wanted: dict[str, str], until: datetime) -> bulk.Many:
    """The jobs of a view that the deed fits. Raises Missing for another view."""
    if wanted["state"] not in deed.states:
        raise Missing(f"Only jobs of some views can be {deed.done}.")
    return bulk.Many(wanted["state"], wanted["q"], wanted["task"], until)


@board.post("/all")
@operators_only
def change_all() -> ResponseReturnValue:
    """All that match and did when the person was asked; more than a hundred as a job."""
    deed, wanted = deed_of(request.form.get("deed", "")), asked()
    many = meant(deed, wanted, min(moment("until"), now()))
    total = many.total
    if total > bulk.DIRECTLY:
        return as_a_job(deed, many, total)
    done = bulk.do(deed, db.session.scalars(many.ids()).all(), current_user.username)
    if done:
        bulk.on_record(deed, many.words(len(done)))
    return told(deed, done, total)


def as_a_job(deed: bulk.Deed, many: bulk.Many, total: int) -> ResponseReturnValue:
    me = current_user._get_current_object()
    name = f"{deed.verb} {many.words(total)}"[:120]
    facts: dict[str, Any] = {"state": many.state, "q": many.q, "kind": many.task}
    asking = task_of(deed).options(owner=me, name=name)
    job = asking.enqueue(by=me.username, until=many.until, **facts)
    bulk.on_record(deed, f"{many.words(total)}, by the job {job.id[:6]}")
    db.session.commit()
    return redirect_with(url_for("jobs.show", id=job.id))
