"""A probe for each sending domain that is stopped or probed, and the accounts that stand in for it meanwhile.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = (
    # As of accounts: what is wanted of the platform in and between the rounds of a probe.
    "ALTER TABLE domain_circuits ADD COLUMN permitted text CHECK (permitted IN ('sending', 'limited', 'stopped'))",
    """
    CREATE TABLE domain_probes (
        application smallint NOT NULL,
        domain text NOT NULL,
        account integer,
        cause text,
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
        heard_at double precision,
        PRIMARY KEY (application, domain),
        FOREIGN KEY (application, domain) REFERENCES domain_circuits ON DELETE CASCADE
    )
    """,
    # Addresses that are in the list of stopped accounts in the place of their domain, or are to be, by the epoch of the
    # domain that asked for each last. They are noted before they are put there, and forgotten once they were taken out.
    """
    CREATE TABLE domain_stand_ins (
        application smallint NOT NULL,
        address text NOT NULL,
        domain text NOT NULL,
        epoch integer NOT NULL,
        PRIMARY KEY (application, address),
        FOREIGN KEY (application, domain) REFERENCES domain_circuits ON DELETE CASCADE
    )
    """,
    "CREATE INDEX domain_stand_ins_domain ON domain_stand_ins (application, domain)",
)


def upgrade() -> None:
    """Make room for them."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take the room back; a domain that is being probed is stopped again, and so are those that stand in for it."""
    op.execute(
        """
        UPDATE domain_circuits SET state = 'stopped', epoch = epoch + 1, confirmed = NULL, confirmed_at = NULL
        WHERE state = 'probing'
        """
    )
    op.execute("DROP TABLE domain_stand_ins")
    op.execute("DROP TABLE domain_probes")
    op.execute("ALTER TABLE domain_circuits DROP COLUMN permitted")
