"""Who was taken out of a list by somebody else, what was not heard, and that it was read from the platform since.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Of one account or domain the last time; it says nothing about another epoch.
    """
    CREATE TABLE put_backs (
        application smallint NOT NULL REFERENCES applications,
        account integer REFERENCES accounts,
        domain text,
        epoch integer NOT NULL,
        held text NOT NULL,
        found_at double precision NOT NULL,
        put_back_at double precision,
        left_at double precision,
        CHECK (num_nonnulls(account, domain) = 1)
    )
    """,
    "CREATE UNIQUE INDEX put_backs_account ON put_backs (account) WHERE account IS NOT NULL",
    "CREATE UNIQUE INDEX put_backs_domain ON put_backs (application, domain) WHERE domain IS NOT NULL",
    # Times in which the webhook was not what it should be, so that not all that happened was heard.
    """
    CREATE TABLE webhook_failures (
        failure bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL REFERENCES applications,
        begins_at double precision NOT NULL,
        found_at double precision NOT NULL,
        ends_at double precision,
        filled_at double precision
    )
    """,
    "CREATE UNIQUE INDEX webhook_failures_open ON webhook_failures (application) WHERE ends_at IS NULL",
    # When what was not heard was read from the platform's send events; what is over already is left to people.
    "ALTER TABLE feed_gaps ADD COLUMN filled_at double precision",
    "UPDATE feed_gaps SET filled_at = ends_at WHERE ends_at IS NOT NULL",
)


def upgrade() -> None:
    """Make room for it."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE feed_gaps DROP COLUMN filled_at")
    for table in ("webhook_failures", "put_backs"):
        op.execute(f"DROP TABLE {table}")
