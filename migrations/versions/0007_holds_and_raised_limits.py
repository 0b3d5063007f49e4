"""Holds on automatic changes, and limits of the fleet guard that people raised for a while.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE holds (
        hold bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reason text NOT NULL,
        author text NOT NULL,
        set_at double precision NOT NULL,
        expires_at double precision,
        ended_at double precision,
        ended_by text
    )
    """,
    """
    CREATE TABLE guard_raises (
        guard_raise bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        number integer NOT NULL,
        share double precision NOT NULL,
        only_limit text CHECK (only_limit IN ('window', 'total', 'group')),
        reason text NOT NULL,
        author text NOT NULL,
        at double precision NOT NULL,
        expires_at double precision NOT NULL,
        ended_at double precision,
        ended_by text
    )
    """,
)


def upgrade() -> None:
    """Make room for them."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP TABLE guard_raises")
    op.execute("DROP TABLE holds")
