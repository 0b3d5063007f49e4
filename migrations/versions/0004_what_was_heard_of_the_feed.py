"""What was heard of the feed, by hour, and the times in which it was not to be trusted.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Each daemon adds what it heard every few seconds, so pages keep room for that, and nothing it changes is indexed.
    """
    CREATE TABLE feed_hours (
        application smallint NOT NULL REFERENCES applications,
        trigger text NOT NULL,
        hour integer NOT NULL,
        events bigint NOT NULL,
        last_at double precision NOT NULL,
        PRIMARY KEY (application, trigger, hour)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE feeds (
        application smallint PRIMARY KEY REFERENCES applications,
        known_since integer NOT NULL,
        listening_since double precision NOT NULL,
        listened_at double precision NOT NULL,
        quiet_at double precision
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE feed_gaps (
        gap bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL REFERENCES applications,
        begins_at double precision NOT NULL,
        cause text NOT NULL CHECK (cause IN ('silence', 'ratio')),
        why text NOT NULL,
        found_at double precision NOT NULL,
        seen_at double precision NOT NULL,
        confirmed_at double precision,
        ends_at double precision
    )
    """,
    "CREATE UNIQUE INDEX feed_gaps_open ON feed_gaps (application) WHERE ends_at IS NULL",
)


def upgrade() -> None:
    """Make room for it."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget it."""
    for table in ("feed_gaps", "feeds", "feed_hours"):
        op.execute(f"DROP TABLE {table}")
