"""Work that comes again: each turn is had by one worker, however many there are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from cronsim import CronSim
from sqlalchemy import Update, update
from sqlalchemy.exc import IntegrityError

from app.database import now
from app.extensions import db
from app.jobs.workers import Schedule
from app.tasks import HOUSEKEEPING, TASKS

log = structlog.get_logger()

EVERY_FIVE_MINUTES = "*/5 * * * *"


def next_turn(rule: str) -> datetime:
    return next(CronSim(rule, now()))


def do_what_is_due() -> None:
    """Ask for the jobs whose time has come, and let features remove what is over; commits.

    A turn that was missed while no worker ran is had once, late.
    """
    for kind in [kind for kind in TASKS.values() if kind.schedule]:
        if has_turn(kind.name, kind.schedule):
            kind.enqueue()
        db.session.commit()
    for function in HOUSEKEEPING:
        mine = has_turn(f"{function.__module__}.{function.__name__}"[-100:], EVERY_FIVE_MINUTES)
        db.session.commit()
        if mine:
            call(function)


def call(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception as error:  # the others have a house to keep, too
        db.session.rollback()
        log.warning("worker.housekeeping_failed", of=function.__name__, error=type(error).__name__)


def has_turn(name: str, rule: str) -> bool:
    """Whether the work of that name is to be done now, by us. The caller commits."""
    there = db.session.get(Schedule, name, populate_existing=True)
    if there is None or there.rule != rule:
        return begin(there, name, rule)
    if there.next_at > now():
        return False
    mine: Any = db.session.execute(moved_on(there).execution_options(synchronize_session=False))
    return bool(mine.rowcount)


def moved_on(row: Schedule) -> Update:
    """Take the turn that is due; of many at once, one changes the row."""
    mine = (Schedule.name == row.name, Schedule.next_at == row.next_at)
    return update(Schedule).where(*mine).values(next_at=next_turn(row.rule), last_at=now())


def begin(there: Schedule | None, name: str, rule: str) -> bool:
    """Note when the first turn by this rule comes; another worker may have done so just now."""
    row = there or Schedule(name=name)
    row.rule, row.next_at = rule, next_turn(rule)
    db.session.add(row)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
    return False
