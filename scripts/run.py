"""Prepare the database, then run web and worker together until Ctrl-C ends both.

./dev run ends here. Exit status: 0 after Ctrl-C or SIGTERM, 1 when something could not start
or ended by itself; the reason is one sentence on standard error.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import Settings

ROOT = Path(__file__).resolve().parent.parent
READY_AFTER_SECONDS = 30
MARGIN_SECONDS = 3  # both processes keep the grace time themselves and then need a moment
WORKER = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]


class CannotRun(Exception):
    """What stops the run, in one sentence for the person who asked for it."""


def main() -> int:
    """Run Gatehouse in the foreground and return the exit status."""
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    try:
        write_env(ROOT / ".env")
        settings = read_settings()
        check_address(settings.host, settings.port)
        prepare_database(settings)
        return run(settings)
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


def prepare_database(settings: Settings) -> None:
    """Migrate and create what the first start needs; says what it did."""
    from sqlalchemy.exc import OperationalError

    from app import create_app
    from app.prepare import prepare

    try:
        prepare(create_app(settings), say)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise CannotRun(
            f"The database does not answer ({reason}): start it, or correct its settings."
        ) from None


def run(settings: Settings) -> int:
    """Start both processes, say when they are ready, and end them together."""
    asked = Asked()
    children: list[Child] = []
    try:
        children.append(Child("web", web_command(settings)))
        children.append(Child("worker", WORKER))
        watch(children, settings, asked)
        say("Stopping ...")
        return 0
    finally:
        stop(children, settings.shutdown_grace_seconds + MARGIN_SECONDS, asked)


class Asked:
    """Counts the requests to stop: the first is polite, the second means at once."""

    def __init__(self) -> None:
        self.times = 0
        self.event = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.once_more)

    def once_more(self, *_: object) -> None:
        self.times += 1
        self.event.set()


class Child:
    """A process in a session of its own, so that Ctrl-C reaches it through us only."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        if self.alive:
            self.process.terminate()

    def kill(self) -> None:
        """End the process and everything it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        self.process.wait()

    def how_it_ended(self) -> str:
        status = self.process.returncode
        how = (
            f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
        )
        return f"The {self.name} process ended by itself ({how}), so everything was stopped."


def web_command(settings: Settings) -> list[str]:
    """Granian in WSGI mode; requests are logged by the application, so not here."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"]
    command += ["--host", settings.host, "--port", str(settings.port)]
    command += [
        "--workers",
        str(settings.web_workers),
        "--blocking-threads",
        str(settings.web_threads),
    ]
    return [*command, "--no-access-log", "--log-level", "warning", "wsgi:app"]


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
        if status == 200:
            self.done = True
            say(f"{self.name} is ready: {self.address}\nCtrl-C ends it.")
        elif time.monotonic() > self.complain_at:
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
            return answer.status, answer.read(500).decode("utf-8", "replace").strip()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()


def trusted_name(trusted: Sequence[str], host: str) -> str:
    """Return a Host header that the application accepts."""
    return host if host in trusted or not trusted else trusted[0].lstrip(".")


def stop(children: Sequence[Child], patience: float, asked: Asked) -> None:
    """Ask every child to stop, wait that many seconds, then leave no process behind."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + patience
    while any(child.alive for child in children):
        if time.monotonic() > deadline or asked.times > 1:
            break
        time.sleep(0.02)
    for child in children:
        if child.alive:
            say(f"The {child.name} process did not stop in time and was killed.")
        child.kill()


def say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
