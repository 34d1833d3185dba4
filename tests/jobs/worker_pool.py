"""Workers at a bargain: loads the application once, and forks one for each line that says "start".

Answers each with its pid, and "wait PID" with its exit status. It ends with its standard input, and
with it all that it forked: none is reaped before, so that no pid comes to name somebody else.
"""

import os
import signal
import sys
import traceback
from contextlib import suppress
from datetime import timedelta

from app import create_app
from app.config import load_settings
from app.jobs import sweep
from app.jobs.worker import work_until_told
from tests.jobs.kinds import declare_all


def work() -> None:
    """What `flask worker` does; never returns."""
    status = 1
    try:
        os.dup2(2, 1)
        app = create_app(load_settings(_env_file=None))
        with app.app_context():
            work_until_told(app)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def serve() -> None:
    living: set[int] = set()
    try:
        for line in sys.stdin:
            order, *rest = line.split()
            answer = started(living) if order == "start" else waited(living, int(rest[0]))
            print(answer, flush=True)
    finally:
        for pid in living:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def started(living: set[int]) -> int:
    pid = os.fork()
    if not pid:
        work()
    living.add(pid)
    return pid


def waited(living: set[int], pid: int) -> int:
    _, how = os.waitpid(pid, 0)
    living.remove(pid)
    return os.waitstatus_to_exitcode(how)


if __name__ == "__main__":
    declare_all()
    # As the short lease: what was lost on the way is sent again soon, or tests would wait for it.
    sweep.SEND_AGAIN_AFTER = timedelta(seconds=1)
    with suppress(KeyboardInterrupt):
        serve()
