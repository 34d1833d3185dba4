"""The operators' dashboard: what waits, runs and failed, and doing something about one job.

More doors: bulk_pages (many at once), queue_pages (queues and schedules).
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from app import search
from app.access import operators_only
from app.context import counts_for
from app.database import now
from app.errors import Missing
from app.extensions import db
from app.htmx import Toast, announcing, redirect_with, render, swap_or_redirect, wants_part
from app.jobs import agenda, bulk, found
from app.jobs.board import figures, trouble
from app.jobs.forms import plain
from app.jobs.models import Job
from app.jobs.workers import Queue, Worker
from app.paging import Page, Wanted
from app.tasks import TASKS
from app.words import count

board = Blueprint("board", __name__, url_prefix="/jobs")
counts_for("board.index")(trouble)

ORDERS = {order for sort in found.SORTS for order in (sort, f"-{sort}")}
PACES = {"5": "Every 5 seconds", "30": "Every 30 seconds", "off": "Paused"}
MOST_SECONDS = 4_000_000_000  # that a moment in an address can be


@board.get("")
@operators_only
def index() -> ResponseReturnValue:
    context = listing()
    if wants_part():
        return announcing(part_of(context), said_of(context["page"]))
    return render_template("jobs/board.html", **context, **live(context["asked"]))


def part_of(context: dict[str, Any]) -> str:
    """The list; and what is drawn anew by itself, where another pace was chosen for that."""
    html = render_template("jobs/_found.html", **context)
    before = parse_qs(urlsplit(request.headers.get("HX-Current-URL", "")[:4000]).query)
    if before.get("refresh", ["5"])[0] == context["asked"]["refresh"]:
        return html
    return html + render_template("jobs/_pace.html", **context, **live(context["asked"]))


def said_of(page: Page) -> str:
    if page.number > 1:
        return f"Page {page.number} of {page.in_pages}"
    return f"{page.in_all.count('job')} found" if page.total else "No jobs match"


def asked() -> dict[str, str]:
    """What the address asks for; whatever is not known means the usual."""
    words = {name: plain(request.args.get(name))[:100] for name in ("q", "task")}
    state, sort, pace = (request.args.get(name, "") for name in ("state", "sort", "refresh"))
    state = state if state in found.VIEWS else ""
    sort = sort if sort in ORDERS else found.usual_sort(state)
    return {**words, "state": state, "sort": sort, "refresh": pace if pace in PACES else "5"}


def address(asked: dict[str, str], endpoint: str = "board.index", **changes: Any) -> str:
    """The list as it is on screen, but for ``changes``; what is usual is left out."""
    wanted = {key: str(value) for key, value in {**asked, **changes}.items()}
    usual = {"sort": found.usual_sort(wanted["state"]), "page": "1", "refresh": "5"}
    if "state" in changes and "sort" not in changes:
        del wanted["sort"]  # "when" is something else there
    kept: dict[str, Any] = {
        key: value for key, value in wanted.items() if value and usual.get(key) != value
    }
    return url_for(endpoint, **kept)


def listing(arrived: bool = False) -> dict[str, Any]:
    """What the list shows."""
    wanted = asked()
    state, q, task = wanted["state"], wanted["q"], wanted["task"]
    counts = found.counts(q, task)
    jobs, order = found.matching(state, q, task), found.order(state, wanted["sort"])
    page = Page.of(jobs, order, counts[state], Wanted.by_address())
    return {
        "asked": wanted,
        "address": partial(address, wanted),
        "counts": counts,
        "page": page,
        "looked_at": search.NEWEST if q and found.is_bounded() else None,
        "deeds": bulk.deeds_for(state),
        "kinds": sorted((kind.title, name) for name, kind in TASKS.items()),
        "views": found.VIEWS,
        "drawn": now().timestamp(),
        "arrived": arrived,
        "focus": False,
        **about(page.items),
    }


def about(jobs: Any) -> dict[str, Any]:
    """What rows need to know beside their jobs."""
    at_work = {job.worker for job in jobs if job.status == "running"}
    workers = db.session.scalars(select(Worker).where(Worker.id.in_(at_work))) if at_work else ()
    return {
        "workers": {worker.id: worker for worker in workers},
        "stopped": set(db.session.scalars(Queue.paused())),
        "deeds_for": bulk.deeds_for,
        "asked_by": asked_by,
    }


def asked_by(job: Job) -> str:
    """Who started it, in a word."""
    if job.owner:
        return job.owner.username
    if job.is_strangers:
        return "a stranger"
    return "schedule" if job.task in TASKS and TASKS[job.task].schedule else "system"


def live(asked: dict[str, str]) -> dict[str, Any]:
    """The figures, and how often they are asked for again."""
    return {
        "turns": agenda.agenda(),
        "pressed": None,
        "paces": PACES,
        "pace": asked["refresh"],
        **figures(),
    }


@board.get("/summary")
@operators_only
def summary() -> ResponseReturnValue:
    """The figures anew, and whether the list has changed: asked for by the page itself."""
    wanted = asked()
    if not wants_part():
        return redirect_with(address(wanted))
    state, q, task = wanted["state"], wanted["q"], wanted["task"]
    context: dict[str, Any] = {"asked": wanted, "address": partial(address, wanted)}
    context |= {"counts": found.counts(q, task), "views": found.VIEWS, **live(wanted)}
    context["newer"] = found.newer(state, q, task, moment("drawn"))
    html = render("jobs/board.html", "jobs/_summary.html", **context)
    more = context["today"][0] - whole("failed", context["today"][0])
    return announcing(html, f"{count(more, 'more job', 'more jobs')} failed") if more > 0 else html


def whole(name: str, otherwise: int) -> int:
    """A number of the address."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def moment(name: str) -> datetime:
    """A time that this page itself was given, as seconds; now, if it is none."""
    try:
        seconds = float(request.values.get(name, ""))
    except ValueError:
        return now()
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < MOST_SECONDS else now()


@board.post("/<id>/retry")
@operators_only
def retry(id: str) -> ResponseReturnValue:
    return done_to(id, "retry")


@board.post("/<id>/discard")
@operators_only
def discard(id: str) -> ResponseReturnValue:
    return done_to(id, "discard")


@board.post("/<id>/cancel")
@operators_only
def cancel(id: str) -> ResponseReturnValue:
    return done_to(id, "cancel")


def done_to(identifier: str, name: str) -> ResponseReturnValue:
    """One job, done as the button in its row says; the row shows what it is now."""
    job = db.session.get(Job, identifier)
    if job is None:
        raise Missing("There is no job with that number any more.")
    deed = bulk.DEEDS[name]
    done = bulk.do(deed, [job.id], current_user.username)
    if done:
        bulk.on_record(deed, f"{job.title}, {job.id[:6]}")
    db.session.commit()
    bulk.tell(deed, done)
    text = f"{job.title} {deed.done}" if done else f"{job.title} had changed: nothing was done"
    wanted = asked()
    context = {"asked": wanted, "job": job, "focus": True, **about([job])}
    return swap_or_redirect(
        "jobs/_row.html", address(wanted, **Wanted.by_address().place), Toast(text), **context
    )
