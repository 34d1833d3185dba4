"""Which attempts the threads of this process work on, and ending one that takes too long."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

Attempt = tuple[str, int]  # a job's id, and which try of it

# Only the leases of these are renewed: a job whose attempt broke off, say because the database
# went away, is rescued like any other.
HELD: dict[Attempt, int] = {}
_changing = threading.Lock()


class TimedOut(BaseException):
    """The attempt takes longer than its task may.

    No Exception, so that a task that catches those does not go on.
    """


@contextmanager
def holding(attempt: Attempt, seconds: float | None) -> Iterator[None]:
    """Work on an attempt, ``seconds`` at most: then TimedOut is raised in this thread.

    Python code is interrupted at its next line. A call that waits inside a library comes first to
    its end; until then the thread is busy, while the sweep gives the job to somebody else.
    """
    HELD[attempt] = threading.get_ident()
    clock = threading.Timer(seconds, interrupt, [attempt]) if seconds else None
    try:
        if clock:
            clock.daemon = True
            clock.start()
        yield
    finally:
        let_go(attempt)
        if clock:
            clock.cancel()


def interrupt(attempt: Attempt) -> None:
    with _changing:
        if thread := HELD.get(attempt):
            _raise_in(thread, ctypes.py_object(TimedOut))


def let_go(attempt: Attempt) -> None:
    """No interruption comes after this. One that comes right here is too late to mean anything."""
    try:
        _let_go(attempt)
    except TimedOut:  # there is only one
        _let_go(attempt)


def _let_go(attempt: Attempt) -> None:
    with _changing:
        HELD.pop(attempt, None)
        _raise_in(threading.get_ident(), None)  # takes back what was not raised yet


def _raise_in(thread: int, error: "ctypes.py_object[type[BaseException]] | None") -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)
