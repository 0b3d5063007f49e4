"""Adoption in PostgreSQL: what was found blocked or limited on the platform becomes so here, with a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.circuits import PostgresLocked
from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.circuit import act, apply
from breaker.domain.circuits.states import AT_LEAST, WANTED, Cause, State, Wanted
from breaker.ports import Account, Sender, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from breaker.adapters.postgres.identities import Identities
    from breaker.domain.windows.counters import WindowSizes
    from breaker.ports import FoundBlocked

JUST_ARRIVED = 120.0
"""Seconds after a release in which a list that still shows the account is taken for an old answer."""

_CAUSES = {Wanted.STOPPED: Cause.ADOPTED, Wanted.LIMITED: Cause.ADOPTED_LIMITED}

# What is unconfirmed is known too: on its way, or failed and shown as such. So is what was read back and not taken back
# since, whatever the state says. A new account is of epoch 0 and confirmed by itself, so the time of its confirmation
# says nothing.
_UNKNOWN = """
    SELECT s.address
    FROM unnest($2::text[]) AS s(address)
    WHERE NOT EXISTS (
        SELECT FROM applications p
        JOIN accounts a ON a.application = p.application AND a.address = s.address AND a.merged_into IS NULL
        JOIN circuits c ON c.account = a.account
        WHERE p.id = $1
          AND (CASE WHEN c.permitted IS NULL THEN c.state = ANY($3::text[]) ELSE c.permitted = ANY($5::text[]) END
               OR c.confirmed IS NULL OR c.confirmed = ANY($5::text[])
               OR (c.epoch > 0 AND c.confirmed_at > $4)
               OR EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.ended_at IS NULL))
    ) AND NOT EXISTS (
        SELECT FROM domain_stand_ins i JOIN applications p USING (application)
        WHERE p.id = $1 AND i.address = s.address
    )
    ORDER BY s.address
"""

_PROBED = """
    SELECT a.address
    FROM accounts a
    JOIN applications p USING (application)
    JOIN circuits c USING (account)
    WHERE p.id = $1 AND a.address = ANY($2::text[]) AND a.merged_into IS NULL
      AND (c.state = 'probing' OR EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.ended_at IS NULL))
"""

_CHANGING = "SELECT EXISTS (SELECT FROM commands WHERE account = $1 AND ended_at IS NULL)"

_CONFIRM = """
    UPDATE circuits SET confirmed = $2, confirmed_at = CASE WHEN $2::text IS NULL THEN NULL ELSE $3::float8 END
    WHERE account = $1
"""

# A quarantine is never a home: who was moved there by hand belongs to where it was.
_PLACE = """
    UPDATE accounts
    SET workspace_id = $2, home_workspace_id = coalesce($3, home_workspace_id, nullif(workspace_id, $2))
    WHERE account = $1
"""

_AWAY = """
    SELECT a.account, a.grant_id, a.address, a.workspace_id, a.home_workspace_id
    FROM accounts a
    JOIN applications p ON p.application = a.application
    WHERE p.id = $1 AND a.home_workspace_id IS NOT NULL AND a.merged_into IS NULL AND a.grant_deleted_at IS NULL
    ORDER BY a.account
"""

_UNCONFIRM_DOMAINS = """
    UPDATE domain_circuits d SET confirmed = NULL, confirmed_at = NULL
    FROM applications p
    WHERE p.id = $1 AND d.application = p.application AND d.state IN ('stopped', 'probing')
"""

_UNCONFIRM = """
    UPDATE circuits SET confirmed = NULL, confirmed_at = NULL
    WHERE account IN (
        SELECT c.account
        FROM circuits c
        JOIN accounts a ON a.account = c.account
        JOIN applications p ON p.application = a.application
        WHERE p.id = $1 AND c.state <> 'sending'
          AND CASE WHEN c.permitted IS NULL THEN c.state = ANY($2::text[]) ELSE c.permitted = $3 END
        ORDER BY c.account
        FOR NO KEY UPDATE OF c
    )
