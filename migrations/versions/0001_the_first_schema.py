"""The first schema: accounts, circuits, ledger, verdicts, outbox, inventory.

All times are Unix seconds, as in every contract of Breaker.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    # What was true when this database was made, such as the fingerprint of the key that sends are hashed with.
    """
    CREATE TABLE facts (
        name text PRIMARY KEY,
        value text NOT NULL
    )
    """,
    """
    CREATE TABLE applications (
        application smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE
    )
    """,
    # Who an account is. Rarely written; what changes with every event is in circuits.
    """
    CREATE TABLE accounts (
        account integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL REFERENCES applications,
        grant_id text,
        address text,
        domain text,
        provider text,
        workspace_id text,
        home_workspace_id text,
        known_since double precision NOT NULL,
        grant_deleted_at double precision,
        merged_into integer REFERENCES accounts,
        CHECK (grant_id IS NOT NULL OR address IS NOT NULL)
    )
    """,
    "CREATE UNIQUE INDEX accounts_grant ON accounts (application, grant_id) WHERE merged_into IS NULL",
    "CREATE UNIQUE INDEX accounts_address ON accounts (application, address) WHERE merged_into IS NULL",
    "CREATE INDEX accounts_domain ON accounts (application, domain) WHERE merged_into IS NULL",
    # One row an account, locked by whoever counts or decides. No column that changes with an event is indexed, and
    # pages keep room, so that an update stays on its page; counters are stored plain: packing costs more than I/O.
    """
    CREATE TABLE circuits (
        account integer PRIMARY KEY REFERENCES accounts,
        state text NOT NULL DEFAULT 'sending',
        since double precision NOT NULL,
        epoch integer NOT NULL DEFAULT 0,
        pending_verdict bigint,
        pending_to text,
        pending_at double precision,
        pending_held_by text,
        confirmed text DEFAULT 'sending',
        confirmed_at double precision,
        last_event_at double precision,
        last_verdict bigint,
        counters bytea
    ) WITH (fillfactor = 60, toast_tuple_target = 8160,
            autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.1)
    """,
    "ALTER TABLE circuits ALTER COLUMN counters SET STORAGE PLAIN",
    "CREATE INDEX circuits_state ON circuits (state) WHERE state <> 'sending'",
    "CREATE INDEX circuits_pending ON circuits (account) WHERE pending_verdict IS NOT NULL",
    # One row a send, by day of sending; a partition has its own unique index (ledger_partition makes both).
    """
    CREATE TABLE ledger (
        send uuid NOT NULL,
        sent_at bigint NOT NULL,
        account integer NOT NULL,
        application smallint NOT NULL,
        outcomes smallint NOT NULL
    ) PARTITION BY RANGE (sent_at)
    """,
    # What is worth knowing of bad outcomes only; addresses are removed from the text before it comes here.
    """
    CREATE TABLE bad_outcomes (
        sent_at bigint NOT NULL,
        received_at double precision NOT NULL,
        occurred_at double precision NOT NULL,
        send uuid NOT NULL,
        account integer NOT NULL,
        application smallint NOT NULL,
        kind text NOT NULL,
        bounce_class text,
        counted boolean NOT NULL,
        recipient_domain text NOT NULL,
        sender_domain text,
        enhanced_status text,
        message_id text NOT NULL,
        diagnostic text
    ) PARTITION BY RANGE (sent_at)
    """,
    """
    CREATE FUNCTION ledger_partition(day bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
        suffix text := to_char(to_timestamp(day * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD');
    BEGIN
        IF to_regclass('ledger_' || suffix) IS NOT NULL AND to_regclass('bad_outcomes_' || suffix) IS NOT NULL THEN
            RETURN false;
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('breaker ledger partitions'));
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF ledger FOR VALUES FROM (%s) TO (%s)',
                       'ledger_' || suffix, day * 86400, (day + 1) * 86400);
        EXECUTE format('CREATE UNIQUE INDEX IF NOT EXISTS %I ON %I (application, account, send)',
                       'ledger_' || suffix || '_send', 'ledger_' || suffix);
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF bad_outcomes FOR VALUES FROM (%s) TO (%s)',
                       'bad_outcomes_' || suffix, day * 86400, (day + 1) * 86400);
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (application, account, received_at)',
                       'bad_outcomes_' || suffix || '_account', 'bad_outcomes_' || suffix);
        RETURN true;
    END $$
    """,
    # What each batch of events added for a domain in a workspace, by hour of sending: only ever inserted, so that no
    # row is hot, and folded into tallies_by_hour beside the hot path.
    """
    CREATE TABLE tally_additions (
        id bigint GENERATED ALWAYS AS IDENTITY,
        application smallint NOT NULL,
        domain text NOT NULL,
        workspace_id text NOT NULL,
        hour integer NOT NULL,
        sends integer NOT NULL,
        hard_bounces integer NOT NULL,
        bounces integer NOT NULL,
        delivered integer NOT NULL,
        complaints integer NOT NULL,
        rejected integer NOT NULL
    )
    """,
    """
    CREATE TABLE tallies_by_hour (
        application smallint NOT NULL,
        domain text NOT NULL,
        workspace_id text NOT NULL,
        hour integer NOT NULL,
        sends bigint NOT NULL,
        hard_bounces bigint NOT NULL,
        bounces bigint NOT NULL,
        delivered bigint NOT NULL,
        complaints bigint NOT NULL,
        rejected bigint NOT NULL,
        PRIMARY KEY (application, domain, workspace_id, hour)
    )
    """,
    """
    CREATE TABLE verdicts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL,
        account integer NOT NULL REFERENCES accounts,
        at double precision NOT NULL,
        from_state text NOT NULL,
        to_state text NOT NULL,
        detector text NOT NULL,
        signal text,
        window_size integer,
        count integer,
        of integer,
        rate double precision,
        threshold double precision,
        headroom jsonb,
        cause text,
        epoch integer NOT NULL,
        held_by text,
        why text NOT NULL,
        author text,
        context jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX verdicts_account ON verdicts (account, id)",
    """
    CREATE INDEX verdicts_automatic_stops ON verdicts (at)
        WHERE to_state = 'stopped' AND held_by IS NULL AND author IS NULL
    """,
    # The outbox: changes wanted on the platform until it was read back and shows them.
    """
    CREATE TABLE commands (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL,
        account integer NOT NULL REFERENCES accounts,
        epoch integer NOT NULL,
        verdict bigint REFERENCES verdicts,
        kind text NOT NULL,
        step smallint NOT NULL,
        priority smallint NOT NULL,
        created_at double precision NOT NULL,
        next_attempt_at double precision NOT NULL,
        claimed_by text,
        claimed_until double precision NOT NULL DEFAULT 0,
        attempts integer NOT NULL DEFAULT 0,
        sent_at double precision,
        error text,
        ended_at double precision,
        ended text CHECK (ended IN ('settled', 'superseded', 'given_up'))
    )
    """,
    "CREATE INDEX commands_open ON commands (application, priority, id) WHERE ended_at IS NULL",
    "CREATE INDEX commands_account ON commands (account, epoch)",
    # A mode that was set by a person, at one level; the most specific that has not expired wins over the configuration.
    """
    CREATE TABLE modes (
        application smallint NOT NULL REFERENCES applications,
        scope text NOT NULL CHECK (scope IN ('account', 'domain', 'workspace', 'application')),
        name text NOT NULL,
        mode text NOT NULL CHECK (mode IN ('observe', 'enforce', 'stopped', 'exempt')),
        reason text NOT NULL,
        author text NOT NULL,
        set_at double precision NOT NULL,
        expires_at double precision,
        PRIMARY KEY (application, scope, name)
    )
    """,
    # Every change that Breaker made on the platform and has not taken back.
    """
    CREATE TABLE inventory (
        application smallint NOT NULL REFERENCES applications,
        kind text NOT NULL,
        platform_id text NOT NULL,
        detail jsonb NOT NULL DEFAULT '{}',
        made_at double precision NOT NULL,
        PRIMARY KEY (application, kind, platform_id)
    )
    """,
    # Work that one daemon at a time may do. Leases live by this server's clock, since they measure processes.
    """
    CREATE TABLE leases (
        name text PRIMARY KEY,
        holder text NOT NULL,
        until timestamptz NOT NULL
    )
    """,
    # Signed notifications that were not understood, bounded by number.
    """
    CREATE TABLE undecoded (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application smallint NOT NULL REFERENCES applications,
        received_at double precision NOT NULL,
        trigger text NOT NULL,
        problem text NOT NULL,
        body bytea NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make everything."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Refuse: the ledger would be lost, and with it what stops accounts."""
    raise NotImplementedError("the first schema cannot be taken back; drop the database instead")
