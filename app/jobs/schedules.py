"""Work that comes again: each turn is had by one worker, however many there are."""

from datetime import datetime
from typing import Any

from cronsim import CronSim
from sqlalchemy import String, Update, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.database import now
from app.extensions import Model, db
from app.tasks import HOUSEKEEPING, TASKS, Task

EVERY_FIVE_MINUTES = "*/5 * * * *"


class Schedule(Model):
    """When a kind of work comes next. Whoever moves ``next_at`` on has the turn.

    ``rule`` is a line of cron, in UTC.
    """

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    rule: Mapped[str] = mapped_column(String(100))
    next_at: Mapped[datetime]
    last_at: Mapped[datetime | None]

    def moved_on(self) -> Update:
        """Take the turn that is due; of many at once, one changes the row."""
        mine = (Schedule.name == self.name, Schedule.next_at == self.next_at)
        return update(Schedule).where(*mine).values(next_at=next_turn(self.rule), last_at=now())


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
            function()


def has_turn(name: str, rule: str) -> bool:
    """Whether the work of that name is to be done now, by us. The caller commits."""
    there = db.session.get(Schedule, name, populate_existing=True)
    if there is None or there.rule != rule:
        return begin(there, name, rule)
    if there.next_at > now():
        return False
    mine: Any = db.session.execute(there.moved_on().execution_options(synchronize_session=False))
    return bool(mine.rowcount)


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


def shown() -> list[tuple[Task, Schedule]]:
    """What is scheduled, by title, with its last and next turn."""
    rows = {row.name: row for row in db.session.query(Schedule)}
    kinds = sorted((kind for kind in TASKS.values() if kind.schedule), key=lambda kind: kind.title)
    return [(kind, rows[kind.name]) for kind in kinds if kind.name in rows]
