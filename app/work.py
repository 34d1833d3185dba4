"""What a task function holds while it works, and the ways it says that it cannot go on."""

from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol


class Running(Protocol):
    """The job a task function works for."""

    @property
    def id(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked it to stop, or it is another worker's now; looks once a second."""
        ...

    def progress(self, percent: int | None, message: str = "") -> None:
        """Report how far the work is (0 to 100, None when unknown) and a line for the log.

        Raises Cancelled when somebody asked the job to stop, or it belongs to another worker now.
        """

    def step(self, name: str) -> None:
        """Begin a step; the one before is done. Raises like ``progress``."""

    def write(self, name: str, text: str) -> None:
        """Add ``text`` to the file that the job offers for download; commits."""

    def read(self) -> BinaryIO:
        """What the job was given to work on, from its beginning; read it piece by piece."""

    def keep(self, percent: int, message: str = "") -> None:
        """Commit what was done so far, and how far it is: it stays however the job ends.

        Raises Cancelled, and keeps nothing, when the job belongs to another worker now. The next
        try begins anew: it has to see what is done already.
        """


class Cancelled(Exception):
    """The job was asked to stop."""


class TaskFailed(Exception):
    """A task cannot go on; ``str`` of it tells the person why, in plain words. Not tried again.

    ``report`` says what is wrong with which part of what it was given: the page shows it, and the
    file that the job wrote is offered, too.
    """

    def __init__(self, sentence: str, report: "Report | None" = None) -> None:
        super().__init__(sentence)
        self.report = report


@dataclass(frozen=True)
class Report:
    """A small table: its first rows, and how many there are in the whole of the job's file."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    total: int

    def as_result(self) -> dict[str, Any]:
        return {"report": {"columns": self.columns, "rows": self.rows, "total": self.total}}
