"""Which spans of the platform's send events were read into the ledger, so that a backfill goes on where it ended.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.execute(
        """
        CREATE TABLE backfilled (
            application smallint NOT NULL REFERENCES applications,
            begins_at bigint NOT NULL,
            ends_at bigint NOT NULL CHECK (ends_at > begins_at),
            judged boolean NOT NULL,
            PRIMARY KEY (application, begins_at)
        )
        """
    )


def downgrade() -> None:
    """Forget them: the next backfill reads everything again, and counts nothing twice."""
    op.execute("DROP TABLE backfilled")
