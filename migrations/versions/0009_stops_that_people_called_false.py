"""Stops that people called false are counted without reading the whole audit trail.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index those few."""
    op.execute("CREATE INDEX verdicts_false_stops ON verdicts (account, id) WHERE context ? 'false_stop'")


def downgrade() -> None:
    """Take the index back."""
    op.execute("DROP INDEX verdicts_false_stops")
