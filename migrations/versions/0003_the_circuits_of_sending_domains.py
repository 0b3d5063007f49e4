"""A sending domain has a circuit of its own, with verdicts and commands like an account's.

A domain's verdict stands in the audit trail with the domain as its scope, and its commands in the outbox with the
domain instead of an account. Refusals are found by sending domain, and complaints by recipient domain, through indexes
on those few bad outcomes alone.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Written when a domain fails or is reset, never by the counting of a batch: no row here is hot.
    """
    CREATE TABLE domain_circuits (
        application smallint NOT NULL REFERENCES applications,
        domain text NOT NULL,
        state text NOT NULL DEFAULT 'sending',
        since double precision NOT NULL DEFAULT 0,
        epoch integer NOT NULL DEFAULT 0,
        pending_verdict bigint,
        pending_to text,
        pending_at double precision,
        pending_held_by text,
        confirmed text DEFAULT 'sending',
        confirmed_at double precision,
        restarted_at double precision NOT NULL DEFAULT 0,
        last_verdict bigint,
        PRIMARY KEY (application, domain)
    )
    """,
    # The sends, by time of sending, whose refusals are the domain's and say nothing against its accounts.
    """
    CREATE TABLE domain_intervals (
        application smallint NOT NULL,
        domain text NOT NULL,
        begins_at double precision NOT NULL,
        ends_at double precision,
        PRIMARY KEY (application, domain, begins_at),
        FOREIGN KEY (application, domain) REFERENCES domain_circuits
    )
    """,
    "ALTER TABLE verdicts DROP CONSTRAINT verdicts_of_an_account_or_a_group",
    """
    ALTER TABLE verdicts ADD CONSTRAINT verdicts_of_an_account_or_a_group
        CHECK (CASE WHEN scope IS NULL THEN num_nulls(account, from_state, to_state, epoch) = 0
                    ELSE account IS NULL AND num_nulls(from_state, to_state, epoch) IN (0, 3) END)
    """,
    "CREATE INDEX verdicts_scope ON verdicts (application, scope, id) WHERE scope IS NOT NULL",
    "ALTER TABLE commands ADD COLUMN domain text",
    "ALTER TABLE commands ALTER COLUMN account DROP NOT NULL",
    """
    ALTER TABLE commands ADD CONSTRAINT commands_of_an_account_or_a_domain CHECK (num_nonnulls(account, domain) = 1)
    """,
    "CREATE INDEX commands_domain ON commands (application, domain, epoch) WHERE domain IS NOT NULL",
    """
    CREATE INDEX bad_outcomes_refusals ON bad_outcomes (application, sender_domain, sent_at)
        WHERE bounce_class = 'policy'
    """,
    "CREATE INDEX bad_outcomes_complaints ON bad_outcomes (recipient_domain, account) WHERE kind = 'complaint'",
    # Recipient domains that were seen to send complaint feedback, beside those that are configured.
    """
    CREATE TABLE learnt_feedback (
        domain text PRIMARY KEY,
        complaints integer NOT NULL,
        accounts integer NOT NULL,
        learnt_at double precision NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make room for circuits of domains."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take the room back, and what is in it."""
    op.execute("DROP TABLE learnt_feedback")
    op.execute("DROP INDEX bad_outcomes_complaints")
    op.execute("DROP INDEX bad_outcomes_refusals")
    op.execute("DELETE FROM commands WHERE domain IS NOT NULL")
    op.execute("ALTER TABLE commands DROP COLUMN domain")  # its index and constraint go with it
    op.execute("ALTER TABLE commands ALTER COLUMN account SET NOT NULL")
    op.execute("DELETE FROM verdicts WHERE scope IS NOT NULL AND to_state IS NOT NULL")
    op.execute("DROP INDEX verdicts_scope")
    op.execute("ALTER TABLE verdicts DROP CONSTRAINT verdicts_of_an_account_or_a_group")
    op.execute(
        """
        ALTER TABLE verdicts ADD CONSTRAINT verdicts_of_an_account_or_a_group
            CHECK (CASE WHEN scope IS NULL THEN num_nulls(account, from_state, to_state, epoch) = 0
                        ELSE num_nonnulls(account, from_state, to_state, epoch) = 0 END)
        """
    )
    op.execute("DROP TABLE domain_intervals")
    op.execute("DROP TABLE domain_circuits")
