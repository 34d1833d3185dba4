"""What was used of the limits, by person, route and slice of the clock, for seven days.

Counting a call writes it down where the count is (Redis, or this process): that costs no round
trip and no query. ``settle`` brings it into the table: a worker does every few minutes, and a page
that looks at it, before it looks.
"""

import os
import re
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, Connection, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from app.counts import NOTES_SECONDS, Used
from app.extensions import counters, db
from app.tiers.models import Usage
from app.tiers.rules import LARGEST

log = structlog.get_logger()

SLICE_SECONDS = 300
KEPT = timedelta(days=7)
NUMBERS = ("calls", "refused")
KEYS = ("user_id", "route", "slice", "tier_id", "source")
SHARED = ""
WRITTEN = re.compile(r"[0-9]{1,9}/[0-9]{1,9}/[^\0]{1,200}")  # the rest is not ours
_process: dict[int, str] = {}


def slice_at(moment: float) -> int:
    """Where the slice around ``moment`` starts, in Unix seconds."""
    return int(moment // SLICE_SECONDS) * SLICE_SECONDS


def written(caller: str, tier_id: int | None, route: str) -> str:
    """Who called what, as it is written down beside the count; ``caller`` is "user:5"."""
    return f"{caller.rpartition(':')[2]}/{tier_id or 0}/{route}"


def settle() -> None:
    """Bring what is written down into the table, of slices that go on as well.

    Each slice is written with all that it is by now: doing it twice changes nothing.
    """
    settle_own()
    if not counters.knows_versions:
        return
    current = slice_at(counters.now())
    slices = range(current - NOTES_SECONDS, current + SLICE_SECONDS, SLICE_SECONDS)
    noted = counters.notes(list(slices))
    if counters.is_shared:  # else Redis went away just now, and these are this process's own
        store(noted, SHARED)
        for each in filter(partial(is_over, current), noted):
            counters.forget_notes(each)


def settle_own() -> None:
    """The same for what this process has counted alone."""
    noted, current = counters.own.all_notes(), slice_at(counters.now())
    store(noted, this_process())
    for each in filter(partial(is_over, current), noted):
        counters.own.forget_notes(each)


def settle_own_past() -> None:
    """Do so once a slice is over, since no worker can; a call goes on when it cannot be done."""
    oldest = counters.own.oldest_note
    if oldest is None or not is_over(slice_at(counters.now()), oldest):
        return
    try:
        settle_own()
    except SQLAlchemyError as error:
        log.warning("limits.usage_not_kept", error=type(error).__name__)


def is_over(current: int, slice: int) -> bool:
    """Whether nobody counts in ``slice`` any more, not even by a clock that is late."""
    return slice < current - SLICE_SECONDS


def this_process() -> str:
    """What the table calls this process; another one after a fork or a start."""
    return _process.setdefault(os.getpid(), uuid4().hex[:20])


def store(noted: dict[int, dict[str, Used]], source: str) -> None:
    # In one order, so that of two processes that write the same rows none waits in a ring.
    rows = [
        row(slice, who, used, source)
        for slice, callers in sorted(noted.items())
        for who, used in sorted(callers.items())
        if WRITTEN.fullmatch(who)
    ]
    if not rows:
        return
    # A connection of its own: nothing of a request is committed by the way.
    with db.engine.begin() as connection:
        write(connection, rows)


def row(slice: int, who: str, used: Used, source: str) -> dict[str, Any]:
    user_id, tier_id, route = who.split("/", 2)
    keys = {"user_id": int(user_id), "route": route, "slice": slice, "tier_id": int(tier_id)}
    calls, refused = min(used.calls, LARGEST), min(used.refused, LARGEST)
    facts = {"calls": calls, "refused": refused, "is_full": bool(used.full)}
    return {**keys, "source": source, **facts}


def write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert the rows; of what is there already the larger numbers stay, since they only grow.

    So neither a process that read earlier and writes later, nor a Redis that lost a slice, takes
    anything away.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(Usage)
    numbers = {name: larger(new.excluded[name], Usage.__table__.c[name]) for name in NUMBERS}
    is_full = or_(new.excluded.is_full, Usage.is_full)
    grown = {**numbers, "is_full": is_full}
    connection.execute(new.on_conflict_do_update(index_elements=KEYS, set_=grown), rows)


def larger(new: ColumnElement[int], old: ColumnElement[int]) -> ColumnElement[int]:
    return case((new > old, new), else_=old)


def forget_past() -> None:
    """Take away what is older than seven days; commits."""
    oldest = slice_at(counters.now() - KEPT.total_seconds())
    db.session.execute(delete(Usage).where(Usage.slice < oldest))
    db.session.commit()
