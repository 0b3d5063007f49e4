"""Accounts as they stand, one by one and page by page.

A page goes on from a cursor through an index and never counts rows off, so it costs the same wherever it is. An account
whose state changes in between has changed its place: it may be seen twice, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from breaker.adapters.postgres.directory import HOME, meant
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.platform_standings import PLATFORM_COLUMNS, PLATFORM_WIDTH, platform_of
from breaker.adapters.postgres.probes import PROBE_COLUMNS, PROBE_WIDTH, probe_of
from breaker.adapters.postgres.reading.cursors import decode_cursor, encode_cursor
from breaker.adapters.postgres.reading.mode_sql import (
    encode_configured,
    mode_expression,
    mode_joins,
    source_expression,
)
from breaker.adapters.postgres.reading.rows import CIRCUIT_COLUMNS, VERDICT_COLUMNS, circuit_of, verdict_of
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Level
from breaker.domain.circuits.states import SEVERITY, State, Wanted
from breaker.domain.platform.lost import LEFT_TO_PEOPLE, NOT_PUT_BACK
from breaker.domain.probes.probe import ProbeRules
from breaker.domain.probes.words import NOT_ENFORCED, outlook
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.domain.standing.listing import CursorError, Page, Sort
from breaker.domain.standing.standing import Enforcement, Standing
from breaker.domain.windows.counters import Counters
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    import asyncpg

    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.modes import ConfiguredModes
    from breaker.domain.probes.probe import Outlook, Probe
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.standing.listing import AccountFilter
    from breaker.domain.windows.counters import WindowSizes

WORST_FIRST = tuple(sorted(State, key=lambda state: -SEVERITY[state]))

_FROM = "FROM circuits c JOIN accounts a USING (account) JOIN applications p USING (application)"

_STANDING = f"""
    SELECT c.account, p.id, a.grant_id, a.address, a.domain, a.workspace_id, {HOME}, {CIRCUIT_COLUMNS},
           c.confirmed, c.confirmed_at, c.last_event_at, c.counters, {mode_expression("$3")}, {source_expression("$3")},
           coalesce(o.since, t.found_at), o.attempts,
           coalesce(o.error, CASE WHEN t.left_at IS NOT NULL THEN '{LEFT_TO_PEOPLE}'
                                  WHEN t.account IS NOT NULL AND t.put_back_at IS NULL THEN '{NOT_PUT_BACK}' END),
           coalesce(d.state, 'sending'), a.provider, {PROBE_COLUMNS},
           {PLATFORM_COLUMNS}, {VERDICT_COLUMNS}
    {_FROM}
    {mode_joins("$2")}
    LEFT JOIN verdicts v ON v.id = c.last_verdict
    LEFT JOIN probes b ON b.account = c.account
    LEFT JOIN platform_standings s ON s.account = c.account
    LEFT JOIN domain_circuits d ON d.application = a.application AND d.domain = a.domain
    LEFT JOIN put_backs t ON t.account = c.account AND t.epoch = c.epoch AND c.confirmed IS NULL
    LEFT JOIN LATERAL (
        SELECT min(m.created_at) AS since, max(m.attempts) AS attempts,
               (array_agg(m.error ORDER BY m.id DESC) FILTER (WHERE m.error IS NOT NULL))[1] AS error
        FROM commands m
        WHERE m.account = c.account AND m.epoch = c.epoch AND (m.ended_at IS NULL OR m.ended = 'given_up')
    ) o ON true
    WHERE c.account = ANY($1::int[])
