"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "parameters",
        *_key("tenant", "deployment", "name"),
        sa.Column("value", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        _time("updated_at"),
    )
    op.create_table(
        "action_ledger",
        *_key("tenant", "key"),
        _text("owner"),
        _text("action"),
        _text("arguments_digest"),
        _text("state"),
        sa.Column("attempts", sa.Text()),
        sa.Column("withdrawn", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("compensation", sa.Text()),
        _time("recorded_at"),
    )
    op.create_table(
        "policies",
        _text("tenant"),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        _text("document"),
        _text("digest"),
        _text("author"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("tenant", "version"),
    )
    op.create_table(
        "authorizations",
        *_key("tenant", "id"),
        _text("digest"),
        _text("policy_digest"),
        _text("decision_id"),
        sa.Column("reviews", sa.Text(), nullable=False),
        _time("granted_at"),
        sa.Column("consumed_by", sa.Text()),
    )
    op.create_index("authorizations_by_digest", "authorizations", ["tenant", "digest"])
    op.create_table(
        "results",
        *_key("tenant", "digest", "kind"),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        _time("created_at"),
    )
    op.create_table(
        "decisions",
        *_key("tenant", "decision_id"),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("outcome", sa.Text()),
        _time("started_at"),
        _time("closed_at", nullable=True),
    )
    op.create_table(
        "notifications",
        *_key("tenant", "key"),
        _text("decision_id"),
        _text("recipient"),
        _text("kind"),
        _text("message"),
        _time("sent_at"),
    )
    op.create_index("notifications_by_decision", "notifications", ["tenant", "decision_id"])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(*names: str) -> list[Any]:
    return [*(_text(name) for name in names), sa.PrimaryKeyConstraint(*names)]
