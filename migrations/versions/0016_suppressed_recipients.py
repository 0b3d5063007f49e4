"""Recipients that are not written to any more: the one table that has addresses of recipients as they are.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.execute(
        """
        CREATE TABLE suppressions (
            application smallint NOT NULL REFERENCES applications,
            address text NOT NULL,
            reason text NOT NULL CHECK (reason IN ('unknown_recipient', 'complaint')),
            first_at double precision NOT NULL,
            last_at double precision NOT NULL,
            times integer NOT NULL DEFAULT 1,
            written boolean NOT NULL DEFAULT false,
            refused boolean NOT NULL DEFAULT false,
            listed boolean NOT NULL DEFAULT false,
            PRIMARY KEY (application, address)
        )
        """
    )
    op.execute("CREATE INDEX suppressions_latest ON suppressions (application, last_at DESC, address)")
    op.execute(
        """
        COMMENT ON TABLE suppressions IS
        'Addresses of recipients in clear text, since they have to be matched: written only where [suppression] is on, '
        'dropped after its retention, erased by `breaker suppression erase`. Nothing else here has such addresses.'
        """
    )
    op.execute(
        """
        CREATE TABLE suppression_erasures (
            application smallint PRIMARY KEY REFERENCES applications,
            erased bigint NOT NULL
        )
        """
    )


def downgrade() -> None:
    """Forget them; what stands in the platform's List stays there until `breaker teardown`."""
    op.execute("DROP TABLE suppression_erasures")
    op.execute("DROP TABLE suppressions")
