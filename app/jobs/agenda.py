"""What comes again: the work with a schedule and the housekeeping, as operators read it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cronsim import CronSim
from sqlalchemy import select

from app.database import now
from app.extensions import db
from app.jobs.schedules import EVERY_FIVE_MINUTES, next_turn
from app.jobs.workers import Schedule
from app.tasks import HOUSEKEEPING, TASKS
from app.words import count


@dataclass(frozen=True)
class Turn:
    """One thing that comes again; ``task`` names the kind of work, if it can be started now."""

    title: str
    rule: str
    last_at: datetime | None
    next_at: datetime
    task: str = ""

    @property
    def words(self) -> str:
        """The rule as people say it, in UTC."""
        minutes = re.fullmatch(r"\*/(\d+) \* \* \* \*", self.rule)
        if minutes:
            return f"Every {count(int(minutes.group(1)), 'minute')}"
        return f"{CronSim(self.rule, now()).explain()}, UTC"


def agenda() -> list[Turn]:
    """All of it; the work with a schedule first."""
    noted = {row.name: row for row in db.session.scalars(select(Schedule))}
    return [*scheduled(noted), *kept_house(noted)]


def scheduled(noted: dict[str, Schedule]) -> Iterator[Turn]:
    for kind in TASKS.values():
        if kind.schedule:
            yield turn(noted.get(kind.name), kind.title, kind.schedule, kind.name)


def kept_house(noted: dict[str, Schedule]) -> Iterator[Turn]:
    for function in HOUSEKEEPING:
        row = noted.get(f"{function.__module__}.{function.__name__}"[-100:])
        yield turn(row, title_of(function), EVERY_FIVE_MINUTES)


def turn(row: Schedule | None, title: str, rule: str, task: str = "") -> Turn:
    is_noted = row is not None and row.rule == rule
    return Turn(
        title,
        rule,
        row.last_at if row else None,
        row.next_at if is_noted and row else next_turn(rule),
        task,
    )


def title_of(function: Callable[[], None]) -> str:
    return function.__name__.replace("_", " ").capitalize()
