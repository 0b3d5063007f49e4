"""Changes of circuits, in a log that daemons read in the order of their commits, so that gates follow within a second.

A trigger notes whose state or epoch changes, and rings on the channel `breaker_gate`; counting changes neither, so it
pays nothing. Each row has the number of its transaction: whoever has read all that was committed before some
transaction reads on from there, and misses nothing that was committed late. Rows are kept for an hour; whoever was away
for longer reads everything.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE circuit_changes (
        change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        account integer,
        application smallint,
        domain text
    ) WITH (autovacuum_vacuum_scale_factor = 0.02)
    """,
    "CREATE INDEX circuit_changes_transaction ON circuit_changes (transaction)",
    # A database that was made anew, or another one behind the same address, is told by this.
    "INSERT INTO facts (name, value) VALUES ('database', gen_random_uuid()::text) ON CONFLICT DO NOTHING",
    """
    CREATE FUNCTION note_circuit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO circuit_changes (account) VALUES (coalesce(NEW.account, OLD.account));
        PERFORM pg_notify('breaker_gate', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER note_change AFTER UPDATE OF state, epoch, permitted ON circuits FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.epoch IS DISTINCT FROM NEW.epoch
              OR OLD.permitted IS DISTINCT FROM NEW.permitted)
        EXECUTE FUNCTION note_circuit_change()
    """,
    """
    CREATE TRIGGER note_end AFTER DELETE ON circuits FOR EACH ROW WHEN (OLD.state <> 'sending')
        EXECUTE FUNCTION note_circuit_change()
    """,
    """
    CREATE FUNCTION note_domain_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO circuit_changes (application, domain) VALUES (NEW.application, NEW.domain);
        PERFORM pg_notify('breaker_gate', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER note_change AFTER UPDATE OF state, epoch ON domain_circuits FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.epoch IS DISTINCT FROM NEW.epoch)
        EXECUTE FUNCTION note_domain_change()
    """,
    # Who an account is matters here only while it is held, or its domain is.
    """
    CREATE FUNCTION note_identity_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM domain_circuits d
                   WHERE d.application = NEW.application AND d.domain IN (NEW.domain, OLD.domain)
                     AND d.state <> 'sending') THEN
            INSERT INTO circuit_changes (account, application, domain)
            VALUES (NEW.account, NEW.application, NEW.domain);
            PERFORM pg_notify('breaker_gate', '');
        ELSIF EXISTS (SELECT FROM circuits c WHERE c.account = NEW.account AND c.state <> 'sending') THEN
            INSERT INTO circuit_changes (account) VALUES (NEW.account);
            PERFORM pg_notify('breaker_gate', '');
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER note_new AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION note_identity_change()
    """,
    """
    CREATE TRIGGER note_change AFTER UPDATE OF grant_id, address, domain ON accounts FOR EACH ROW
        WHEN ((OLD.grant_id, OLD.address, OLD.domain) IS DISTINCT FROM (NEW.grant_id, NEW.address, NEW.domain))
        EXECUTE FUNCTION note_identity_change()
    """,
)


def upgrade() -> None:
    """Note changes from now on."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Note nothing any more."""
    for table, triggers in (
        ("accounts", ("note_new", "note_change")),
        ("domain_circuits", ("note_change",)),
        ("circuits", ("note_change", "note_end")),
    ):
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in ("note_identity_change", "note_domain_change", "note_circuit_change"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DELETE FROM facts WHERE name = 'database'")
    op.execute("DROP TABLE circuit_changes")
