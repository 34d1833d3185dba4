"""Limits: a version of the policy, observed limits, what was used, and what undoes a change."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('limit_policy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_limit_policy'))
    )
    op.execute("INSERT INTO limit_policy (id, version) VALUES (1, 0)")
    op.create_table('limit_usage',
    sa.Column('user_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('route', sa.String(length=200), nullable=False),
    sa.Column('slice', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('tier_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('is_full', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'route', 'slice', 'tier_id', 'source', name=op.f('pk_limit_usage'))
    )
    with op.batch_alter_table('limit_usage', schema=None) as batch_op:
        batch_op.create_index('ix_limit_usage_slice', ['slice'], unique=False)
        batch_op.create_index('ix_limit_usage_tier_id_route_slice', ['tier_id', 'route', 'slice'], unique=False)

    with op.batch_alter_table('rate_limits', schema=None) as batch_op:
        batch_op.add_column(sa.Column('observed', sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table('audit_events', schema=None) as batch_op:
        batch_op.add_column(sa.Column('undo', sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('audit_events', schema=None) as batch_op:
        batch_op.drop_column('undo')

    with op.batch_alter_table('rate_limits', schema=None) as batch_op:
        batch_op.drop_column('observed')

    op.drop_table('limit_usage')
    op.drop_table('limit_policy')
