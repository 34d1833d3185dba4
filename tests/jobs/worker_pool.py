"""Workers at a bargain: loads the application once, and forks one for each line that says "start".

Answers each with its pid, and "wait PID" with its exit status; "end" ends them all, and so does the
end of its standard input. Nobody is reaped unasked, so that no pid comes to name somebody else.
"""

import json
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

LIVING: set[int] = set()


def serve() -> None:
    orders = {"start": start, "wait": wait, "end": end}
    try:
        for line in sys.stdin:
            order, _, rest = line.strip().partition(" ")
            print(orders[order](rest), flush=True)
    finally:
        end()


def start(settings: str) -> int:
    pid = os.fork()
    if not pid:
        work(json.loads(settings))
    LIVING.add(pid)
    return pid


def work(settings: dict[str, str]) -> None:
    """What `flask worker` does; never returns."""
    status = 1
    try:
        os.dup2(2, 1)
        os.environ.update(settings)
        app = create_app(load_settings(_env_file=None))
        with app.app_context():
            work_until_told(app)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(pid: str) -> int:
    _, how = os.waitpid(int(pid), 0)
    LIVING.remove(int(pid))
    return os.waitstatus_to_exitcode(how)


def end(_nothing: str = "") -> int:
    for pid in tuple(LIVING):
        os.kill(pid, signal.SIGKILL)
        wait(str(pid))
    return 0


if __name__ == "__main__":
    declare_all()
    # As the short lease: what was lost on the way is sent again soon, or tests would wait for it.
    sweep.SEND_AGAIN_AFTER = timedelta(seconds=1)
    with suppress(KeyboardInterrupt):
        serve()
