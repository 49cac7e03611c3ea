"""The audit log: its entries with the tree's nodes, the keys of those it speaks of, and its signed heads."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "audit_trees",
        _text("tenant"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "audit_entries",
        _text("tenant"),
        _number("sequence"),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        _text("leaf"),
        _text("decision_id", nullable=True),
        _text("key", nullable=True),
        sa.PrimaryKeyConstraint("tenant", "sequence"),
    )
    _partial_index("audit_entries_by_decision", ["decision_id"], "decision_id")
    _partial_index("audit_entries_by_key", ["tenant", "key"], "key", unique=True)
    op.create_table(
        "audit_subject_keys",
        _text("tenant"),
        _text("id"),
        _text("subject", nullable=True),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("erased_by", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index("audit_subject_keys_by_subject", "audit_subject_keys", ["tenant", "subject"], unique=True)
    op.create_table(
        "audit_heads",
        _text("tenant"),
        _number("size"),
        _text("note"),
        sa.PrimaryKeyConstraint("tenant", "size"),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def _partial_index(name: str, columns: list[str], present: str, *, unique: bool = False) -> None:
    where = sa.text(f"{present} IS NOT NULL")
    op.create_index(name, "audit_entries", columns, unique=unique, sqlite_where=where, postgresql_where=where)
