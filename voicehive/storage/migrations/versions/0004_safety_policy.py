"""Signatures of policies, what autonomous actions took from budgets, kill switches, and the facts behind verdicts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables; policies that are there already are unsigned."""
    op.add_column("policies", sa.Column("signature", sa.Text()))
    op.add_column("policies", sa.Column("signer", sa.Text()))
    op.create_table(
        "autonomous_actions",
        *_key("tenant", "run"),
        _text("demand"),
        sa.Column("approved", sa.Boolean(), nullable=False),
        _text("state"),
        _time("reserved_at"),
        _time("closed_at", nullable=True),
    )
    op.create_table(
        "budget_charges",
        *_key("tenant", "run", "budget", "place"),
        sa.Column("millionths", sa.BigInteger(), nullable=False),
        _time("charged_at"),
    )
    op.create_index("budget_charges_by_time", "budget_charges", ["tenant", "budget", "place", "charged_at"])
    op.create_table("concurrency_slots", *_key("tenant", "run", "limit_id", "place"), _time("since"))
    op.create_index("concurrency_slots_by_place", "concurrency_slots", ["tenant", "limit_id", "place"])
    op.create_table(
        "kill_switches",
        _text("tenant"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        _text("author"),
        _text("reason"),
        _time("at"),
        sa.PrimaryKeyConstraint("tenant", "number"),
    )
    op.create_table(
        "assessments",
        *_key("tenant", "id"),
        *(_text(name) for name in ("decision_id", "facts", "verdict", "mode", "policy_digest")),
        _time("assessed_at"),
    )
    op.create_index("assessments_by_time", "assessments", ["tenant", "assessed_at"])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(*names: str) -> list[Any]:
    return [*(_text(name) for name in names), sa.PrimaryKeyConstraint(*names)]
