"""Flask-Migrate, loaded only for who migrates: it brings alembic, which no web process needs."""

from typing import Any

import click
from flask import Flask
from werkzeug.local import LocalProxy

from app.config import PROJECT_ROOT
from app.extensions import db


class Migrations(click.Command):
    """Flask-Migrate's own commands, fetched when one of them is asked for."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        from flask_migrate.cli import db as theirs

        return theirs.make_context(*args, **options)


def is_known(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether models say that it is there: indexes of words are made where the database can."""
    return not (kind == "index" and name and name.endswith("_trigrams"))


def init_app(app: Flask) -> None:
    def bind() -> Any:
        from flask_migrate import Migrate

        directory = str(PROJECT_ROOT / "migrations")
        options = {"render_as_batch": True, "compare_type": True, "include_name": is_known}
        Migrate(app, db, directory, **options)
        return app.extensions["migrate"]  # by now its own

    app.extensions["migrate"] = LocalProxy(bind)
    app.cli.add_command(Migrations("db", help="Perform database migrations."))
