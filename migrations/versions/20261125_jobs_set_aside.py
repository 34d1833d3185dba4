"""Jobs that are set aside, that must end by a time and that wait in queues; who was told of ends."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

BEFORE = "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"
AFTER = "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')"


def upgrade() -> None:
    op.create_table('queues',
    sa.Column('name', sa.String(length=30), nullable=False),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_by', sa.String(length=60), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_queues'))
    )
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_jobs_known_status'), type_='check')
        batch_op.create_check_constraint(op.f('ck_jobs_known_status'), AFTER)
        batch_op.add_column(sa.Column('queue', sa.String(length=30), server_default='default', nullable=False))
        batch_op.add_column(sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_jobs_finished_at', ['finished_at'], unique=False)
        batch_op.create_index('ix_jobs_owner_id_finished_at', ['owner_id', 'finished_at'], unique=False)

    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('told_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.drop_column('told_at')

    op.execute("UPDATE jobs SET status = 'failed' WHERE status = 'dead'")
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.drop_index('ix_jobs_owner_id_finished_at')
        batch_op.drop_index('ix_jobs_finished_at')
        batch_op.drop_constraint(op.f('ck_jobs_known_status'), type_='check')
        batch_op.create_check_constraint(op.f('ck_jobs_known_status'), BEFORE)
        batch_op.drop_column('deadline_at')
        batch_op.drop_column('queue')

    op.drop_table('queues')
