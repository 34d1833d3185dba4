"""Operators take the list of people with them as a file."""

import csv
import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import now
from app.extensions import db
from app.jobs.models import JobChunk
from app.tasks import Running
from app.users import tasks as user_tasks
from app.users.models import User
from tests.jobs.conftest import Declare
from tests.jobs.deeds import change, look, start, work_off
from tests.people import Browser, person


def exported(app: Flask, alice: Browser) -> tuple[str, list[dict[str, str]]]:
    """The file's raw text, and its rows by column."""
    identifier = start(app, "export_users", "alice")
    work_off(app)
    text = alice.get(f"/tasks/{identifier}/file").data.decode()
    return text, list(csv.DictReader(io.StringIO(text, newline="")))


def edit(app: Flask, username: str, **values: Any) -> None:
    with app.app_context():
        user = db.session.scalars(User.by_username(username)).unique().one()
        for name, value in values.items():
            setattr(user, name, value)
        db.session.commit()


def test_the_file_has_a_row_for_each_living_person(app: Flask, alice: Browser) -> None:
    edit(app, "carol", active=False, name='Carol "CC", Cooper')
    edit(app, "mallory", deleted_at=now())

    text, rows = exported(app, alice)

    assert text.startswith("id,name,username,email,tier,state,joined,last_seen\r\n")
    assert [(row["username"], row["tier"], row["state"]) for row in rows] == [
        ("alice", "pro", "active"),
        ("bob", "free", "active"),
        ("carol", "pro", "deactivated"),
    ]
    assert rows[1]["email"] == "bob@example.com"
    assert rows[2]["name"] == 'Carol "CC", Cooper'
    assert rows[0]["joined"].endswith("+00:00")
    assert "argon2" not in text


@pytest.mark.parametrize("start_of", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula(app: Flask, alice: Browser, start_of: str) -> None:
    edit(app, "mallory", name=f"{start_of}1+1")

    _, rows = exported(app, alice)

    assert rows[3]["name"] == f"'{start_of}1+1"


def test_the_page_offers_the_file_once_it_is_done(app: Flask, alice: Browser) -> None:
    identifier = start(app, "export_users", "alice")
    before = alice.get(f"/tasks/{identifier}")
    assert "Download" not in before.text
    assert alice.get(f"/tasks/{identifier}/file").status_code == 404

    work_off(app)

    assert f'href="/tasks/{identifier}/file"' in alice.get(f"/tasks/{identifier}").text
    assert look(app, identifier).result == {"users": 4}
    answer = alice.get(f"/tasks/{identifier}/file")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == "attachment; filename=users.csv"
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("status", ["queued", "running", "failed", "cancelled"])
def test_half_a_file_is_not_given_out(app: Flask, alice: Browser, status: str) -> None:
    identifier = start(app, "export_users", "alice")
    work_off(app)
    change(app, identifier, status=status)

    assert alice.get(f"/tasks/{identifier}/file").status_code == 404


def test_a_task_without_a_file_has_none(app: Flask, bob: Browser) -> None:
    identifier = start(app, "demonstration", size=1, pause=0)
    work_off(app)

    assert bob.get(f"/tasks/{identifier}/file").status_code == 404


def test_people_are_read_and_written_a_batch_at_a_time(
    app: Flask, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_tasks, "BATCH", 50)
    with app.app_context():
        db.session.add_all(person(f"user{number}") for number in range(230))
        db.session.commit()
    most = []
    as_csv = user_tasks.as_csv

    def watched(rows: Any) -> str:
        most.append(len([each for each in db.session if isinstance(each, User)]))
        return as_csv(rows)

    monkeypatch.setattr(user_tasks, "as_csv", watched)
    _, rows = exported(app, alice)

    assert len(rows) == 234
    assert max(most) == 50
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(JobChunk)) == 6


def test_the_file_is_streamed_piece_by_piece(app: Flask, bob: Browser, declare: Declare) -> None:
    def writes(job: Running) -> None:
        for number in range(3):
            job.write("numbers.csv", f"{number}\r\n")

    identifier = start(app, declare(writes))
    work_off(app)

    answer = bob.client.get(f"/tasks/{identifier}/file", buffered=False)

    assert [bytes(piece) for piece in answer.response] == [b"0\r\n", b"1\r\n", b"2\r\n"]
    assert "Content-Length" not in answer.headers
