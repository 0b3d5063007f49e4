"""Sending domains as they stand: those that failed once, or that a person stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.domains import DOMAIN_CIRCUIT_COLUMNS, domain_circuit_of
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.probes import PROBE_COLUMNS, PROBE_WIDTH, probe_of
from breaker.adapters.postgres.reading.rows import VERDICT_COLUMNS, verdict_of
from breaker.domain.circuits.states import SEVERITY, State, Wanted
from breaker.domain.probes.domain_probe import rules_for_domains
from breaker.domain.probes.words import outlook
from breaker.domain.standing.standing import DomainStanding, Enforcement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    import asyncpg

    from breaker.domain.probes.probe import ProbeRules

_STANDING = f"""
    SELECT p.id, d.domain, {DOMAIN_CIRCUIT_COLUMNS}, d.confirmed_at,
           (SELECT count(*) FROM accounts a
            WHERE a.application = d.application AND a.domain = d.domain AND a.merged_into IS NULL),
           o.since, o.attempts, o.error,
           (SELECT a.address FROM accounts a WHERE a.account = b.account), {PROBE_COLUMNS}, {VERDICT_COLUMNS}
    FROM domain_circuits d
    JOIN applications p USING (application)
    LEFT JOIN verdicts v ON v.id = d.last_verdict
    LEFT JOIN domain_probes b ON b.application = d.application AND b.domain = d.domain AND b.state = d.state
                             AND b.since = d.since
    LEFT JOIN LATERAL (
        SELECT min(m.created_at) AS since, max(m.attempts) AS attempts,
               (array_agg(m.error ORDER BY m.id DESC) FILTER (WHERE m.error IS NOT NULL))[1] AS error
        FROM commands m
        WHERE m.application = d.application AND m.domain = d.domain AND m.epoch = d.epoch
          AND (m.ended_at IS NULL OR m.ended = 'given_up')
    ) o ON true
    WHERE d.last_verdict IS NOT NULL AND ($1::text IS NULL OR d.domain = $1)
    ORDER BY p.id, d.domain
"""  # noqa: S608 - made of constants
_CIRCUIT = slice(2, 14)
_PROBE = slice(_CIRCUIT.stop + 6, _CIRCUIT.stop + 6 + PROBE_WIDTH)


class PostgresDomainStandings:
    """Sending domains as they stand.

    Args:
        pool: Connections to the database.
        rules: How accounts come back, asked for at each reading.
    """

    def __init__(self, pool: asyncpg.Pool, rules: Callable[[], ProbeRules]) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._rules = rules

    async def all(self, states: Collection[State] = (), name: str | None = None) -> Sequence[DomainStanding]:
        """Return the domains that were ever decided about, the worst state first.

        Args:
            states: Those in these states only; in any, where there are none.
            name: The domain of this name only.
        """
        with translated():
            rows = await self._pool.fetch(_STANDING, name)
        rules = rules_for_domains(self._rules())
        standings = [_standing(row, rules) for row in rows]
        wanted = [one for one in standings if not states or one.circuit.circuit.state in states]
        return sorted(wanted, key=lambda one: (-SEVERITY[one.circuit.circuit.state], one.domain, one.application_id))


def _standing(row: Sequence[Any], rules: ProbeRules) -> DomainStanding:
    circuit = domain_circuit_of(row[_CIRCUIT])
    confirmed_at, accounts, since, attempts, error, probed_by = row[_CIRCUIT.stop : _PROBE.start]
    probe, verdict = probe_of(row[_PROBE]), row[_PROBE.stop :]
    wanted = circuit.circuit.wanted
    return DomainStanding(
        application_id=row[0],
        domain=row[1],
        circuit=circuit,
        enforcement=Enforcement(
            wanted=wanted,
            confirmed=Wanted(wanted) if circuit.confirmed else None,
            since=confirmed_at if circuit.confirmed else since,
            attempts=attempts or 0,
            error=error,
        ),
        accounts=accounts,
        last_verdict=verdict_of(verdict, f"domain:{row[1]}", None) if verdict[0] is not None else None,
        probe=outlook(probe, rules) if probe else None,
        probed_by=probed_by,
    )
