"""Processes that are started together, watched, and ended together.

On Linux they are forked, which spares each the time to import the application again. The parent
imports it and does nothing with it: it has no thread and no connection that two could share.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

if sys.platform == "linux":
    CONTEXT = multiprocessing.get_context("fork")
else:
    CONTEXT = multiprocessing.get_context("spawn")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asked:
    """Counts the requests to stop: the first is polite, the second means at once."""

    def __init__(self) -> None:
        self.times = 0
        self.event = threading.Event()
        for number in ENDINGS:
            signal.signal(number, self.once_more)

    def once_more(self, *_: object) -> None:
        self.times += 1
        self.event.set()


class Child:
    """``python -m module`` in a session of its own, so that Ctrl-C reaches it through us only."""

    def __init__(self, name: str, module: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.process = CONTEXT.Process(target=run_module, args=(module, arguments))
        # A signal between the start and the child's first line would be lost: it has to wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        self.process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        assert self.process.pid is not None
        self.group = self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def kill(self) -> None:
        """End the process and everything it started."""
        self.process.kill()
        self.process.join()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, signal.SIGKILL)

    def how_it_ended(self) -> str:
        status = self.process.exitcode or 0
        signalled = f"killed by {signal.Signals(-status).name}" if status < 0 else ""
        how = signalled or f"exit status {status}"
        return f"The {self.name} process ended by itself ({how}), so everything was stopped."


def run_module(module: str, arguments: Sequence[str]) -> None:
    os.setsid()
    for number in ENDINGS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_apart(deed: Callable[[], None]) -> int:
    """Run ``deed`` in a process of its own, so that what it opens ends with it; its exit status."""
    process = CONTEXT.Process(target=deed)
    process.start()
    process.join()
    return process.exitcode or 0


def stop(children: Sequence[Child], patience: float, asked: Asked) -> None:
    """Ask every child to stop, wait that many seconds, then leave no process behind."""
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + patience
    while any(child.alive for child in children):
        if time.monotonic() > deadline or asked.times > 1:
            break
        time.sleep(0.02)
    for child in children:
        if child.alive:
            print(f"The {child.name} process did not stop in time and was killed.", flush=True)
        child.kill()
