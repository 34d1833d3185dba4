"""What every table has in common: key names, times in UTC, soft deletion."""

from datetime import UTC, datetime
from time import monotonic
from typing import Any

from psycopg import Error as DatabaseError
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import DateTime, Index, MetaData, event, text
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import IntegrityError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, registry
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

FOREIGN_KEY = "foreign key"
NEVER_PREPARED: dict[str, Any] = {"prepare_threshold": None}  # psycopg prepares what comes again
TRUSTED_SECONDS = 0.1  # how long a connection is taken to live on after it was used
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    """The current time in UTC, with its zone."""
    return datetime.now(UTC)


class UTCDateTime(TypeDecorator[datetime]):
    """A time with its zone. SQLite keeps no zone, so it stores and returns UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time needs its zone: use app.database.now().")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(naming_convention=NAMING_CONVENTION),
        type_annotation_map={datetime: UTCDateTime()},
    )


class Timestamped:
    """When a row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime | None] = mapped_column(onupdate=now)


class SoftDeleted:
    """A row that can be taken out of sight and brought back."""

    deleted_at: Mapped[datetime | None]

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class Versioned:
    """A counter that moves with every change; a form that carries an older one is stale."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 (SQLAlchemy calls it on the class)
        return {"version_id_col": cls.version}


def unique_among_living(table: str, column: str) -> Index:
    """Unique while ``deleted_at`` is empty, so that a deleted person's name can be taken again."""
    living = text("deleted_at IS NULL")
    return Index(
        f"uq_{table}_{column}_living",
        column,
        unique=True,
        postgresql_where=living,
        sqlite_where=living,
    )


def broken_rule(error: IntegrityError) -> str:
    """The name of the constraint or the column that the database refused; "" when unknown.

    PostgreSQL names the constraint; SQLite names ``table.column``. A foreign key that leads
    nowhere is FOREIGN_KEY in both.
    """
    diagnostics = getattr(error.orig, "diag", None)
    if isinstance(error.orig, ForeignKeyViolation):
        return FOREIGN_KEY
    if diagnostics is not None and diagnostics.constraint_name:
        return str(diagnostics.constraint_name)
    message = str(error.orig)
    if "FOREIGN KEY constraint failed" in message:
        return FOREIGN_KEY
    _, found, column = message.partition("UNIQUE constraint failed: ")
    return column if found else ""


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Write-ahead log, foreign keys, patience, and lower() beyond ASCII as PostgreSQL has it."""
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "synchronous=NORMAL",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def listen_to(engine: Engine) -> None:
    """Prepare every SQLite connection that ``engine`` opens; ask servers whether they are there."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", prepare_sqlite)
    else:
        event.listen(engine, "checkin", note_rest)
        event.listen(engine, "checkout", ask_after_rest)


def note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = monotonic()


def ask_after_rest(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Ask a connection that was not in use just now whether it still lives, else make a new one.

    As the pool's own pre-ping does, but not between one statement and the next of a busy process:
    there it is an eighth of the time.
    """
    since = record.info.get("rests_since")
    if since is None or monotonic() - since < TRUSTED_SECONDS:
        return
    try:
        connection.autocommit = True  # one trip, where a transaction is three
        connection.execute("SELECT 1")
        connection.autocommit = False
    except DatabaseError as error:
        raise InvalidatePoolError from error


def engine_options(url: str, threads: int, may_prepare: bool = True) -> dict[str, Any]:
    """Flask-SQLAlchemy engine options for ``url``: a pool as large as the number of threads.

    Unless it ``may_prepare``, no statement is prepared on the server: behind PgBouncer in
    transaction mode the next one may run on another connection.
    """
    if url.startswith("sqlite"):
        # IMMEDIATE takes the write lock when a change begins, so two writers wait, never fail.
        return {
            "connect_args": {"isolation_level": "IMMEDIATE", "timeout": 10},
            "hide_parameters": True,
        }
    return {
        "hide_parameters": True,  # a failed statement is logged without anybody's data
        "pool_size": threads,
        "max_overflow": 2,
        "pool_timeout": 5,
        "pool_recycle": 1800,
        "connect_args": {"connect_timeout": 3, **({} if may_prepare else NEVER_PREPARED)},
    }
