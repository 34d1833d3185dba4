"""Tries at a door, counted on the clock and exact across processes, by a key of the door's own."""

from collections.abc import Callable
from datetime import UTC, datetime

from app.counters import Window
from app.errors import TooMany
from app.extensions import counters

Note = Callable[[], object]


def count_try(
    key: str, most: int, seconds: int, *, again: str = "try again", note: Note | None = None
) -> None:
    """Count one try. Raises TooMany from the one after ``most`` to the end of the window.

    ``note`` puts the first refusal of a window on record, and commits.
    """
    window = Window.at(counters.now(), seconds)
    if counters.take(key, window, most) > most:
        raise used_up(key, window, again, note)


def used_up(
    key: str, window: Window, again: str = "try again", note: Note | None = None
) -> TooMany:
    """What a door raises when the tries of this window are gone."""
    if note and is_first_refusal(key, window):
        note()
    return TooMany(datetime.fromtimestamp(window.end, UTC), again=again)


def is_first_refusal(key: str, window: Window) -> bool:
    """Whether nobody was told to wait in this window before: more of it would fill the trail."""
    return counters.take(f"throttled/{key}", window, 1) == 1
