"""What became of decisions, and the trust measured on it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "trust_outcomes",
        _text("tenant"),
        _text("decision_id"),
        _text("kind"),
        _text("parts"),
        sa.Column("confidence", sa.Double[float](), nullable=False),
        _text("situation"),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loss", sa.Double[float](), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "decision_id"),
    )
    op.create_index("trust_outcomes_by_kind", "trust_outcomes", ["tenant", "kind", "known_at"])
    op.create_table(
        "trust_reports",
        _text("tenant"),
        _text("kind"),
        _text("report"),
        sa.PrimaryKeyConstraint("tenant", "kind"),
    )


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)
