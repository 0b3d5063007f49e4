"""What the platform itself did to accounts, and how far its receipts of refused sends were read.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    # One row for each account that the platform refuses; it goes when that is over.
    """
    CREATE TABLE platform_standings (
        account integer PRIMARY KEY REFERENCES circuits ON DELETE CASCADE,
        what text NOT NULL CHECK (what IN ('platform_paused', 'restricted', 'rate_limited', 'evaluation_failed')),
        scope text CHECK (scope IN ('sender', 'grant', 'domain', 'application', 'organisation')),
        scope_told boolean NOT NULL,
        since double precision NOT NULL,
        seen_at double precision NOT NULL,
        source text NOT NULL CHECK (source IN ('observation', 'send_failed', 'evaluation')),
        status integer,
        error_type text NOT NULL,
        message text NOT NULL,
        request_id text,
        until double precision,
        refused bigint NOT NULL,
        noted_at double precision NOT NULL,
        announced_at double precision
    )
    """,
    # The platform's receipts are read grant by grant; those up to `until` are known.
    """
    CREATE TABLE evaluations_read (
        account integer PRIMARY KEY REFERENCES circuits ON DELETE CASCADE,
        read_at double precision NOT NULL,
        until double precision NOT NULL,
        refused bigint NOT NULL,
        last_refused_at double precision
    )
    """,
    """
    CREATE FUNCTION note_platform_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO circuit_changes (account) VALUES (coalesce(NEW.account, OLD.account));
        PERFORM pg_notify('breaker_gate', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER note_begin_or_end AFTER INSERT OR DELETE ON platform_standings FOR EACH ROW
        EXECUTE FUNCTION note_platform_change()
    """,
    """
    CREATE TRIGGER note_change AFTER UPDATE OF what ON platform_standings FOR EACH ROW
        WHEN (OLD.what IS DISTINCT FROM NEW.what) EXECUTE FUNCTION note_platform_change()
    """,
)


def upgrade() -> None:
    """Make room for it."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget it."""
    op.execute("DROP TABLE platform_standings")
    op.execute("DROP TABLE evaluations_read")
    op.execute("DROP FUNCTION note_platform_change()")
