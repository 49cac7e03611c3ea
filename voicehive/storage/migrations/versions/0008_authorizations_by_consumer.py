"""Which permission a run used is asked with every step that it takes."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the index."""
    op.create_index("authorizations_by_consumer", "authorizations", ["tenant", "consumed_by"])
