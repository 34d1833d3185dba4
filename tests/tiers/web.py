"""Real web servers, each a process of its own, for what only several processes can show."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app import server
from app.config import PROJECT_ROOT, load_settings
from tests.people import Browser
from tests.servers import reserve_port

THREADS = 4
# How many guesses of strangers at one account are looked at, and how many from one address.
STRANGERS, EACH_STRANGER = 2, 1
SECONDS_TO_START = 60


@dataclass
class Web:
    """A web server that listens, and the processes' log."""

    port: int
    log: Path
    source: str = "127.0.0.1"  # which address of this machine asks

    def ask(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[HTTPResponse, str]:
        """The answer and its text; a server that does not answer raises."""
        connection = HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=(self.source, 0)
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.ask("GET", "/healthz")[0].status == 200
        except (OSError, HTTPException):
            return False

    def get(self, path: str, who: Browser) -> tuple[HTTPResponse, str]:
        return self.ask("GET", path, Cookie=cookie_of(who))

    def post(self, path: str, who: Browser, **form: str) -> tuple[HTTPResponse, str]:
        body = urlencode({"csrf_token": who.token, **form})
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", path, body, **{"Cookie": cookie_of(who), "Content-Type": kind})


def cookie_of(who: Browser) -> str:
    """The session of somebody who came in by the application of this process."""
    who.token  # noqa: B018 - asking for it makes the session that knows it
    cookie = who.client.get_cookie("session")
    assert cookie
    return f"session={cookie.value}"


@contextmanager
def serving(
    settings: dict[str, Any], log: Path, served: str = "tests.tiers.served:app"
) -> Iterator[Web]:
    """Serve the application with ``settings`` (as load_settings takes them) by granian."""
    with reserve_port() as reservation, log.open("w") as output:
        port = reservation.getsockname()[1]
        ready = load_settings(**{**settings, "port": port, "web_threads": THREADS})
        arguments = [*server.command(ready)[:-1], served]
        process = subprocess.Popen(
            [sys.executable, "-m", "granian", *arguments],
            env=environment(settings),
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=output,
        )
        try:
            web = Web(port, log)
            deadline = time.monotonic() + SECONDS_TO_START
            while not web.is_up():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield web
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """The settings as a process reads them, and nothing else of this machine's."""
    named = {name.upper(): str(value) for name, value in settings.items() if name[0] != "_"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), **named}
