"""Declaring work that runs later: one decorator on a function in a feature's ``tasks.py``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Running(Protocol):
    """The job a task function works for."""

    @property
    def id(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    def progress(self, percent: int | None, message: str = "") -> None:
        """Report how far the work is (0 to 100, None when unknown) and a line for the log.

        Raises Cancelled when somebody asked the job to stop, or it belongs to another worker now.
        """

    def step(self, name: str) -> None:
        """Begin a step; the one before is done. Raises like ``progress``."""

    def write(self, name: str, text: str) -> None:
        """Add ``text`` to the file that the job offers for download; commits."""


class Cancelled(Exception):
    """The job was asked to stop."""


class TaskFailed(Exception):
    """A task cannot go on; ``str`` of it tells the person why, in plain words. Not tried again."""


TaskFunction = Callable[..., Any]
# Records a job by the name of its task and its arguments; set by app.jobs, so that every feature
# can ask for work without knowing who keeps the books.
Ledger = Callable[..., Any]


@dataclass(frozen=True)
class Task:
    """A kind of work. ``title`` is what people read; ``steps`` are shown before they begin.

    Only those with ``by_hand`` can be started by people; the others are asked for by our own code.
    ``attempts`` is how often it is tried, None for JOB_MAX_ATTEMPTS.
    """

    name: str
    title: str
    function: TaskFunction
    steps: tuple[str, ...]
    operators_only: bool
    attempts: int | None
    by_hand: bool = True


TASKS: dict[str, Task] = {}
HOUSEKEEPING: list[Callable[[], None]] = []
_ledger: list[Ledger] = []


def task(
    title: str,
    *,
    steps: tuple[str, ...] = (),
    operators_only: bool = False,
    attempts: int | None = None,
    by_hand: bool = True,
) -> Callable[[TaskFunction], TaskFunction]:
    """Let jobs run the function: it gets the running job, then the arguments by name.

    What it returns (a JSON value) is the job's result. It may run more than once, after a worker
    was killed: make its effects in ``db.session``, late, and leave the commit to the engine. On
    SQLite everybody else waits from the first change to the commit.
    """

    def declare(function: TaskFunction) -> TaskFunction:
        name = function.__name__
        TASKS[name] = Task(name, title, function, steps, operators_only, attempts, by_hand)
        return function

    return declare


def keeps_ledger(function: Ledger) -> Ledger:
    """Let ``function(task, **arguments)`` record what ``enqueue`` asks for."""
    _ledger[:] = [function]
    return function


def enqueue(function: TaskFunction, **arguments: Any) -> None:
    """Ask for a run of a task as part of the current transaction; the worker hears of it once that
    is committed. Pass ids and plain values, never a secret: they are stored.
    """
    _ledger[0](function.__name__, **arguments)


def housekeeping(function: Callable[[], None]) -> Callable[[], None]:
    """Let workers call the function every few minutes: to remove what is over. It commits."""
    HOUSEKEEPING.append(function)
    return function