"""

_FORGET_LOST = """
    DELETE FROM put_backs t USING applications p
    WHERE p.id = $1 AND t.application = p.application AND t.account IS NOT NULL AND t.held = $2
"""
_FORGET_LOST_DOMAINS = """
    DELETE FROM put_backs t USING applications p
    WHERE p.id = $1 AND t.application = p.application AND t.domain IS NOT NULL
"""


class PostgresAdoption:
    """`breaker.ports.Adoption` on PostgreSQL.

    Args:
        pool: Connections to the database.
        identities: Makes accounts known.
        sizes: The windows of the counters.
    """

    def __init__(self, pool: asyncpg.Pool, identities: Identities, sizes: WindowSizes) -> None:
        self._pool = pool
        self._identities = identities
        self._sizes = sizes

    async def unknown_among(
        self, application_id: str, addresses: Collection[str], wanted: Wanted, now: float
    ) -> Sequence[str]:
        """Ask about all addresses at once."""
        enough = AT_LEAST[wanted]
        states = [state for state in State if WANTED[state] in enough]
        with translated():
            rows = await self._pool.fetch(
                _UNKNOWN, application_id, list(addresses), states, now - JUST_ARRIVED, list(enough)
            )
        return [row["address"] for row in rows]

    async def probed_among(self, application_id: str, addresses: Collection[str]) -> Collection[str]:
        """Ask about all addresses at once; who is on its way there or back is one of them."""
        with translated():
            rows = await self._pool.fetch(_PROBED, application_id, list(addresses))
        return {address for (address,) in rows}

    async def adopt(self, application_id: str, found: FoundBlocked, now: float) -> bool:
        """Decide with the circuit locked: it may have been held or let go since it was found."""
        sender = Sender(application_id, found.grant_id, found.address)
        with translated():
            number = (await self._identities.numbers_of([sender], now))[sender]
            async with self._pool.acquire() as connection, connection.transaction():
                locked = PostgresLocked(connection, self._sizes)
                known = (await locked.load([number])).get(number)
                if known is None or not known[0].is_of(sender):
                    # The database was replaced: its numbers are others' now, or nobody's.
                    self._identities.forget([number])
                    raise TryTransactionAgainError("an account's number was out of date")
                account, circuit, counters = known
                verdict = act(circuit, _CAUSES[found.wanted], now, "platform", "")
                if verdict is None or await connection.fetchval(_CHANGING, number):
                    return False
                verdict_id = await locked.record_verdict(account, verdict, {})
                await locked.save(account, apply(circuit, verdict, verdict_id), counters)
                confirmed = str(WANTED[verdict.to]) if found.confirmed else None
                await connection.execute(_CONFIRM, number, confirmed, now)
                if found.workspace_id is not None:
                    await connection.execute(_PLACE, number, found.workspace_id, found.home_workspace_id)
        return True

    async def away(self, application_id: str) -> Sequence[Account]:
        """Return accounts whose home is remembered: it is forgotten when they are there again."""
        with translated():
            rows = await self._pool.fetch(_AWAY, application_id)
        return [
            Account(number, application_id, grant_id, address, workspace_id, home)
            for number, grant_id, address, workspace_id, home in rows
        ]

    async def unconfirm(self, application_id: str, wanted: Wanted) -> None:
        """Lock in ascending order, as everybody does, and forget; what somebody else took out before says nothing."""
        states = [state for state in State if WANTED[state] is wanted]
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_UNCONFIRM, application_id, states, wanted)
                await connection.execute(_FORGET_LOST, application_id, wanted)

    async def unconfirm_domains(self, application_id: str) -> None:
        """Forget what was read back of stopped domains."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_UNCONFIRM_DOMAINS, application_id)
                await connection.execute(_FORGET_LOST_DOMAINS, application_id)
