"""Readings of metrics, and how far the runs that observe them have come."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "metric_readings",
        _text("tenant"),
        _text("series"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double[float](), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "series", "at"),
    )
    op.create_table(
        "observations",
        _text("tenant"),
        _text("run"),
        _text("watch"),
        _text("state"),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("observation", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "run"),
    )


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)
