"""How fast each page and call is, beside two things that are less: ./dev bench

    ./dev bench                     # a million people, about eight minutes
    ./dev bench --people 50000      # sooner

For each: requests per second, half and 99 of 100 within so many milliseconds, statements and trips
to Redis per request; the share of what a minimal view of the same statement and template does
(``minimal``), and of a view that answers nothing (``empty``), behind the same server, in the same
run. PostgreSQL and Valkey are started for it. One web process of four threads, since the load and
the databases need the other core. Read the ratios.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from flask import Flask
from sqlalchemy import delete, event, text

from app import create_app
from app.config import load_settings
from app.extensions import db
from app.prepare import migrate
from app.tiers.models import RateLimit
from app.users.seeding import seed
from benchmarks.load import Call, Rate, free_port, load, wait_for
from tests.people import Browser, make_cast
from tests.servers import Postgres, Redis
from tests.tokens.deeds import token_of

ROOT = Path(__file__).resolve().parent.parent
SECONDS, THREADS, FEW = 5.0, 4, 10_000
CACHED = "cached read (API)"


def main() -> None:
    asked = argparse.ArgumentParser(description="How fast each page and call is.")
    asked.add_argument("--people", type=int, default=1_000_000, help="in the large database")
    asked.add_argument("--seconds", type=float, default=SECONDS, help="for each measurement")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, Postgres() as postgres, Redis() as cache:
        common = {
            "SECRET_KEY": "a key for benchmarks only, long enough for it",
            "REDIS_CACHE_URL": cache.url(0),
            "REDIS_RATE_LIMIT_URL": cache.url(1),
            "REDIS_QUEUE_URL": cache.url(2),
            "DATA_DIR": folder,
            "LOG_LEVEL": "WARNING",
            "WEB_WORKERS": "1",
            "WEB_THREADS": str(THREADS),
            "DEFAULT_RATE_LIMIT_LIMIT": "1000000000",
        }
        os.environ.update(common)
        print(f"Start-up: {start_up():.2f} s until the application is loaded")
        bench = Bench(Path(folder), options.seconds)
        for people in (FEW, options.people):
            postgres.create_database(f"bench{people}")
            os.environ["DATABASE_URL"] = postgres.url(f"bench{people}")
            bench.run(people, everything=people != FEW)


def start_up() -> float:
    """Seconds, the best of three: Python, the imports, create_app."""
    best = 60.0
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, check=True)
        best = min(best, time.monotonic() - began)
    return best


class Bench:
    """Measures one database after the other."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds

    def run(self, people: int, everything: bool) -> None:
        app = create_app(load_settings(_env_file=None))
        lists, others = calls(prepared(app, people))
        if app.test_client().get("/api/v1/bob/posts").status_code == 404:
            del others[CACHED]  # the example was taken out
        wanted = lists | others if everything else lists
        counted = {name: counts(app, call) for name, call in wanted.items()}
        empty = self.rates("empty", {"empty": Call("/")})["empty"]
        print(f"\n{people:,} people; an empty view: {empty.per_second:,.0f} a second")
        head = f"{'':<28}{'req/s':>7}{'p50':>7}{'p99':>7}{'SQL':>5}{'Redis':>6}"
        print(f"{head}{'minimal':>9}{'share':>7}{'of empty':>9}")
        ours, bare = self.rates("app", wanted), self.rates("bare", wanted)
        for name, rate in ours.items():
            sql, trips = counted[name]
            less, share = bare[name].per_second, rate.per_second / empty.per_second
            print(
                f"{name:<28}{rate.per_second:>7.0f}{rate.p50:>7.1f}{rate.p99:>7.1f}"
                f"{sql:>5}{trips:>6}{less:>9.0f}{rate.per_second / less:>7.2f}{share:>9.3f}"
            )
        with app.app_context():
            db.session.remove()
            db.engine.dispose()

    def rates(self, kind: str, wanted: dict[str, Call]) -> dict[str, Rate]:
        found = {}
        with serving(kind, wanted) as (port, process):
            for name, call in wanted.items():
                script = self.folder / "load.lua"
                load(port, call, 1, script)
                found[name] = load(port, call, self.seconds, script)
            if kind == "app":
                print(
                    "\nMemory of the web process, MB: resident {}, its own {}".format(
                        *memory(process)
                    )
                )
        return found


