"""Indexes for lists of a million rows: what they are sorted by, and words (pg_trgm)."""

import logging

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

log = logging.getLogger("alembic.runtime.migration")


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    name = "lower(name)" if on_postgresql else "name COLLATE NOCASE"
    never = "'1970-01-01 00:00:00+00'::timestamptz" if on_postgresql else "'1970-01-01 00:00:00.000000'"
    deleted = sa.text("deleted_at IS NOT NULL")
    deactivated = sa.text("deleted_at IS NULL AND is_active IS false" if on_postgresql else "deleted_at IS NULL AND is_active IS 0")
    op.create_index('ix_users_by_name', 'users', [sa.text(name), 'id'])
    op.create_index('ix_users_by_seen', 'users', [sa.text(f"coalesce(last_seen_at, {never})"), 'id'])
    op.create_index('ix_users_by_joined', 'users', ['created_at', 'id'])
    op.create_index('ix_users_deleted', 'users', ['id'], postgresql_where=deleted, sqlite_where=deleted)
    op.create_index('ix_users_deactivated', 'users', ['id'], postgresql_where=deactivated, sqlite_where=deactivated)
    op.create_index('ix_jobs_created_at_id', 'jobs', ['created_at', 'id'])
    if on_postgresql and has_trigrams():
        op.execute(
            "CREATE INDEX ix_users_trigrams ON users USING gin"
            " ((' ' || lower(name) || ' ' || username || ' ' || email) gin_trgm_ops)"
        )
        op.execute(
            "CREATE INDEX ix_audit_events_trigrams ON audit_events USING gin ((' ' || lower(actor_name)"
            " || ' ' || lower(subject_name) || ' ' || address || ' ' || lower(detail)) gin_trgm_ops)"
        )


def has_trigrams() -> bool:
    """Make the extension where that is allowed; a trusted one, so the database's owner may."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError as error:
        log.warning("Without pg_trgm search looks through the newest rows only: %s", error.orig)
        return False
    return True


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS ix_audit_events_trigrams")
    op.execute("DROP INDEX IF EXISTS ix_users_trigrams")
    for name in ('created_at_id',):
        op.drop_index(f'ix_jobs_{name}', 'jobs')
    for name in ('deactivated', 'deleted', 'by_joined', 'by_seen', 'by_name'):
        op.drop_index(f'ix_users_{name}', 'users')
