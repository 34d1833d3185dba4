"""Up to when a browser was told the news: what its session keeps, and what has news to tell.

Sessions belong to auth and tasks to jobs, and neither knows the other. So whoever finds the session
leaves here what the others may know of it, for as long as the request lasts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import g
from sqlalchemy import Update


@dataclass(frozen=True)
class Told:
    """What happened until ``until`` was told; ``moved(moment)`` is the update that notes more.

    It changes a row only if nobody else, such as another tab, was told of anything meanwhile.
    """

    until: datetime
    moved: Callable[[datetime], Update]


def leave(told: Told) -> None:
    g.told = told


def find() -> Told | None:
    """Of the browser that asks; None for programs and strangers."""
    found: Told | None = g.get("told")
    return found
