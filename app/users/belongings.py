"""What features above keep for people: it is in the file of all that is known about somebody.

What they keep goes with the person: its foreign key says ``ondelete="CASCADE"``.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Belonging:
    """A list of things of one person, as the file names it and as operators find it."""

    name: str
    title: str
    model: Any
    columns: tuple[str, ...]
    owner: Any  # the column that has the person's id
    page: str  # the endpoint for operators, which takes a username
    batch: int = 500  # how many are in memory at once


BELONGINGS: list[Belonging] = []
