"""Repairs of what somebody else changed on the platform, so that no two sides mend against each other for ever.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.execute(
        """
        CREATE TABLE repairs (
            application_id text NOT NULL,
            kind text NOT NULL,
            object text NOT NULL,
            at double precision NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX repairs_object ON repairs (application_id, object, at)")


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP TABLE repairs")
