"""What tenants' language models have used against their budgets, and the answers kept from them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table("model_usage", *_key("tenant", "period"), _count("tokens"), _count("cost_micros"))
    op.create_table(
        "model_reservations",
        *_key("tenant", "call"),
        _text("period"),
        _count("tokens"),
        _count("cost_micros"),
        _time("reserved_at"),
    )
    op.create_table("model_answers", *_key("tenant", "digest"), _text("answer"), _time("created_at"))
    op.create_index("model_answers_by_age", "model_answers", ["tenant", "created_at"])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _key(*names: str) -> list[Any]:
    return [*(_text(name) for name in names), sa.PrimaryKeyConstraint(*names)]
