"""Modes that people set for groups stand in the audit trail too, which can be read by time.

A person's change of the mode of a domain, a workspace or an application is one entry that concerns no single account,
so it has a scope instead of an account, and no states. A row of `facts` counts the changes, so that daemons notice them
by reading one row.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE verdicts ADD COLUMN scope text",
    "ALTER TABLE verdicts ALTER COLUMN account DROP NOT NULL",
    "ALTER TABLE verdicts ALTER COLUMN from_state DROP NOT NULL",
    "ALTER TABLE verdicts ALTER COLUMN to_state DROP NOT NULL",
    "ALTER TABLE verdicts ALTER COLUMN epoch DROP NOT NULL",
    """
    ALTER TABLE verdicts ADD CONSTRAINT verdicts_of_an_account_or_a_group
        CHECK (CASE WHEN scope IS NULL THEN num_nulls(account, from_state, to_state, epoch) = 0
                    ELSE num_nonnulls(account, from_state, to_state, epoch) = 0 END)
    """,
    "CREATE INDEX verdicts_at ON verdicts (at)",
    "INSERT INTO facts (name, value) VALUES ('modes_version', '0') ON CONFLICT DO NOTHING",
)


def upgrade() -> None:
    """Make room for entries without an account."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take the room back, and the entries in it."""
    op.execute("DELETE FROM facts WHERE name = 'modes_version'")
    op.execute("DROP INDEX verdicts_at")
    op.execute("DELETE FROM verdicts WHERE scope IS NOT NULL")
    op.execute("ALTER TABLE verdicts DROP CONSTRAINT verdicts_of_an_account_or_a_group")
    for column in ("epoch", "to_state", "from_state", "account"):
        op.execute(f"ALTER TABLE verdicts ALTER COLUMN {column} SET NOT NULL")
    op.execute("ALTER TABLE verdicts DROP COLUMN scope")
