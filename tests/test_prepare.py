"""Making a database ready, again and again and by several at once."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from app.config import PROJECT_ROOT, load_settings
from app.extensions import db
from app.prepare import is_current, prepare
from app.tiers.models import Tier
from app.users.models import User
from tests.conftest import KEY
from tests.people import person


@pytest.fixture
def address(mode: str, servers: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """The environment of a process with a database of its own, which is still empty."""
    given = {"SECRET_KEY": KEY, "DATA_DIR": str(tmp_path), "LOG_LEVEL": "WARNING"}
    given["DATABASE_URL"] = f"sqlite:///{tmp_path}/gatehouse.sqlite3"
    if mode == "server":
        servers["postgres"].drop_database("fresh")
        servers["postgres"].create_database("fresh")
        given["DATABASE_URL"] = servers["postgres"].url("fresh")
    return given


def app_at(address: dict[str, str], **changes: Any) -> Flask:
    given = {name.lower(): value for name, value in address.items()}
    return create_app(load_settings(_env_file=None, **{**given, **changes}))


@pytest.fixture
def fresh(address: dict[str, str]) -> Any:
    app = app_at(address)
    yield app
    with app.app_context():
        db.engine.dispose()


def counts(app: Flask) -> tuple[int, int]:
    """How many tiers and how many people there are."""
    with app.app_context():
        return tuple(db.session.scalar(select(func.count(kind.id))) for kind in (Tier, User))  # type: ignore[return-value]


def shown_password(said: str) -> str:
    [password] = re.findall(r"shown only once: (\S+)", said)
    return str(password)


def test_an_empty_database_gets_tables_a_tier_and_an_admin(fresh: Flask) -> None:
    said: list[str] = []
    prepare(fresh, said.append)

    assert counts(fresh) == (1, 1)
    with fresh.app_context():
        assert is_current()
        admin = db.session.scalars(User.by_username("admin")).unique().one()
        assert admin.is_superuser
        assert admin.has_password(shown_password("\n".join(said)))
        assert db.session.scalars(select(Tier.name)).all() == ["free"]


def test_the_second_time_nothing_happens_and_nothing_is_said(fresh: Flask) -> None:
    prepare(fresh, lambda _line: None)
    said: list[str] = []

    prepare(fresh, said.append)

    assert said == []
    assert counts(fresh) == (1, 1)


def test_a_renamed_tier_does_not_come_back(fresh: Flask) -> None:
    prepare(fresh, lambda _line: None)
    with fresh.app_context():
        db.session.scalars(select(Tier)).one().name = "basic"
        db.session.commit()

    prepare(fresh, lambda _line: None)

    with fresh.app_context():
        assert db.session.scalars(select(Tier.name)).all() == ["basic"]


def test_a_password_that_was_given_is_used_and_not_shown(address: dict[str, str]) -> None:
    app = app_at(address, admin_password="lilac vase trombone", admin_username="ann")
    said: list[str] = []
    prepare(app, said.append)

    assert "lilac" not in "\n".join(said)
    with app.app_context():
        assert db.session.scalars(User.by_username("ann")).one().has_password("lilac vase trombone")
        db.engine.dispose()


def test_a_taken_name_is_told_in_a_sentence(fresh: Flask) -> None:
    prepare(fresh, lambda _line: None)
    with fresh.app_context():
        db.session.delete(db.session.scalars(User.by_username("admin")).unique().one())
        db.session.flush()
        db.session.add(person("admin"))
        db.session.commit()
    said: list[str] = []

    prepare(fresh, said.append)

    assert said == ["There is no admin: ADMIN_USERNAME or ADMIN_EMAIL belongs to somebody else."]


def test_of_three_at_once_one_makes_the_admin_and_shows_the_password_once(
    address: dict[str, str], fresh: Flask
) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "prepare"]
    processes = [
        subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env={**address, "PATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert counts(fresh) == (1, 1)
    password = shown_password("\n".join(said))
    with fresh.app_context():
        assert db.session.scalars(User.by_username("admin")).one().has_password(password)