"""  # noqa: S608 - made of constants


class _Position(NamedTuple):
    """The last account of a page: by `Sort.STATE` also the state that it was listed under."""

    sort: Sort
    state: State | None
    account: int


class PostgresAccounts:
    """Accounts as they stand.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
        configured: What the configuration says of modes, asked for at each reading.
        profiles: The profiles, asked for at each reading.
        now: The time in Unix seconds.
        rules: How accounts come back, asked for at each reading.
        protected: Whom no more than so much may happen to automatically, asked for at each reading.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a reading takes
        self,
        pool: asyncpg.Pool,
        sizes: WindowSizes,
        configured: Callable[[], ConfiguredModes],
        profiles: Callable[[], Profiles],
        now: Callable[[], float],
        rules: Callable[[], ProbeRules] = ProbeRules,
        protected: Callable[[], ProtectedAccounts] = lambda: NOBODY,
    ) -> None:
        """Read nothing yet."""
        self._rules = rules
        self._protected = protected
        self._pool = pool
        self._sizes = sizes
        self._configured = configured
        self._profiles = profiles
        self._now = now

    async def find(self, selector: Selector, limit: int = 100, *, refused: bool = False) -> Sequence[Standing]:
        """Return the accounts that a selector speaks of, the longest known first.

        Args:
            selector: Whom it is about.
            limit: How many at most.
            refused: Whether only those are meant that the platform itself refuses.
        """
        only = "JOIN platform_standings s USING (account)" if refused else ""
        statement = f"""
            SELECT c.account {_FROM} {only}
            WHERE a.merged_into IS NULL AND {meant(selector)} ORDER BY c.account LIMIT $2
        """
        with translated():
            return await self._standings([key for (key,) in await self._pool.fetch(statement, selector.name, limit)])

    async def page(
        self, wanted: AccountFilter, sort: Sort = Sort.STATE, limit: int = 100, cursor: str | None = None
    ) -> Page[Standing]:
        """Return one page of the accounts that pass a filter.

        Raises:
            CursorError: The cursor is none that this list gave.
        """
        after = decode_cursor(cursor, _Position) if cursor else None
        if after and (after.sort is not sort or (sort is Sort.STATE) is (after.state is None)):
            raise CursorError(f"the cursor belongs to another order than {sort}: begin again without one")
        found: list[_Position] = []
        with translated():
            for state, beyond in _groups(sort, after):
                if state and wanted.states and state not in wanted.states:
                    continue
                keys = await self._keys(wanted, state, beyond, limit + 1 - len(found))
                found += [_Position(sort, state, key) for key in keys]
                if len(found) > limit:
                    break
            standings = await self._standings([one.account for one in found[:limit]])
        return Page(tuple(standings), encode_cursor(found[limit - 1]) if len(found) > limit else None)

    async def _keys(self, wanted: AccountFilter, state: State | None, after: int, limit: int) -> list[int]:
        values: list[Any] = []

        def parameter(value: object) -> str:
            values.append(value)
            return f"${len(values)}"

        conditions = ["a.merged_into IS NULL", f"c.account > {parameter(after)}"]
        joins = ""
        if state:
            conditions.append(f"c.state = {parameter(state)}")
        elif wanted.states:
            conditions.append(f"c.state = ANY({parameter(sorted(wanted.states))}::text[])")
        if wanted.domain is not None:
            conditions.append(f"a.domain = {parameter(wanted.domain)}")
        if wanted.workspace_id is not None:
            conditions.append(f"{HOME} = {parameter(wanted.workspace_id)}")
        if wanted.application_id is not None:
            conditions.append(f"p.id = {parameter(wanted.application_id)}")
        if wanted.pending:
            conditions.append("c.pending_verdict IS NOT NULL")
        if wanted.modes:
            joins = mode_joins(parameter(self._now()))
            expression = mode_expression(parameter(encode_configured(self._configured())))
            conditions.append(f"{expression} = ANY({parameter(sorted(wanted.modes))}::text[])")
        statement = f"""
            SELECT c.account {_FROM} {joins} WHERE {" AND ".join(conditions)}
            ORDER BY c.account LIMIT {parameter(limit)}
        """
        return [key for (key,) in await self._pool.fetch(statement, *values)]

    async def _standings(self, keys: Sequence[int]) -> list[Standing]:
        """Return accounts in the order of their keys; those that are gone are missing."""
        if not keys:
            return []
        configured = encode_configured(self._configured())
        rows = await self._pool.fetch(_STANDING, keys, self._now(), configured)
        standings = {row[0]: self._standing(row) for row in rows}
        return [standings[key] for key in keys if key in standings]

    def _standing(self, row: Sequence[Any]) -> Standing:
        key, application_id, grant_id, address, domain, workspace_id, home_workspace_id = row[:7]
        circuit = circuit_of(row[7:16])
        confirmed, confirmed_at, last_event_at, counters, mode, source, since, attempts, error = row[16:25]
        domain_state, provider = row[25:27]
        probe, rest = probe_of(row[27 : 27 + PROBE_WIDTH]), row[27 + PROBE_WIDTH :]
        platform, verdict = rest[:PLATFORM_WIDTH], rest[PLATFORM_WIDTH:]
        name = grant_id or address or str(key)
        account = Account(key, application_id, grant_id, address, workspace_id, home_workspace_id)
        return Standing(
            key=key,
            id=name,
            application_id=application_id,
            grant_id=grant_id,
            provider=provider,
            address=address,
            domain=domain or "",
            domain_state=State(domain_state),
            workspace_id=workspace_id,
            home_workspace_id=home_workspace_id,
            circuit=circuit,
            mode=Mode(mode),
            mode_source=Level(source),
            assigned=self._profiles().assigned_to(account),
            enforcement=Enforcement(
                wanted=circuit.wanted,
                confirmed=Wanted(confirmed) if confirmed else None,
                since=confirmed_at if confirmed == circuit.wanted else since,
                attempts=attempts or 0,
                error=error,
            ),
            counters=Counters.from_bytes(self._sizes, counters),
            last_event_at=last_event_at,
            last_verdict=verdict_of(verdict, name, address) if verdict[0] is not None else None,
            probe=self._outlook(probe, circuit, Mode(mode)),
            platform=platform_of(platform) if platform[0] is not None else None,
            protected=self._protected().of(account),
        )

    def _outlook(self, probe: Probe | None, circuit: Circuit, mode: Mode) -> Outlook | None:
        if probe is None or not probe.belongs_to(circuit):
            return None
        return outlook(probe, self._rules(), NOT_ENFORCED.format(mode) if mode is not Mode.ENFORCE else None)


def _groups(sort: Sort, after: _Position | None) -> Iterator[tuple[State | None, int]]:
    """Yield the state to list next, or None for all, and the account to go on after."""
    if sort is Sort.KNOWN:
        yield None, after.account if after else 0
        return
    begin = WORST_FIRST.index(after.state) if after and after.state else 0
    for place, state in enumerate(WORST_FIRST[begin:]):
        yield state, after.account if after and place == 0 else 0
