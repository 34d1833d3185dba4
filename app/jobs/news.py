"""Telling people that a task of theirs has ended, on whatever page they are: each browser once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, request, url_for
from flask_login import current_user
from sqlalchemy import Row, Select, Update, func, select, true
from sqlalchemy.exc import OperationalError, TimeoutError

from app import told
from app.extensions import db
from app.jobs.models import Job, JobLog, for_operators
from app.jobs.running import impatient
from app.users.models import User

MOST_TOASTS = 3
LONGEST_SENTENCE = 200
STOPPED_BY = "Asked to stop by "  # as a cancelled job's log has it


@dataclass(frozen=True)
class News:
    """How many tasks wait or run, what to say of those that ended, and whose page this is."""

    open: int = 0
    toasts: tuple[dict[str, str], ...] = ()
    here: str | None = None


def latest() -> News:
    """What the person is to be told on this page, by one query; nothing of strangers.

    A GET may note one thing: that this was told. Anything else of the request is not touched by
    that, and what only asks (HEAD) or is about to change something is told nothing.
    """
    if "news" not in g:
        g.news = look_up() if current_user.is_authenticated else News()
    news: News = g.news
    return news


def look_up() -> News:
    browser = told.find()
    if browser is None:
        return News()
    me, here = current_user, task_of_this_page()
    rows = db.session.execute(of_person(me, browser.until, here)).all()
    ended = [row for row in rows if row.id]
    is_mine = request.method == "GET" and ended and note(browser.moved(newest(ended)))
    return News(rows[0].open, toasts_of(ended, here) if is_mine else (), here)


def task_of_this_page() -> str | None:
    """The task that the person sees end anyway; what asks from its page says so."""
    if request.endpoint == "jobs.news":
        return request.args.get("here")
    return (request.view_args or {}).get("id") if request.endpoint == "jobs.show" else None


def of_person(me: User, since: datetime, here: str | None) -> Select[Any]:
    """How many tasks of theirs are ``open``, and the newest that ended ``since``, with the number
    of ``all`` of these; that of this page comes first.
    """
    goes_on = (Job.owner_id == me.id, Job.finished_at.is_(None))  # as the index has it
    mine = select(func.count().label("open")).where(*goes_on)
    still = mine.subquery()
    ends = ended_of(me, since)
    if not me.is_superuser:
        ends = ends.where(Job.task.not_in(for_operators()))
    ends = ends.order_by((Job.id == (here or "")).desc(), Job.finished_at.desc())
    last = ends.limit(MOST_TOASTS + 1).subquery()
    return select(still.c.open, last).select_from(still).outerjoin(last, true())


def ended_of(me: User, since: datetime) -> Select[Any]:
    """Those that ended, but for what they stopped themselves."""
    facts: tuple[Any, ...] = (Job.id, Job.task, Job.name, Job.status, Job.error, Job.finished_at)
    total = func.count().over().label("all")
    mine = (Job.owner_id == me.id, Job.finished_at > since)
    by_themselves = func.coalesce(who_stopped(), "") == STOPPED_BY + me.username
    return select(*facts, total).where(*mine, (Job.status != "cancelled") | ~by_themselves)


def who_stopped() -> Any:
    """The last line of a task's log that says who asked it to stop."""
    says = (JobLog.job_id == Job.id, JobLog.text.startswith(STOPPED_BY))
    last = select(JobLog.text).where(*says).order_by(JobLog.id.desc()).limit(1)
    return last.correlate(Job).scalar_subquery()


def newest(ended: list[Row[Any]]) -> datetime:
    return max(row.finished_at for row in ended)


def note(moved: Update) -> bool:
    """Note that this was told, in a transaction of its own: the page is not done with its own yet.

    False when another tab was faster, or when the database is too busy to be waited for: then the
    next page tells it.
    """
    try:
        with db.engine.begin() as connection, impatient(connection):
            return bool(connection.execute(moved).rowcount)
    except (OperationalError, TimeoutError):
        return False


def toasts_of(ended: list[Row[Any]], here: str | None) -> tuple[dict[str, str], ...]:
    """A sentence each, the oldest first; of more than a few, one for all."""
    elsewhere = [row for row in ended if row.id != here]
    total = ended[0].all - (len(ended) - len(elsewhere))
    if total > MOST_TOASTS:
        text = f"{total:,} tasks have ended"
        return ({"text": text, "url": url_for("jobs.index"), "link": "View tasks"},)
    return tuple(map(toast_of, reversed(elsewhere)))


def toast_of(row: Row[Any]) -> dict[str, str]:
    title = Job(task=row.task, name=row.name).title
    text = {
        "succeeded": f"{title} is done",
        "cancelled": f"{title} was cancelled",
    }.get(row.status, f"{title} failed: {shortened(row.error or 'no reason is known.')}")
    return {"text": text, "url": url_for("jobs.show", id=row.id), "link": "View task"}


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 1]}…"
