"""How well a page is served while many sign in: with the bounds on hashing, and without them.

    .venv/bin/python -m benchmarks.passwords

One granian worker of four threads on SQLite. Each guess comes from an address and at a name of its
own, so that no throttle helps. Read the ratios.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from ipaddress import IPv4Address
from multiprocessing import Process, Queue
from pathlib import Path
from urllib.parse import urlencode

from app import create_app
from app.config import load_settings
from app.prepare import migrate
from app.server import command
from tests.people import Browser, make_cast

ROOT = Path(__file__).resolve().parent.parent
SECONDS, GUESSERS = 5.0, 16
PAGES = ("/healthz", "/sign-in")
# How many may hash at once, and how many may hash or wait for it.
BOUNDS = {
    "no bounds": "999 999",
    "two hash at once": "2 999",
    "two, one thread free": "2 3",
    "one, one thread free": "1 3",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            {
                "SECRET_KEY": "a key for benchmarks only, long enough for it",
                "DATA_DIR": folder,
                "LOG_LEVEL": "ERROR",
                "WEB_WORKERS": "1",
                "WEB_THREADS": "4",
                "TRUSTED_PROXY_HOPS": "1",
            }
        )
        cookie, token = prepare()
        for name, bounds in BOUNDS.items():
            os.environ["BENCHMARK_BOUNDS"] = bounds
            with serving() as port:
                report(name, port, cookie, token)


def prepare() -> tuple[str, str]:
    """A migrated database with the cast; a stranger's cookie and the token of a form."""
    app = create_app(load_settings(_env_file=None))
    with app.app_context():
        migrate(lambda _line: None)
        make_cast()
    browser = Browser(app)
    token = browser.token
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    return f"session={cookie.value}", token


@contextmanager
def serving() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = load_settings(_env_file=None, host="127.0.0.1", port=port)
    granian = [
        sys.executable,
        "-m",
        "granian",
        *command(settings)[:-1],
        "benchmarks.other_bounds:app",
    ]
    process = subprocess.Popen(granian, cwd=ROOT)
    try:
        wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            read(HTTPConnection("127.0.0.1", port, timeout=1), "/healthz")
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("The server did not come up.")


def report(name: str, port: int, cookie: str, token: str) -> None:
    print(name)
    alone = {page: reading(port, page, SECONDS / 2) for page in PAGES}
    for page in PAGES:
        answers: Queue[Counter[int]] = Queue()
        guessers = Process(target=guess, args=(port, cookie, token, answers))
        guessers.start()
        time.sleep(1)
        times = reading(port, page, SECONDS)
        counted = answers.get(timeout=60)
        guessers.join()
        said = ", ".join(f"{number} x {status}" for status, number in sorted(counted.items()))
        print(
            f"  {page:<9} alone {words(alone[page])}   under {GUESSERS} guessers {words(times)}"
            f"   ratio of p50 {at(times, 50) / at(alone[page], 50):6.1f},"
            f" of p99 {at(times, 99) / at(alone[page], 99):6.1f}   (guesses: {said})"
        )


def reading(port: int, page: str, seconds: float) -> list[float]:
    """How long each reading took: one reader, one reading after the other."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        read(connection, page)
        times.append(time.perf_counter() - began)
    return sorted(times)


def read(connection: HTTPConnection, page: str) -> None:
    connection.request("GET", page)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{page} answered {answer.status}")


def guess(port: int, cookie: str, token: str, answers: "Queue[Counter[int]]") -> None:
    """Many who guess without a pause, a second longer than the reader reads."""
    end = time.perf_counter() + SECONDS + 2
    with ThreadPoolExecutor(GUESSERS) as pool:
        runs = [pool.submit(guess_on, port, cookie, token, end) for _ in range(GUESSERS)]
        answers.put(sum((run.result() for run in runs), Counter()))


def guess_on(port: int, cookie: str, token: str, end: float) -> Counter[int]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    statuses: Counter[int] = Counter()
    while time.perf_counter() < end:
        form = {"login": f"n{random.getrandbits(60):x}", "password": "wrong", "csrf_token": token}
        address = str(IPv4Address(random.getrandbits(32)))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
            "X-Forwarded-For": address,
        }
        connection.request("POST", "/sign-in", urlencode(form), headers)
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    return statuses


def at(times: list[float], percent: int) -> float:
    return times[min(len(times) - 1, len(times) * percent // 100)]


def words(times: list[float]) -> str:
    rate = len(times) / sum(times)
    return f"{rate:5.0f}/s p50 {at(times, 50) * 1e3:6.1f} p99 {at(times, 99) * 1e3:6.1f} ms"


if __name__ == "__main__":
    main()
