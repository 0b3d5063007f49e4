"""Drills: a canary account taken through stop, refusal, reset and sending, and what became of each.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Written before each step, so that whoever finds one that was not ended knows what may be left of it. One a night:
    # they are kept. No recipient is in it.
    """
    CREATE TABLE drills (
        drill bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL REFERENCES applications,
        account integer NOT NULL REFERENCES accounts,
        asked_by text NOT NULL,
        nightly boolean NOT NULL,
        begun_at double precision NOT NULL,
        at_step text NOT NULL,
        stop_epoch integer,
        message_id text,
        heard text,
        heard_at double precision,
        outcome text CHECK (outcome IN ('passed', 'found', 'failed', 'abandoned')),
        failed_at text,
        steps jsonb NOT NULL DEFAULT '[]',
        rule_scope text CHECK (rule_scope IN ('workspace', 'application')),
        ended_at double precision
    )
    """,
    "CREATE INDEX drills_latest ON drills (application, drill)",
    "CREATE INDEX drills_unfinished ON drills (application) WHERE ended_at IS NULL",
)


def upgrade() -> None:
    """Make room for them."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP TABLE drills")
