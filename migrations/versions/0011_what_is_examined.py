"""What `breaker doctor` examines: the daemons that run, how notifications were signed, domains that were refused.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    # One row a daemon, written every ten seconds by the database's clock; those that are gone for a day are deleted.
    """
    CREATE TABLE daemons (
        name text PRIMARY KEY,
        seen_at double precision NOT NULL,
        clock_difference double precision NOT NULL,
        observe_only boolean NOT NULL,
        applications jsonb NOT NULL
    ) WITH (fillfactor = 50)
    """,
    # No body and no signature is kept, only how each stood to the other.
    """
    CREATE TABLE signings (
        application_id text NOT NULL,
        how text NOT NULL,
        number bigint NOT NULL,
        last_at double precision NOT NULL,
        packed boolean NOT NULL,
        PRIMARY KEY (application_id, how)
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE unverified_domains (
        application smallint NOT NULL REFERENCES applications,
        domain text NOT NULL,
        seen_at double precision NOT NULL,
        PRIMARY KEY (application, domain)
    )
    """,
)


def upgrade() -> None:
    """Make room for it."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Forget it."""
    for table in ("unverified_domains", "signings", "daemons"):
        op.execute(f"DROP TABLE {table}")
