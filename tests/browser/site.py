"""A throw-away site: a real web process, a real worker, and a database with people in it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Self

from flask import Flask

from app import create_app
from app.auth.models import Session
from app.config import load_settings
from app.database import now
from app.extensions import db
from app.jobs.models import Job, JobLog
from app.mail.models import Mail
from app.prepare import migrate
from app.tasks import TASKS, Wish
from app.tiers.models import RateLimit, Tier
from app.users import links
from app.users.models import User
from tests.mailbox import link_in
from tests.people import PASSWORD, Browser, make_cast, person

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "a key for a site that nobody keeps, long enough"
SERVED = "tests.browser.served"
READY_WITHIN_SECONDS = 30.0
DAY = 86400


@dataclass(frozen=True)
class Person:
    """Somebody on the site, as tests need to know them."""

    username: str
    name: str
    tier: str
    password: str = PASSWORD


class Site:
    """Started in a folder of its own; what a test needs in it is made by ``newcomer`` and ``tier``.

    Limits made here are per day, so that no test depends on where in the hour it runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.app = self._make_app()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._numbers = count(1)

    def named(self, path: str) -> str:
        """The address of ``path`` by a name: passkeys are bound to one."""
        return f"http://localhost:{self.port}{path}"

    def _make_app(self) -> Flask:
        values = {"secret_key": KEY, "data_dir": self.folder, "log_level": "WARNING"}
        app = create_app(load_settings(_env_file=None, **values))
        with app.app_context():
            migrate(lambda _line: None)
            make_cast()
        return app

    def start(self) -> None:
        """Return once the web answers and the worker is at work."""
        granian = ["granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "4"]
        at = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        self._spawn("web", [*granian, *at, f"{SERVED}:app"])
        self.start_worker()

    def start_worker(self) -> None:
        self._spawn("worker", ["flask", "--app", SERVED, "worker"])
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while b'"status":"ready"' not in self._readiness().replace(b" ", b""):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The site did not get ready:\n{self.log('web')}")
            time.sleep(0.05)

    def stop_worker(self) -> None:
        self._end("worker")

    def stop(self) -> None:
        for name in list(self._processes):
            self._end(name)
        with self.app.app_context():
            db.engine.dispose()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self, name: str) -> str:
        """What the process of that name has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        self.stop_worker()
        try:
            yield
        finally:
            self.start_worker()

    def newcomer(
        self, name: str = "", tier: str = "pro", operator: bool = False, theme: str | None = None
    ) -> Person:
        """A person of the test's own, who can sign in with PASSWORD."""
        username = f"{(name.split() or ['guest'])[0].lower()}{next(self._numbers)}"
        with self.app.app_context():
            chosen = db.session.scalars(Tier.by_name(tier)).one()
            user = person(username, name or f"Guest {username}", chosen, operator)
            user.theme = theme
            db.session.add(user)
            db.session.commit()
            return Person(username, user.name, tier)

    def invitation(self, name: str) -> tuple[str, str]:
        """Somebody without a password, as username and the path of their link."""
        who = self.newcomer(name)
        with self.app.test_request_context():
            user = db.session.scalars(User.by_username(who.username)).unique().one()
            user.password_hash = None
            db.session.commit()
            return who.username, f"/welcome/{links.invitation(user)}"

    def reset_link(self, name: str) -> str:
        """The path of a link by which somebody of that name chooses a new password."""
        who = self.newcomer(name)
        with self.app.app_context():
            user = db.session.scalars(User.by_username(who.username)).unique().one()
            token = links.issue("reset", user)
            db.session.commit()
        return f"/reset/{token}"

    def job(self, owner: Person, name: str = "Monthly usage report", **values: Any) -> str:
        """A job as it stands, that no worker will ever touch; returns its id."""
        far = now() + timedelta(days=300)
        with self.app.app_context():
            user = db.session.scalars(User.by_username(owner.username)).unique().one()
            kind = TASKS["demonstration"]
            job = Job.asked_for(kind, {}, Wish(owner=user, name=name))
            job.run_at = job.lease_until = far
            for field, value in values.items():
                setattr(job, field, value)
            db.session.add(job)
            db.session.flush()
            db.session.add(JobLog(job_id=job.id, text=f"Queued by {owner.username}"))
            db.session.commit()
            return job.id

    def change(self, username: str, /, **values: Any) -> None:
        """Change a person behind the back of every open page."""
        with self.app.app_context():
            user = db.session.scalars(User.any_by_username(username)).unique().one()
            for field, value in values.items():
                setattr(user, field, value)
            db.session.commit()

    def change_limit(self, tier: str, limit: int) -> None:
        """Change a tier's one limit behind the back of every open page."""
        with self.app.app_context():
            found = db.session.scalars(Tier.by_name(tier)).one()
            found.limits[0].limit = limit
            db.session.commit()

    def observe(self, tier: str) -> None:
        """Let a tier's one limit only observe."""
        with self.app.app_context():
            db.session.scalars(Tier.by_name(tier)).one().limits[0].observed = True
            db.session.commit()

    def change_job(self, identifier: str, **values: Any) -> None:
        """Let a job go on, as a worker would."""
        with self.app.app_context():
            job = db.session.get_one(Job, identifier)
            for field, value in values.items():
                setattr(job, field, value)
            db.session.commit()

    def end_sessions(self, username: str) -> None:
        """Sign a person out everywhere."""
        with self.app.app_context():
            user = db.session.scalars(User.by_username(username)).unique().one()
            db.session.execute(Session.ended_for(user))
            db.session.commit()

    def tier(self, starts: int | None = None, stem: str = "plan") -> str:
        """A tier of the test's own, with so many task starts a day; returns its name."""
        name = f"{stem}{next(self._numbers)}"
        with self.app.app_context():
            tier = Tier(name=name)
            if starts:
                limit = {"route": "jobs.start", "methods": "POST", "limit": starts, "period": DAY}
                db.session.add(RateLimit(tier=tier, **limit))
            db.session.add(tier)
            db.session.commit()
        return name

    def link_mailed_to(self, address: str, least: int = 1) -> str:
        """The path of the link in the newest mail to ``address``, once the worker has sent it."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            with self.app.app_context():
                mails = db.session.scalars(Mail.newest().where(Mail.to == address)).all()
                if len(mails) >= least:
                    return link_in(mails[0])
            time.sleep(0.1)
        raise AssertionError(f"No mail came to {address}:\n{self.log('worker')[-3000:]}")

    def cookie_of(self, who: Person) -> dict[str, str]:
        """The cookie of a browser in which that person is signed in."""
        cookie = Browser(self.app, who.username).client.get_cookie("session")
        assert cookie is not None
        return {"name": cookie.key, "value": cookie.value, "url": self.address}

    def stored(self, username: str) -> User:
        """The person as the database has them now; loaded, and not bound to it."""
        with self.app.app_context():
            user = db.session.scalars(User.any_by_username(username)).unique().one()
            db.session.expunge_all()
            return user

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "SECRET_KEY": KEY,
            "DATA_DIR": str(self.folder),
            "CONTACT_EMAIL": "help@example.com",
            "CONTACT_NAME": "The help desk",
            "LOG_LEVEL": "WARNING",
            "SHUTDOWN_GRACE_SECONDS": "2",
            "FLASK_SKIP_DOTENV": "1",
        }

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _readiness(self) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().read()
        except OSError:
            return b""
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
