"""Jobs as operators look for them: by state, by words, by kind of work, in an order."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import defer, joinedload, lazyload

from app import search
from app.counting import Total, totals
from app.extensions import db
from app.jobs.models import OPEN, STATUSES, Job
from app.keyset import Order
from app.ordering import LONG_AGO, caseless
from app.tasks import TASKS
from app.users.models import User

VIEWS = {
    "": "All",
    "queued": "Queued",
    "running": "Running",
    "failed": "Failed",
    "dead": "Dead",
    "succeeded": "Succeeded",
    "cancelled": "Cancelled",
}
SORTS = ("when", "job", "tries")
# What a list does not show, and what may be large.
UNSEEN = (Job.arguments, Job.result, Job.details, Job.steps)


def matching(state: str, q: str, task: str) -> Select[Any]:
    """The jobs, in no order, each with its owner."""
    owner = joinedload(Job.owner).options(lazyload(User.tier))
    found = select(Job).options(owner, *(defer(column) for column in UNSEEN))
    return found.where(*of_state(state), *conditions(q, task))


def counts(q: str, task: str) -> dict[str, Total]:
    """How many there are in each view."""
    found = counted(q, task) if q else counted_up_to(task)
    every = sum(found.values(), Total(0))
    return {**dict.fromkeys(VIEWS, Total(0)), **found, "": every}


def counted(q: str, task: str) -> dict[str, Total]:
    """By one look through the jobs that words are looked for in."""
    grouped = select(Job.status, func.count()).where(*conditions(q, task)).group_by(Job.status)
    return {status: Total(many) for status, many in db.session.execute(grouped)}


def counted_up_to(task: str) -> dict[str, Total]:
    lists = [select(Job.id).where(*of_state(each), *conditions("", task)) for each in STATUSES]
    return dict(zip(STATUSES, totals(lists), strict=True))


def newer(state: str, q: str, task: str, since: datetime) -> int:
    """How many came into a view after ``since``."""
    column = Job.created_at if state == "queued" else moment_of(state)
    where = (*of_state(state), *conditions(q, task), column > since)
    return db.session.scalar(select(func.count(Job.id)).where(*where)) or 0


def of_state(state: str) -> list[ColumnElement[bool]]:
    return [Job.status == state] if state else []


def conditions(q: str, task: str) -> list[ColumnElement[bool]]:
    """That each word is in the job's name or kind, or in who asked for it, or begins its id; of the
    newest jobs, if there are very many.
    """
    found = [has_word(word.lower()) for word in q.split()[: search.MOST_WORDS]]
    if found:
        found.append(Job.created_at >= func.coalesce(created(search.NEWEST - 1), LONG_AGO))
    return [*found, Job.task == task] if task else found


def is_bounded() -> bool:
    """Whether a search passes over old jobs."""
    return db.session.scalar(select(created(search.NEWEST))) is not None


def created(place: int) -> Any:
    """When the job at that place from the newest, which is 0, was asked for; NULL without one."""
    newest = select(Job.created_at).order_by(Job.created_at.desc(), Job.id.desc())
    return newest.offset(place).limit(1).scalar_subquery()


def has_word(word: str) -> ColumnElement[bool]:
    kinds = [name for name, kind in TASKS.items() if word in f"{name} {kind.title}".lower()]
    named = func.lower(User.name).contains(word, autoescape=True)
    people = select(User.id).where(or_(User.username.contains(word, autoescape=True), named))
    return or_(
        Job.id.startswith(word, autoescape=True),
        func.lower(Job.name).contains(word, autoescape=True),
        Job.task.contains(word, autoescape=True),
        Job.task.in_(kinds),
        Job.owner_id.in_(people),
    )


def moment_of(state: str) -> Any:
    """What "when" means in a view; where it is the end, every job there has one."""
    if state in OPEN:
        return {"queued": Job.run_at, "running": Job.started_at}[state]
    return Job.finished_at if state else Job.created_at


def order(state: str, sort: str) -> Order:
    """The order asked for; the newest first, if nothing is."""
    by: dict[str, Any] = {"job": caseless(Job.task), "tries": Job.attempt}
    column = by.get(sort.lstrip("-"), moment_of(state))
    descending = sort.startswith("-") or sort.lstrip("-") not in SORTS
    return Order((column, Job.id), descending)


def usual_sort(state: str) -> str:
    """What waits is read from the one that is next; everything else from the newest."""
    return "when" if state == "queued" else "-when"