def prepared(app: Flask, people: int) -> tuple[str, str]:
    """So many people; the cookie of an operator, and a token of hers."""
    with app.app_context():
        migrate(lambda _line: None)
        make_cast()
        seed(people, lambda _done: None)
        db.session.execute(delete(RateLimit))  # else most answers would be refusals
        db.session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE users"))
    browser = Browser(app, "alice")
    browser.get("/users")
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    write(app, 50)
    return f"session={cookie.value}", token_of(app, "alice", "write")


def write(app: Flask, many: int) -> None:
    """So many posts of Bob, if there are posts at all."""
    bob = {"Authorization": f"Bearer {token_of(app, 'bob', 'write')}"}
    for number in range(many):
        post = {"title": f"Day {number}", "text": "What I saw. " * 20}
        app.test_client().post("/api/v1/bob/post", json=post, headers=bob)


def calls(known: tuple[str, str]) -> tuple[dict[str, Call], dict[str, Call]]:
    """What is asked: of the lists, and of everything else."""
    cookie, token = (("Cookie", known[0]),), (("Authorization", f"Bearer {known[1]}"),)
    start = (*token, ("Content-Type", "application/json"))
    lists = {
        "users, first page": Call("/users", cookie),
        "users, deep": Call(deep(known[0]), cookie),
        "users, one word": Call("/users?q=smith", cookie),
        "users, one person": Call("/users?q=bob", cookie),
        "users by API": Call("/api/v1/users", token),
    }
    others = {
        "sign-in": Call("/sign-in"),
        "overview": Call("/", cookie),
        "a user": Call("/users/bob", cookie),
        CACHED: Call("/api/v1/bob/posts"),
        "token check (API)": Call("/api/v1/user/me/", token),
        "limited call: start a job": Call("/api/v1/tasks/task?message=x", start, "POST"),
    }
    return lists, others


def deep(cookie: str) -> str:
    """The page before the last one, as its link has it."""
    client = create_app(load_settings(_env_file=None)).test_client()
    client.set_cookie("session", cookie.partition("=")[2])
    address = "/users"
    for name in (r"\d+", "prev"):
        page = client.get(address).text
        found = re.findall(rf'<a id="page-{name}" href="([^"]+)"', page)
        address = found[-1].replace("&amp;", "&")
    return address


def counts(app: Flask, call: Call) -> tuple[int, int]:
    """Statements and trips to Redis, when a process has done it before."""
    said = {"sql": 0, "redis": 0}

    def note(*_: Any) -> None:
        said["sql"] += 1

    sending = redis.connection.AbstractConnection.send_packed_command

    def send(self: Any, *arguments: Any, **options: Any) -> Any:
        said["redis"] += 1
        return sending(self, *arguments, **options)

    with app.app_context():
        engine = db.engine
    for _ in range(2):
        said.update(sql=0, redis=0)
        event.listen(engine, "before_cursor_execute", note)
        redis.connection.AbstractConnection.send_packed_command = send
        app.test_client(use_cookies=False).open(
            call.path, method=call.method, headers=list(call.headers), data=call.body
        )
        redis.connection.AbstractConnection.send_packed_command = sending
        event.remove(engine, "before_cursor_execute", note)
    return said["sql"], said["redis"]


@contextmanager
def serving(kind: str, wanted: dict[str, Call]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    asked = [
        {"path": call.path, "headers": call.headers, "method": call.method, "body": call.body}
        for call in wanted.values()
    ]
    environment = {**os.environ, "BENCH_SERVE": kind, "BENCH_CALLS": json.dumps(asked)}
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"]
    granian += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    granian += ["--blocking-threads", str(THREADS), "--log-level", "warning", "--no-access-log"]
    served = "wsgi:app" if kind == "app" else "benchmarks.served:app"
    process = subprocess.Popen([*granian, served], cwd=ROOT, env=environment)
    try:
        wait_for(port, process)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def memory(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Of the process that answers, in MB: what is resident, and what it shares with nobody."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    facts = [Path(f"/proc/{child}/smaps_rollup").read_text() for child in children]
    largest = max(facts, key=lambda said: field(said, "Rss"))
    own = field(largest, "Private_Clean") + field(largest, "Private_Dirty")
    return field(largest, "Rss") // 1024, own // 1024


def field(said: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", said, re.M)
    return int(found.group(1)) if found else 0


if __name__ == "__main__":
    main()
