"""The same application behind granian and behind gunicorn, in one run: requests per second.

    .venv/bin/pip install gunicorn==27.0.1   # in an environment of your own; we do not ship it
    .venv/bin/python -m benchmarks.web_servers

PostgreSQL and Valkey are started for the run. Read the ratios.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import create_app
from app.config import load_settings
from app.extensions import db
from app.prepare import migrate
from app.server import command
from benchmarks.load import Call, free_port, load, wait_for
from tests.people import Browser, make_cast, person
from tests.servers import Postgres, Redis

ROOT = Path(__file__).resolve().parent.parent
SECONDS, THREADS = 6, 4
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
    with serving(name) as port, tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        calls = [Call(page, (("Cookie", cookie),)) for page in PAGES]
        for call in calls:
            load(port, call, 1, script)
        return {call.path: load(port, call, SECONDS, script).per_second for call in calls}


@contextmanager
def serving(name: str) -> Iterator[int]:
    port = free_port()
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


if __name__ == "__main__":
    main()
