"""The checkpoints of running optimisations, the cache of finished ones, and which results the cache may drop."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables; every result that is there already belongs to a decision and stays."""
    op.add_column("results", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "checkpoints",
        *_key("tenant", "owner", "digest"),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        _time("created_at"),
    )
    op.create_index("checkpoints_by_age", "checkpoints", ["tenant", "created_at"])
    op.create_table(
        "optimization_cache",
        *_key("tenant", "result"),
        sa.Column("key", sa.Text()),
        sa.Column("structure", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        _time("used_at"),
    )
    op.create_index("optimization_cache_by_key", "optimization_cache", ["tenant", "key"])
    op.create_index("optimization_cache_by_structure", "optimization_cache", ["tenant", "structure"])
    op.create_index("optimization_cache_by_use", "optimization_cache", ["tenant", "used_at"])


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _key(*names: str) -> list[Any]:
    columns = [sa.Column(name, sa.Text(), nullable=False) for name in names]
    return [*columns, sa.PrimaryKeyConstraint(*names)]
