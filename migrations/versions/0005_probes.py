"""A probe for each account that is stopped, limited or probed, and what a circuit permits meanwhile.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    # What is wanted of the platform in and between the rounds of a probe; null in every other state. New columns that
    # are null for all are made without touching a row.
    """
    ALTER TABLE circuits
        ADD COLUMN permitted text CHECK (permitted IN ('sending', 'limited', 'stopped')),
        ADD COLUMN watched_until double precision
    """,
    # Written by the one daemon that probes an application, some times a round.
    """
    CREATE TABLE probes (
        account integer PRIMARY KEY REFERENCES circuits ON DELETE CASCADE,
        phase text NOT NULL,
        state text NOT NULL,
        since double precision NOT NULL,
        epoch integer NOT NULL,
        next_at double precision,
        asks text,
        stops integer NOT NULL,
        failures integer NOT NULL,
        pace double precision NOT NULL,
        by_person boolean NOT NULL,
        began_at double precision,
        ordered_at double precision NOT NULL,
        round integer NOT NULL,
        sends integer NOT NULL,
        bad integer NOT NULL,
        seen_sends integer NOT NULL,
        seen_bad integer NOT NULL,
        seen_last_sent_at double precision,
        seen_late integer NOT NULL,
        opened_at double precision,
        closed_at double precision,
        heard_at double precision
    )
    """,
)


def upgrade() -> None:
    """Make room for probes."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take the room back; an account that is being probed is stopped again, where it is not so already."""
    op.execute(
        """
        UPDATE circuits SET state = 'stopped', epoch = epoch + 1, confirmed = NULL, confirmed_at = NULL
        WHERE state = 'probing'
        """
    )
    op.execute("DROP TABLE probes")
    op.execute("ALTER TABLE circuits DROP COLUMN watched_until, DROP COLUMN permitted")
