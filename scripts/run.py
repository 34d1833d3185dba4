"""Prepare the database, then run web and worker together until Ctrl-C ends both.

./dev run ends here. Exit status: 0 after Ctrl-C or SIGTERM, 1 when something could not start
or ended by itself; the reason is one sentence on standard error.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Asked, Child, run_apart, stop

if TYPE_CHECKING:
    from app.config import Settings

ROOT = Path(__file__).resolve().parent.parent
READY_AFTER_SECONDS = 30
MARGIN_SECONDS = 3  # both processes keep the grace time themselves and then need a moment


class CannotRun(Exception):
    """What stops the run, in one sentence for the person who asked for it."""


def main() -> int:
    """Run Gatehouse in the foreground and return the exit status."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    try:
        write_env(ROOT / ".env")
        settings = read_settings()
        check_address(settings.host, settings.port)
        return run_apart(prepare_database) or run(settings)
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def write_env(path: Path) -> None:
    """Write generated secrets, readable by their owner alone; an existing file stays as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write("# The settings of this copy; .env.example explains every one of them.\n")
        file.write(f"SECRET_KEY={secrets.token_hex(32)}\n")
    say(f"Wrote {path.name} with a generated SECRET_KEY.")


def read_settings() -> Settings:
    from app.config import InvalidSettings, load_settings

    try:
        return load_settings()
    except InvalidSettings as problems:
        raise CannotRun(f"The settings are not usable:\n{problems}") from None


def check_address(host: str, port: int) -> None:
    """Raise CannotRun when nobody could listen there."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotRun(why_no_address(error, host, port)) from None


def why_no_address(error: OSError, host: str, port: int) -> str:
    other = port + 1 if port < 65535 else port - 1
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken. Stop what uses it, or run PORT={other} ./dev run."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have: run PORT=8000 ./dev run."
    return f"HOST={host} is not an address of this machine: set HOST=127.0.0.1."


def prepare_database() -> None:
    """Migrate, create what the first start needs, and say so; ends with status 1 if it fails."""
    from sqlalchemy.exc import OperationalError

    from app import create_app
    from app.config import InvalidSettings
    from app.prepare import prepare

    try:
        prepare(create_app(), say)
    except InvalidSettings as problems:
        sys.exit(str(problems))
    except OSError as error:
        sys.exit(f"{error.filename or 'DATA_DIR'} cannot be used ({error.strerror}): set DATA_DIR.")
    except sqlite3.OperationalError as error:
        sys.exit(f"The database file cannot be opened ({error}): correct DATABASE_URL or DATA_DIR.")
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        sys.exit(f"The database does not answer ({reason}): start it, or correct its settings.")
    except KeyboardInterrupt:
        sys.exit(1)


def run(settings: Settings) -> int:
    """Start both processes, say when they are ready, and end them together."""
    asked = Asked()
    from app.server import command

    children: list[Child] = []
    try:
        children.append(Child("web", "granian", command(settings)))
        children.append(Child("worker", "flask", ["--app", "wsgi", "worker"]))
        watch(children, settings, asked)
        say("Stopping ...")
        return 0
    finally:
        stop(children, settings.shutdown_grace_seconds + MARGIN_SECONDS, asked)


def watch(children: Sequence[Child], settings: Settings, asked: Asked) -> None:
    """Return when asked to stop; raise CannotRun when a child ends by itself."""
    readiness = Readiness(settings)
    while not asked.event.wait(0.25 if readiness.done else 0.05):
        for child in children:
            if not child.alive and not asked.times:
                raise CannotRun(child.how_it_ended())
        readiness.look()


class Readiness:
    """Asks /readyz until it says yes, and tells the person the address then."""

    def __init__(self, settings: Settings) -> None:
        any_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        self.host = any_address.get(settings.host, settings.host)
        self.port = settings.port
        self.name = settings.app_name
        self.header = trusted_name(settings.trusted_hosts, self.host)
        self.complain_at = time.monotonic() + READY_AFTER_SECONDS
        self.done = False

    def look(self) -> None:
        if self.done:
            return
        status, words = self.ask()
        is_late = time.monotonic() > self.complain_at
        if status == 200 and (is_ready(words) or is_late):
            self.done = True
            say(f"{self.name} is ready: {self.address}\nCtrl-C ends it.")
        elif is_late:
            self.complain_at += READY_AFTER_SECONDS
            say(f"Not ready yet: /readyz answers {status} {words}".strip())

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def ask(self) -> tuple[int, str]:
        """Return the status and the body; status 0 while nobody answers."""
        connection = HTTPConnection(self.host, self.port, timeout=0.5)
        try:
            connection.request("GET", "/readyz", headers={"Host": self.header})
            answer = connection.getresponse()
            return answer.status, answer.read(5000).decode("utf-8", "replace").strip()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()


def is_ready(words: str) -> bool:
    """Tell whether everything answers, the worker too; without it pages work, but no task runs."""
    with suppress(ValueError):
        return bool(json.loads(words)["status"] == "ready")
    return False


def trusted_name(trusted: Sequence[str], host: str) -> str:
    """Return a Host header that the application accepts."""
    return host if host in trusted or not trusted else trusted[0].lstrip(".")


def say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
