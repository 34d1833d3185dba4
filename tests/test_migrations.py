"""Migrations: they agree with the models, and go down as well as up, on both databases."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app import create_app, search
from app.config import PROJECT_ROOT, load_settings
from app.database import now
from app.extensions import db
from app.migrations import is_known
from app.users.found import matching, order
from tests.conftest import KEY

SCRIPTS = ScriptDirectory(str(PROJECT_ROOT / "migrations"))
# Oldest first: each is a step that must be taken back.
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


@pytest.fixture
def empty(mode: str, servers: dict[str, Any], tmp_path: Path) -> Iterator[Flask]:
    """An application whose database has nothing in it."""
    settings = {"_env_file": None, "secret_key": KEY, "data_dir": tmp_path}
    if mode == "server":
        servers["postgres"].drop_database("empty")
        servers["postgres"].create_database("empty")
        settings["database_url"] = servers["postgres"].url("empty")
    app = create_app(load_settings(**settings, log_level="WARNING"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def migrations(empty: Flask) -> Config:
    config: Config = empty.extensions["migrate"].migrate.get_config(SCRIPTS.dir)
    return config


def shape(connection: Connection) -> dict[str, Any]:
    """Tables, columns, keys and indexes, to see whether anything differs."""
    seen = inspect(connection)
    names = [name for name in seen.get_table_names() if name != "alembic_version"]
    return {
        name: [
            [(column["name"], str(column["type"])) for column in seen.get_columns(name)],
            sorted(described(index) for index in seen.get_indexes(name)),
            sorted(str(key) for key in seen.get_foreign_keys(name)),
            sorted(str(check) for check in seen.get_check_constraints(name)),
            sorted(str(unique) for unique in seen.get_unique_constraints(name)),
        ]
        for name in names
    }


def described(index: Any) -> str:
    """An index in one line, its condition as text."""
    options = {key: str(value) for key, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def current_shape() -> dict[str, Any]:
    with db.engine.connect() as connection:
        return shape(connection)


def test_models_and_migrations_agree(empty: Flask, migrations: Config) -> None:
    command.upgrade(migrations, "head")

    with db.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_known}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_every_migration_goes_up_down_and_up_again(empty: Flask, migrations: Config) -> None:
    for revision in REVISIONS:
        before = current_shape()
        command.upgrade(migrations, revision)
        after = current_shape()
        assert after != before

        command.downgrade(migrations, "-1")
        assert current_shape() == before

        command.upgrade(migrations, revision)
        assert current_shape() == after


def test_migrations_stand_in_one_line() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert len(SCRIPTS.get_bases()) == 1


@pytest.mark.parametrize("column", ["username", "email"])
def test_names_are_unique_among_the_living_only(
    empty: Flask, migrations: Config, column: str
) -> None:
    command.upgrade(migrations, "head")
    index = f"uq_users_{column}_living"
    with db.engine.connect() as connection:
        found = {each["name"]: each for each in inspect(connection).get_indexes("users")}
    conditions = found[index]["dialect_options"]

    assert found[index]["unique"]
    assert "deleted_at IS NULL" in str(next(iter(conditions.values())))

    add_person(1, ann=column, deleted=True)
    add_person(2, ann=column, deleted=False)
    add_person(3, ann=column, deleted=True)
    with pytest.raises(IntegrityError, match=f"{index}|users.{column}"):
        add_person(4, ann=column, deleted=False)


def add_person(number: int, ann: str, deleted: bool) -> None:
    """A row as another program would write it; the column ``ann`` has the same value each time."""
    users = db.metadata.tables["users"]
    values = {
        "name": "Ann",
        "username": f"ann{number}",
        "email": f"ann{number}@example.com",
        "deleted_at": now() if deleted else None,
        ann: "ann@example.com",
    }
    with db.engine.begin() as connection:
        connection.execute(users.insert().values(**values))


@pytest.mark.parametrize("mode", ["server"], indirect=True)
def test_a_migration_gives_up_when_a_table_stays_locked(empty: Flask, migrations: Config) -> None:
    command.upgrade(migrations, "head")

    with db.engine.connect() as other:
        other.execute(text("LOCK TABLE job_log IN ACCESS SHARE MODE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            command.downgrade(migrations, "base")

    assert "job_log" in current_shape()


def test_migrations_leave_the_loggers_alone(empty: Flask, migrations: Config) -> None:
    logger = logging.getLogger("app.somebody")
    command.upgrade(migrations, "head")

    assert not logger.disabled


@pytest.mark.parametrize("mode", ["server"], indirect=True)
def test_where_the_extension_is_not_allowed_search_does_without(
    empty: Flask, servers: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guest"))
        connection.execute(text("CREATE ROLE guest LOGIN PASSWORD 'guest'"))
        connection.execute(text("GRANT ALL ON SCHEMA public TO guest"))
    url = make_url(servers["postgres"].url("empty")).set(username="guest", password="guest")
    address = url.render_as_string(hide_password=False)
    values = {"secret_key": KEY, "data_dir": tmp_path, "database_url": address}
    app = create_app(load_settings(_env_file=None, **values, log_level="WARNING"))

    with app.app_context():
        config: Config = app.extensions["migrate"].migrate.get_config(SCRIPTS.dir)
        command.upgrade(config, "head")
        assert not search.is_indexed("users")
        assert db.session.execute(order().sort(matching(q="bob"))).all() == []
        db.session.remove()
        db.engine.dispose()

    assert "Without pg_trgm search looks through the newest rows only" in capfd.readouterr().err
    with db.engine.begin() as connection:
        connection.execute(text("DROP OWNED BY guest CASCADE"))
        connection.execute(text("DROP ROLE guest"))
