"""Lists read from a replica, where there is one; people see what they did themselves at once.

A replica of PostgreSQL is behind by what has not reached it yet. Each request that may change
something notes under the person's name how far the log of the database had come. Their next lists
come from the replica only once it has come as far; until then, and where it does not answer, from
the database itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, has_request_context, request
from flask_login import current_user
from sqlalchemy import Engine, Executable, Result, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from app import versions
from app.extensions import cache, db

NAME = "replica"
LIFE = 3600  # seconds that a note is kept: a replica that is further behind is of no use
PAUSE = 10.0  # seconds without the replica after it failed, so that a dead one costs little
READS = ("GET", "HEAD", "OPTIONS")
START = "0/0"  # of the log
HOW_FAR = text("SELECT CAST(pg_current_wal_insert_lsn() AS text)")
HAS_COME = text("SELECT pg_last_wal_replay_lsn() >= CAST(:far AS pg_lsn)")  # NULL: no replica

log = structlog.get_logger()


class NoReplica(Exception):
    """What answers there is a database of its own."""


def init_app(app: Flask) -> None:
    """Note changes, if there is a replica."""
    if NAME in app.config["SQLALCHEMY_BINDS"]:
        app.extensions["replica_away_until"] = 0.0
        app.after_request(note_change)


def is_set() -> bool:
    return NAME in db.engines


def execute(statement: Executable) -> Result[Any]:
    """What a list needs, from where it may be read in this request."""
    return db.session.execute(statement, bind_arguments=whence())


def whence() -> dict[str, Any]:
    """For Session.execute; asked once in a request, so that a page and its count agree."""
    if not (is_set() and has_request_context()) or g.get("reads_at_source"):
        return {}
    if "reads_replica" not in g:
        g.reads_replica = request.method in READS and is_far_enough()
    return {"bind": db.engines[NAME]} if g.reads_replica else {}


@contextmanager
def at_the_source() -> Iterator[None]:
    """Read from the database itself: what others are given later must not be behind."""
    before = g.get("reads_at_source", False)
    g.reads_at_source = True
    try:
        yield
    finally:
        g.reads_at_source = before


def is_far_enough() -> bool:
    """Whether the replica answers and has all that this person changed."""
    if time.monotonic() < current_app.extensions["replica_away_until"]:
        return False
    try:
        far = versions.asked(lambda: cache.get(note())) or START
        return has_come(far)
    except versions.Away:
        return False
    except (SQLAlchemyError, NoReplica) as error:
        leave_out(type(error).__name__)
        return False


def answers() -> bool:
    """Whether it is there, and one."""
    try:
        return has_come(START)
    except (SQLAlchemyError, NoReplica):
        return False


def has_come(far: str) -> bool:
    """Whether the replica has all of the log until there. Raises SQLAlchemyError, NoReplica."""
    found = ask(db.engines[NAME], HAS_COME, far=far)
    if found is None:
        raise NoReplica
    return bool(found)


def leave_out(error: str) -> None:
    current_app.extensions["replica_away_until"] = time.monotonic() + PAUSE
    log.warning("replica.away", error=error, seconds=PAUSE)


def note_change(response: Response) -> Response:
    """Note how far the log is after what this request may have changed."""
    is_known = getattr(g.get("_login_user"), "is_authenticated", False)  # asks no database
    if request.method not in READS and is_known:
        try:
            far = ask(db.engine, HOW_FAR)
            versions.asked(lambda: cache.set(note(), far, timeout=LIFE), now=True)
        except (versions.Away, SQLAlchemyError) as error:
            log.warning("replica.unnoted", error=type(error).__name__)
    return response


def note() -> str:
    """The name in the cache under which it is noted who changed something."""
    return f"changed:{current_user.id if current_user.is_authenticated else ''}"


def ask(engine: Engine, question: TextClause, **values: Any) -> Any:
    """One trip, on a connection that is not the session's: if it fails, the session does not."""
    with engine.connect() as connection:
        at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
        return at_once.scalar(question, values)
