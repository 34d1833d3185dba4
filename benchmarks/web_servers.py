"""The same application behind granian and behind gunicorn, in one run: requests per second.

    .venv/bin/pip install gunicorn==27.0.1   # in an environment of your own; we do not ship it
    .venv/bin/python -m benchmarks.web_servers

Needs wrk on the PATH. PostgreSQL and Valkey are started for the run. Read the ratios.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from app import create_app
from app.config import load_settings
from app.extensions import db
from app.prepare import migrate
from app.server import command
from tests.people import Browser, make_cast, person
from tests.servers import Postgres, Redis

ROOT = Path(__file__).resolve().parent.parent
SECONDS, CONNECTIONS, THREADS = 6, 16, 4
PAGES = ("/healthz", "/sign-in", "/users")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Postgres() as postgres, Redis() as redis:
        postgres.create_database("bench")
        values = {
            "SECRET_KEY": "a key for benchmarks only, long enough for it",
            "DATABASE_URL": postgres.url("bench"),
            "REDIS_CACHE_URL": redis.url(0),
            "REDIS_RATE_LIMIT_URL": redis.url(1),
            "REDIS_QUEUE_URL": redis.url(2),
            "DATA_DIR": folder,
            "LOG_LEVEL": "WARNING",
            "WEB_WORKERS": "2",
            "WEB_THREADS": str(THREADS),
        }
        os.environ.update(values)
        cookie = prepare()
        rates = {
            name: measure(name, cookie) for name in ("granian", "gunicorn", "granian", "gunicorn")
        }
        for page in PAGES:
            ours, theirs = rates["granian"][page], rates["gunicorn"][page]
            print(
                f"{page:<10} granian {ours:8.0f}  gunicorn {theirs:8.0f}  ratio {ours / theirs:.2f}"
            )


def prepare() -> str:
    """A migrated database with 1,000 people; the cookie of an operator."""
    app = create_app(load_settings(_env_file=None))
    with app.app_context():
        migrate(lambda _line: None)
        make_cast()
        db.session.add_all(person(f"person{number}") for number in range(1000))
        db.session.commit()
    browser = Browser(app, "alice")
    browser.get("/users")
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    return f"session={cookie.value}"


def measure(name: str, cookie: str) -> dict[str, float]:
    with serving(name) as port:
        for page in PAGES:
            wrk(port, page, cookie, seconds=1)
        return {page: wrk(port, page, cookie, SECONDS) for page in PAGES}


@contextmanager
def serving(name: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = load_settings(_env_file=None, host="127.0.0.1", port=port)
    granian = [sys.executable, "-m", "granian", *command(settings)]
    gunicorn = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2"]
    gunicorn += ["--threads", str(THREADS), "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    chosen = granian if name == "granian" else [*gunicorn, "wsgi:app"]
    process = subprocess.Popen(chosen, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            assert process.stderr is not None
            sys.exit(process.stderr.read().decode()[-2000:])
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("The server did not come up.")


def wrk(port: int, page: str, cookie: str, seconds: int) -> float:
    """Requests per second; a run in which anything failed does not count."""
    url = f"http://127.0.0.1:{port}{page}"
    load = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Cookie: {cookie}", url]
    words = subprocess.run(load, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in words or "Socket errors" in words:
        sys.exit(f"{page} failed under load:\n{words}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", words)
    assert found, words
    return float(found.group(1))


if __name__ == "__main__":
    main()
