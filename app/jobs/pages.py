"""Tasks, for the people who start them: start, watch, stop, try again, download."""

from mimetypes import guess_type
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import sign_in_required
from app.counting import total
from app.database import now
from app.errors import Missing
from app.extensions import db
from app.htmx import Toast, announcing, redirect_with, render, swap_or_redirect, wants_part
from app.jobs import engine, queues
from app.jobs.bulk import CANCEL, RETRY, keep
from app.jobs.forms import StartForm
from app.jobs.models import Job, JobLog
from app.jobs.news import News, latest
from app.jobs.workers import Worker
from app.keyset import Order
from app.paging import Page, Wanted
from app.tasks import TASKS
from app.tiers.limits import caller_of, standing
from app.tiers.marking import limited
from app.tiers.routes import limited_routes
from app.words import count

NEWEST_FIRST = Order((Job.created_at, Job.id), descending=True)

jobs = Blueprint("jobs", __name__, url_prefix="/tasks")
# Every page of a person draws the news; the layout knows no feature, so it is handed in here.
jobs.app_context_processor(lambda: {"news": latest})


@jobs.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    mine = Job.of(current_user)
    page = Page.of(mine, NEWEST_FIRST, total(mine), Wanted.by_address())
    context = {"page": page, "form": StartForm(current_user), "standing": left_to_start()}
    return render("jobs/index.html", "jobs/_list.html", **context)


@jobs.post("")
@limited("Background tasks", again="start another task")
@sign_in_required
def start() -> ResponseReturnValue:
    form = StartForm(current_user)
    if not form.validate():
        context = {"form": form, "standing": left_to_start()}
        return render("jobs/new.html", "jobs/_start.html", **context), 422
    me, name = current_user._get_current_object(), form.message.data
    job = engine.start(TASKS[form.task.data].options(owner=me, name=name))
    return redirect_with(url_for(".show", id=job.id))


def left_to_start() -> Any:
    return standing(caller_of(current_user), limited_routes()["jobs.start"])


def visible(identifier: str) -> Job:
    """The job, if the signed-in person may see it; else 404, as if there were none."""
    job = db.session.get(Job, identifier)
    if job is None or not job.can_be_seen_by(current_user):
        kept = count(current_app.config["SETTINGS"].job_result_days, "day")
        raise Missing(f"There is no task with that number. Results are kept for {kept}.")
    return job


@jobs.get("/news")
@sign_in_required
def news() -> ResponseReturnValue:
    """How many tasks wait or run, for the menu of any page, and a toast for each that ended."""
    told = latest()
    return render_template("jobs/_news.html", told=told) + with_toasts(told)


def with_toasts(told: News) -> str:
    return render_template("_toasts.html", toasts=told.toasts) if told.toasts else ""


@jobs.get("/<id>")
@sign_in_required
def show(id: str) -> ResponseReturnValue:
    job = visible(id)
    html = render("jobs/show.html", "jobs/_job.html", **about(job))
    if wants_part() and not job.is_open:  # seen to end: told, together with whatever else ended
        html += with_toasts(latest())
    is_news = request.args.get("said") not in (None, job.milestone)
    return announcing(html, job.milestone) if is_news else html


def about(job: Job) -> dict[str, Any]:
    """What a job's page shows."""
    waits_alone = job.status == "queued" and not db.session.scalar(Worker.online().limit(1))
    lines = db.session.scalars(JobLog.of(job)).all()
    paused = job.status == "queued" and queues.is_paused(job.queue)
    facts = {"job": job, "lines": lines, "no_worker": waits_alone, "paused": paused}
    return {**facts, "focus": False, "now": now()}


@jobs.post("/<id>/cancel")
@sign_in_required
def cancel(id: str) -> ResponseReturnValue:
    job = visible(id)
    keep(CANCEL, [job.id], current_user.username)
    place = url_for(".show", id=id)
    return swap_or_redirect("jobs/_job.html", place, **{**about(job), "focus": True})


@jobs.post("/<id>/retry")
@limited(group="jobs.start")
@sign_in_required
def retry(id: str) -> ResponseReturnValue:
    job = visible(id)
    keep(RETRY, [job.id], current_user.username)
    place = url_for(".show", id=id)
    toast = Toast(f"{job.title} is queued again") if job.is_open else None
    return swap_or_redirect("jobs/_job.html", place, toast, **{**about(job), "focus": True})


@jobs.get("/<id>/file")
@sign_in_required
def download(id: str) -> ResponseReturnValue:
    job = visible(id)
    if not job.has_file or job.file_name is None:
        abort(404)
    kind = guess_type(job.file_name)[0] or "application/octet-stream"
    response = Response(stream_with_context(engine.file_of(job)), mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=job.file_name)
    return response
