"""The connection breaks while a job ends: whether that was committed, only the database knows."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy.engine import make_url

from app.database import now
from tests.jobs.consumers import Pool, has_ended, marks, until
from tests.jobs.deeds import change, lines, look, start

pytestmark = [pytest.mark.server_only, pytest.mark.usefixtures("kinds")]


class Wire:
    """A way to PostgreSQL that breaks once, at a job's end: before its COMMIT gets there, or after,
    before the answer comes back.
    """

    def __init__(self, port: int, is_too_early: bool) -> None:
        self.far_port, self.is_too_early, self.is_whole = port, is_too_early, True
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.door.getsockname()[1]
        threading.Thread(target=self.open, daemon=True).start()

    def open(self) -> None:
        with suppress(OSError):  # the door was closed
            while True:
                near, _ = self.door.accept()
                far = socket.create_connection(("127.0.0.1", self.far_port))
                here = SimpleNamespace(near=near, far=far, ends=False, is_deaf=False)
                for carry in (self.ask, self.answer):
                    threading.Thread(target=carry, args=[here], daemon=True).start()

    def ask(self, here: SimpleNamespace) -> None:
        for data in pieces(here.near):
            here.ends |= b"Done" in data  # the last line of the job's log
            if self.is_whole and here.ends and b"COMMIT" in data:
                self.is_whole, here.is_deaf = False, True
                if self.is_too_early:
                    break
            here.far.sendall(data)
        hang_up(here)

    def answer(self, here: SimpleNamespace) -> None:
        for data in pieces(here.far):
            if here.is_deaf:
                break
            here.near.sendall(data)
        hang_up(here)


def pieces(end: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while data := end.recv(65536):
            yield data


def hang_up(here: SimpleNamespace) -> None:
    for end in (here.near, here.far):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def has_lost_a_try(app: Flask, identifier: str) -> bool:
    job = look(app, identifier)
    return job.status == "queued" and job.attempt == 1


@pytest.mark.parametrize("is_too_early", [True, False], ids=["not committed", "committed"])
def test_a_job_whose_end_is_not_answered_has_its_effect_once(
    app: Flask, pool: Pool, is_too_early: bool
) -> None:
    url = make_url(app.config["SETTINGS"].sqlalchemy_url)
    wire = Wire(url.port or 5432, is_too_early)
    address = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
    pool.start(DATABASE_URL=address)
    identifier = start(app, "leave_a_mark")
    if is_too_early:
        until(lambda: has_lost_a_try(app, identifier), pool)
        change(app, identifier, run_at=now())
    until(lambda: has_ended(app, identifier), pool)
    pool.kill_all()
    wire.door.close()

    assert not wire.is_whole
    tries = 2 if is_too_early else 1
    assert (look(app, identifier).status, look(app, identifier).attempt) == ("succeeded", tries)
    assert marks(app) == lines(app, identifier).count("Done") == 1
