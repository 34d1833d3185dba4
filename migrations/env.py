"""Runs the migrations on the application's database."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from app.database import UTCDateTime

extension = current_app.extensions["migrate"]

# A migration that waits for a lock makes every request behind it wait too: give up early instead.
LOCK_TIMEOUT = "3s"


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """A migration must not need today's application: it says what our own types are made of."""
    is_ours = kind == "type" and isinstance(item, UTCDateTime)
    return "sa.DateTime(timezone=True)" if is_ours else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=extension.db.metadata,
        render_item=render_item,
        **extension.configure_args,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        context.run_migrations()


def print_sql() -> None:
    """``flask db upgrade --sql``: the statements, for somebody else to run."""
    context.configure(
        url=str(extension.db.engine.url), target_metadata=extension.db.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    print_sql()
else:
    with extension.db.engine.connect() as own_connection:
        run(own_connection)
