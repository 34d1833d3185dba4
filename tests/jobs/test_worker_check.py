"""Whether a worker is at work on this machine, for what watches its container."""

import socket

from flask import Flask

from app.extensions import db
from app.jobs.workers import Worker


def test_a_machine_without_a_worker_fails_the_check(app: Flask) -> None:
    answer = app.test_cli_runner().invoke(args=["worker", "--check"])

    assert answer.exit_code == 1
    assert "No worker is at work on this machine." in answer.output


def test_a_worker_of_another_machine_does_not_count(app: Flask) -> None:
    enlist(app, "elsewhere")

    assert app.test_cli_runner().invoke(args=["worker", "--check"]).exit_code == 1


def test_a_worker_of_this_machine_passes_the_check(app: Flask) -> None:
    enlist(app, socket.gethostname()[:100])

    answer = app.test_cli_runner().invoke(args=["worker", "--check"])

    assert answer.exit_code == 0
    assert answer.output == "A worker is at work on this machine.\n"


def enlist(app: Flask, host: str) -> None:
    with app.app_context():
        db.session.add(Worker(id="one", host=host, pid=1, threads=1))
        db.session.commit()
