"""Declaring work that runs later: one decorator on a function in a feature's ``tasks.py``."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cronsim import CronSim
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from app.work import Cancelled, Report, Running, TaskFailed

# What a task function holds is in app/work.py; who writes one finds all of it here.
__all__ = ["Cancelled", "Report", "Running", "TaskFailed", "task"]

TaskFunction = Callable[..., Any]
DEFAULT = "default"  # the queue of what names none
LONGEST_ARGUMENTS = 65_536  # bytes of JSON: a job carries ids, not things


@dataclass(frozen=True)
class Wish:
    """How a job is to be run, beside its arguments."""

    owner: Any = None
    name: str = ""
    run_at: datetime | None = None
    priority: int = 0
    once: str = ""
    input: bytes = b""


# Records a job by its task, its arguments and the wishes for it, and returns it; set by app.jobs,
# so that every feature can ask for work without knowing who keeps the books.
Ledger = Callable[["Task", dict[str, Any], Wish], Any]


@dataclass(frozen=True, eq=False)
class Task:
    """A kind of work: the function that ``task`` decorated, and how jobs of it are run.

    ``title`` is what people read; ``steps`` are shown before they begin. Only those with
    ``by_hand`` can be started by people; the others are asked for by our own code. ``attempts`` is
    how often it is tried, None for JOB_MAX_ATTEMPTS; the second try waits ``backoff`` seconds, and
    each one after it twice as long as the one before, five minutes at most. Jobs of a higher
    ``priority`` go first. ``schedule`` is a line of cron, in UTC: then one is asked for each time.
    Of a ``unique`` one no second job waits for the same owner with the same arguments: who asks
    gets the one that waits. An attempt that takes longer than ``timeout`` seconds is ended and
    counts as a failed try. No more than ``at_once`` of one owner run at the same time. It waits in
    ``queue``, which operators may pause.
    """

    name: str
    title: str
    function: TaskFunction
    steps: tuple[str, ...] = ()
    operators_only: bool = False
    attempts: int | None = None
    by_hand: bool = True
    backoff: float = 5.0
    priority: int = 0
    schedule: str = ""
    unique: bool = False
    timeout: float | None = None
    at_once: int | None = None
    queue: str = DEFAULT

    def __call__(self, job: Running, **arguments: Any) -> Any:
        """Run it here and now, as a test may."""
        return self.function(job, **arguments)

    def enqueue(self, **arguments: Any) -> Any:
        """Ask for a run as part of the current transaction; returns the job.

        The worker hears of it once that is committed. Pass ids and plain values, never a secret:
        they are stored. Raises BadArguments when they do not fit the function.
        """
        return self.options().enqueue(**arguments)

    def options(
        self,
        *,
        owner: Any = None,
        name: str = "",
        delay: timedelta | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
        once: str = "",
        input: bytes = b"",
    ) -> "Asking":
        """The same for whom, under which name and when: ``export.options(owner=user).enqueue()``.

        It waits for ``delay``, or until ``run_at``: in the database, not in the queue. ``once`` is
        an idempotency key: who asks again for the same task, owner and key gets the same job, for
        as long as results are kept. ``input`` is what it works on, such as a file that was
        uploaded: kept with the job, and read by ``job.read()``.
        """
        at = datetime.now(UTC) + delay if delay else run_at
        urgency = self.priority if priority is None else priority
        return Asking(self, Wish(owner, name, at, urgency, once, input))

    @cached_property
    def signature(self) -> type[BaseModel]:
        """What the function takes besides the job, with types and defaults."""
        _job, *rest = inspect.signature(self.function, eval_str=True).parameters.values()
        fields: dict[str, Any] = {each.name: typed(each) for each in rest}
        shape = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        return create_model(self.name, __config__=shape, **fields)

    def written(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """``arguments`` as JSON keeps them. Raises BadArguments."""
        try:
            kept = self.signature(**arguments).model_dump(mode="json", exclude_unset=True)
        except ValidationError as error:
            raise BadArguments(f"{self.name}: {in_words(error)}") from None
        size = len(json.dumps(kept))
        if size > LONGEST_ARGUMENTS:
            raise BadArguments(
                f"{self.name}: its arguments are {size:,} bytes, more than {LONGEST_ARGUMENTS:,}. "
                "Store what is large, and pass its id."
            )
        return kept

    def read(self, kept: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them. Raises BadArguments when it has changed."""
        try:
            read = self.signature(**kept)
        except ValidationError as error:
            raise BadArguments(f"{self.name}: {in_words(error)}") from None
        return {name: getattr(read, name) for name in kept}


@dataclass(frozen=True)
class Asking:
    """A task, and how its next job is to be run."""

    task: Task
    wish: Wish

    def enqueue(self, **arguments: Any) -> Any:
        """As Task.enqueue."""
        return _ledger[0](self.task, self.task.written(arguments), self.wish)


class BadArguments(TypeError):
    """What was passed to a task does not fit its function."""


def typed(parameter: inspect.Parameter) -> tuple[Any, Any]:
    """The type of a parameter and its default, as pydantic takes them."""
    none = inspect.Parameter.empty
    kind = Any if parameter.annotation is none else parameter.annotation
    return kind, (... if parameter.default is none else parameter.default)


def in_words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


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
    backoff: float = 5.0,
    priority: int = 0,
    schedule: str = "",
    unique: bool = False,
    timeout: float | None = None,
    at_once: int | None = None,
    queue: str = DEFAULT,
) -> Callable[[TaskFunction], Task]:
    """Let jobs run the function: it gets the running job, then the arguments by name.

    What it returns (a JSON value) is the job's result. It may run more than once, after a worker
    was killed: make its effects in ``db.session``, late, and leave the commit to the engine. On
    SQLite everybody else waits from the first change to the commit.
    """

    def declare(function: TaskFunction) -> Task:
        name = function.__name__
        rest = (operators_only, attempts, by_hand, backoff, priority, schedule, unique)
        kind = Task(name, title, function, steps, *rest, timeout, at_once, queue)
        if schedule:  # what is wrong with it stops the start
            CronSim(schedule, datetime.now(UTC))
            kind.written({})
        TASKS[name] = kind
        return kind

    return declare


def keeps_ledger(function: Ledger) -> Ledger:
    """Let ``function(task, arguments, wish)`` record what ``enqueue`` asks for."""
    _ledger[:] = [function]
    return function


def housekeeping(function: Callable[[], None]) -> Callable[[], None]:
    """Let a worker call the function every five minutes: to remove what is over. It commits."""
    HOUSEKEEPING.append(function)
    return function
