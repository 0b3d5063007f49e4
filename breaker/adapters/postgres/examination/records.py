"""The database's facts for `breaker doctor`; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.examination.signs_of_life import Guarding
from breaker.domain.circuits.circuit import Mode
from breaker.domain.findings.facts import DaemonFact, HeldFact, ObservedFact, SigningFact
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.outcomes.signatures import Signing
from breaker.domain.probes.probe import QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

_GUARDING = msgspec.json.Decoder(dict[str, Guarding])

_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
_DAEMONS = """
    SELECT name, extract(epoch FROM clock_timestamp())::float8 - seen_at, clock_difference, observe_only,
           applications::text
    FROM daemons ORDER BY name
"""
_SIGNINGS = "SELECT how, number, last_at, packed FROM signings WHERE application_id = ANY($1::text[]) ORDER BY how"
# Mail of the domain that was heard of later says that it is verified by now.
_UNVERIFIED = """
    SELECT u.domain FROM unverified_domains u JOIN applications p USING (application)
    WHERE p.id = $1 AND NOT EXISTS (
        SELECT FROM accounts a JOIN circuits c USING (account)
        WHERE a.application = u.application AND a.domain = u.domain AND a.merged_into IS NULL
          AND c.last_event_at > u.seen_at
    )
    ORDER BY u.domain
"""
_BY_WORKSPACE = """
    SELECT a.workspace_id, count(*)
    FROM accounts a JOIN applications p USING (application)
    WHERE p.id = $1 AND a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL AND a.merged_into IS NULL
      AND coalesce(a.provider, 'nylas') = 'nylas'
    GROUP BY a.workspace_id
"""
_HELD = """
    SELECT a.grant_id, a.address, a.workspace_id, a.home_workspace_id, c.confirmed
    FROM circuits c JOIN accounts a USING (account) JOIN applications p USING (application)
    WHERE p.id = $1 AND a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL AND a.merged_into IS NULL
      AND (c.state <> 'sending' OR a.home_workspace_id IS NOT NULL)
    ORDER BY a.account
"""
_FREE = """
    SELECT a.grant_id
    FROM circuits c JOIN accounts a USING (account) JOIN applications p USING (application)
    WHERE p.id = $1 AND a.grant_id = ANY($2::text[]) AND a.merged_into IS NULL
      AND c.state IN ('sending', 'warned') AND c.confirmed = 'sending'
"""
_TAKEN_OUT = """
    SELECT coalesce(a.address, a.grant_id)
    FROM put_backs t
    JOIN applications p USING (application)
    JOIN accounts a USING (account)
    JOIN circuits c ON c.account = t.account AND c.epoch = t.epoch AND c.confirmed IS NULL
    WHERE p.id = $1 AND (t.left_at IS NOT NULL OR t.put_back_at IS NULL)
    UNION ALL
    SELECT 'domain:' || t.domain
    FROM put_backs t
    JOIN applications p USING (application)
    JOIN domain_circuits d ON d.application = t.application AND d.domain = t.domain AND d.epoch = t.epoch
    WHERE p.id = $1 AND d.confirmed IS NULL AND (t.left_at IS NOT NULL OR t.put_back_at IS NULL)
    ORDER BY 1
"""
_OBSERVED = """
    SELECT o.selector, min(o.author), min(o.reason), count(o.account), min(o.account)
    FROM (
        SELECT CASE WHEN m.scope = 'account' THEN '' ELSE m.scope || ':' || m.name END AS selector, m.author, m.reason,
               coalesce(a.address, a.grant_id) AS account
        FROM modes m JOIN applications p USING (application)
        LEFT JOIN accounts a ON m.scope = 'account' AND a.account::text = m.name
        WHERE p.id = $1 AND m.mode = $2 AND (m.expires_at IS NULL OR m.expires_at > $3)
    ) o
    GROUP BY o.selector
    ORDER BY o.selector
"""
_HOLD = """
    SELECT reason, author FROM holds WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
    ORDER BY hold DESC LIMIT 1
"""


_LEAKING = """
    SELECT coalesce(a.address, a.grant_id)
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    WHERE p.id = $1 AND c.state = 'stopped' AND c.confirmed = 'stopped' AND EXISTS (
        SELECT FROM ledger l
        WHERE l.application = a.application AND l.account = c.account AND l.outcomes <> $4
          AND l.sent_at > $2::float8 AND l.sent_at > c.confirmed_at + $3::float8
    )
    ORDER BY 1
"""


class PostgresExamination:
    """`breaker.flows.examine.Records` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def time(self) -> float:
        """Return the database's time, Unix seconds."""
        with translated():
            return float(await self._pool.fetchval(_NOW))

    async def daemons(self, application_id: str | None) -> Sequence[DaemonFact]:
        """Return the daemons that told of themselves within a day, as far as they guard an application."""
        with translated():
            rows = await self._pool.fetch(_DAEMONS)
        return [
            _daemon(DaemonFact(name, silent, difference, observe_only), _GUARDING.decode(guarding), application_id)
            for name, silent, difference, observe_only, guarding in rows
        ]

    async def signings(self, application_id: str) -> Sequence[SigningFact]:
        """Return how an application's notifications were signed; those that name none are anybody's."""
        with translated():
            rows = await self._pool.fetch(_SIGNINGS, [application_id, ""])
        return [SigningFact(Signing(how), number, last_at, packed) for how, number, last_at, packed in rows]

    async def unverified(self, application_id: str) -> Sequence[str]:
        """Return the sending domains that were refused as not verified, and not heard of since."""
        with translated():
            return [domain for (domain,) in await self._pool.fetch(_UNVERIFIED, application_id)]

    async def by_workspace(self, application_id: str) -> Mapping[str | None, int]:
        """Return how many Agent Accounts there are by workspace; None where it was not looked up yet."""
        with translated():
            return dict(await self._pool.fetch(_BY_WORKSPACE, application_id))

    async def held(self, application_id: str) -> Sequence[HeldFact]:
        """Return the accounts that are not simply sending, or away from home."""
        with translated():
            return [HeldFact(*row) for row in await self._pool.fetch(_HELD, application_id)]

    async def taken_out(self, application_id: str) -> Sequence[str]:
        """Return accounts and domains that somebody else took out of what held them, and that are left to people."""
        with translated():
            return [name for (name,) in await self._pool.fetch(_TAKEN_OUT, application_id)]

    async def leaking(self, application_id: str, since: float) -> Sequence[str]:
        """Return stopped accounts of which mail left since a moment though the platform was read back by then."""
        with translated():
            rows = await self._pool.fetch(_LEAKING, application_id, since, QUEUE, int(OutcomeSet.REJECTED))
        return [name for (name,) in rows]

    async def free_among(self, application_id: str, grant_ids: Sequence[str]) -> frozenset[str]:
        """Return those of some grants whose accounts can send, as the platform was read back."""
        with translated():
            return frozenset(grant for (grant,) in await self._pool.fetch(_FREE, application_id, list(grant_ids)))

    async def observed(self, application_id: str, now: float) -> Sequence[ObservedFact]:
        """Return where people set the mode observe; single accounts are one, by the first of them."""
        with translated():
            rows = await self._pool.fetch(_OBSERVED, application_id, Mode.OBSERVE, now)
        return [
            ObservedFact(selector or str(first), author, reason, accounts)
            for selector, author, reason, accounts, first in rows
        ]

    async def hold(self, now: float) -> str | None:
        """Return who holds all automatic changes back, and why; None where nobody does."""
        with translated():
            row = await self._pool.fetchrow(_HOLD, now)
        return None if row is None else f"by {row['author']}: {row['reason']}"


def _daemon(daemon: DaemonFact, guarding: Mapping[str, Guarding], application_id: str | None) -> DaemonFact:
    """Say how a daemon guards an application; one that learnt no id yet is of the sole one."""
    found = guarding.get(application_id or "") or guarding.get("")
    if found is None:
        return daemon
    return replace(daemon, installation=found.installation, acts=found.acts, observing=frozenset(found.observing))
