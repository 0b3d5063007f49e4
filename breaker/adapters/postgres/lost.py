"""Who was held on the platform and is no more, in PostgreSQL: compared with what the lists were read to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import WANTED, State, Wanted
from breaker.ports import Account, Lost, SendingDomain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from breaker.domain.platform.lost import Response

# Who is limited and found in the list of stopped accounts is held all the same: it is adopted as stopped.
_ACCOUNTS = """
    SELECT a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id,
           coalesce(c.confirmed, t.held) AS held, c.state, c.permitted, c.epoch,
           coalesce(s.address, CASE WHEN coalesce(c.confirmed, t.held) = 'limited' THEN l.address END) IS NOT NULL
               AS listed,
           EXISTS (
               SELECT FROM commands o
               WHERE o.account = c.account AND o.epoch = c.epoch AND o.kind IN ('block', 'limit')
                 AND o.ended = 'settled'
           ) AS ordered,
           c.confirmed IS NULL AS told, t.put_back_at, t.left_at
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    LEFT JOIN put_backs t ON t.account = c.account AND t.epoch = c.epoch
    LEFT JOIN unnest($3::text[]) AS s(address) ON s.address = a.address
    LEFT JOIN unnest($4::text[]) AS l(address) ON l.address = a.address
    WHERE p.id = $1 AND c.state <> 'sending' AND a.merged_into IS NULL AND a.address IS NOT NULL
      AND CASE WHEN c.confirmed IS NULL THEN t.account IS NOT NULL
               WHEN c.confirmed = 'stopped' THEN s.address IS NULL AND coalesce(c.confirmed_at, 0) < $2
               WHEN c.confirmed = 'limited' THEN s.address IS NULL AND l.address IS NULL
                                                 AND coalesce(c.confirmed_at, 0) < $2 END
      AND NOT EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.ended_at IS NULL)
    ORDER BY a.account
"""

_DOMAINS = """
    SELECT d.domain, d.epoch, s.domain IS NOT NULL AS listed, d.confirmed IS NULL AS told, t.put_back_at, t.left_at
    FROM domain_circuits d
    JOIN applications p USING (application)
    LEFT JOIN put_backs t ON t.application = d.application AND t.domain = d.domain AND t.epoch = d.epoch
    LEFT JOIN unnest($3::text[]) AS s(domain) ON s.domain = d.domain
    WHERE p.id = $1 AND d.state <> 'sending'
      AND CASE WHEN d.confirmed IS NULL THEN t.domain IS NOT NULL
               ELSE d.confirmed = 'stopped' AND s.domain IS NULL AND coalesce(d.confirmed_at, 0) < $2 END
      AND NOT EXISTS (
          SELECT FROM commands o WHERE o.application = d.application AND o.domain = d.domain AND o.ended_at IS NULL
      )
    ORDER BY d.domain
"""

_LOCK_ACCOUNTS = """
    SELECT c.account
    FROM unnest($1::int[], $2::int[]) AS asked(account, epoch)
    JOIN circuits c ON c.account = asked.account AND c.epoch = asked.epoch
    WHERE NOT EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.ended_at IS NULL)
    ORDER BY c.account
    FOR NO KEY UPDATE OF c
"""

_LOCK_DOMAINS = """
    SELECT d.domain
    FROM unnest($2::text[], $3::int[]) AS asked(domain, epoch)
    JOIN domain_circuits d ON d.domain = asked.domain AND d.epoch = asked.epoch
    WHERE d.application = (SELECT application FROM applications WHERE id = $1)
      AND NOT EXISTS (
          SELECT FROM commands o WHERE o.application = d.application AND o.domain = d.domain AND o.ended_at IS NULL
      )
    ORDER BY d.domain
    FOR NO KEY UPDATE OF d
"""

_CONFIRM_ACCOUNTS = """
    UPDATE circuits c SET confirmed = s.held, confirmed_at = CASE WHEN s.held IS NULL THEN NULL ELSE $3::float8 END
    FROM unnest($1::int[], $2::text[]) AS s(account, held)
    WHERE c.account = s.account
"""

_CONFIRM_DOMAINS = """
    UPDATE domain_circuits d SET confirmed = $3, confirmed_at = CASE WHEN $3::text IS NULL THEN NULL ELSE $4::float8 END
    WHERE d.application = (SELECT application FROM applications WHERE id = $1) AND d.domain = ANY($2::text[])
"""

_MARK = """
    INSERT INTO put_backs AS t (application, account, domain, epoch, held, found_at, put_back_at, left_at)
    SELECT p.application, s.account, s.domain, s.epoch, s.held, $2::float8,
           CASE WHEN $3 = 'repaired' THEN $2::float8 END, CASE WHEN $3 = 'yielded' THEN $2::float8 END
    FROM unnest($4::int[], $5::text[], $6::int[], $7::text[]) AS s(account, domain, epoch, held)
    JOIN applications p ON p.id = $1
"""
_MARKED = """
    DO UPDATE
    SET epoch = excluded.epoch, held = excluded.held, found_at = excluded.found_at,
        put_back_at = coalesce(excluded.put_back_at, CASE WHEN t.epoch = excluded.epoch THEN t.put_back_at END),
        left_at = coalesce(excluded.left_at, CASE WHEN t.epoch = excluded.epoch THEN t.left_at END)
"""
_MARK_ACCOUNTS = f"{_MARK} ON CONFLICT (account) WHERE account IS NOT NULL {_MARKED}"
_MARK_DOMAINS = f"{_MARK} ON CONFLICT (application, domain) WHERE domain IS NOT NULL {_MARKED}"


class PostgresLostHolds:
    """`breaker.ports.LostHolds` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def accounts(
        self, application_id: str, listed: Mapping[Wanted, Collection[str]], before: float
    ) -> Sequence[Lost]:
        """Compare with the lists, all accounts in one statement."""
        lists = (list(listed.get(wanted, ())) for wanted in (Wanted.STOPPED, Wanted.LIMITED))
        with translated():
            rows = await self._pool.fetch(_ACCOUNTS, application_id, before, *lists)
        return [
            Lost(
                about=Account(*row[:6]),
                held=Wanted(row["held"]),
                wanted=Wanted(row["permitted"]) if row["permitted"] else WANTED[State(row["state"])],
                epoch=row["epoch"],
                listed=row["listed"],
                ordered=row["ordered"],
                told=row["told"],
                put_back_at=row["put_back_at"],
                left_at=row["left_at"],
            )
            for row in rows
        ]

    async def domains(self, application_id: str, listed: Collection[str], before: float) -> Sequence[Lost]:
        """Compare with the list of stopped domains."""
        with translated():
            rows = await self._pool.fetch(_DOMAINS, application_id, before, list(listed))
        return [
            Lost(
                about=SendingDomain(application_id, row["domain"]),
                held=Wanted.STOPPED,
                wanted=Wanted.STOPPED,
                epoch=row["epoch"],
                listed=row["listed"],
                told=row["told"],
                put_back_at=row["put_back_at"],
                left_at=row["left_at"],
            )
            for row in rows
        ]

    async def note(self, application_id: str, lost: Sequence[Lost], response: Response, now: float) -> Sequence[Lost]:
        """Unconfirm and remember, with the circuits locked."""
        return await self._change(application_id, lost, now, response=response)

    async def forget(self, application_id: str, lost: Sequence[Lost], now: float) -> Sequence[Lost]:
        """Unconfirm, with the circuits locked, and remember nothing."""
        return await self._change(application_id, lost, now)

    async def found(self, application_id: str, lost: Sequence[Lost], now: float) -> Sequence[Lost]:
        """Confirm again, with the circuits locked; what was done before stays remembered."""
        return await self._change(application_id, lost, now, held=True)

    async def _change(
        self,
        application_id: str,
        lost: Sequence[Lost],
        now: float,
        *,
        held: bool = False,
        response: Response | None = None,
    ) -> Sequence[Lost]:
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                changed = [
                    *await _confirm_accounts(connection, lost, now, held=held),
                    *await _confirm_domains(connection, application_id, lost, now, held=held),
                ]
                if response:
                    await _mark(connection, application_id, changed, response, now)
                return changed


async def _confirm_accounts(
    connection: asyncpg.Connection, lost: Sequence[Lost], now: float, *, held: bool
) -> list[Lost]:
    of = {one.about.key: one for one in lost if isinstance(one.about, Account)}
    rows = await connection.fetch(_LOCK_ACCOUNTS, list(of), [one.epoch for one in of.values()])
    keys = [key for (key,) in rows]
    await connection.execute(_CONFIRM_ACCOUNTS, keys, [of[key].held if held else None for key in keys], now)
    return [of[key] for key in keys]


async def _confirm_domains(
    connection: asyncpg.Connection, application_id: str, lost: Sequence[Lost], now: float, *, held: bool
) -> list[Lost]:
    of = {one.about.name: one for one in lost if isinstance(one.about, SendingDomain)}
    rows = await connection.fetch(_LOCK_DOMAINS, application_id, list(of), [one.epoch for one in of.values()])
    names = [name for (name,) in rows]
    await connection.execute(_CONFIRM_DOMAINS, application_id, names, Wanted.STOPPED if held else None, now)
    return [of[name] for name in names]


async def _mark(
    connection: asyncpg.Connection, application_id: str, lost: Sequence[Lost], response: Response, now: float
) -> None:
    accounts = [(one.about.key, one) for one in lost if isinstance(one.about, Account)]
    domains = [(one.about.name, one) for one in lost if isinstance(one.about, SendingDomain)]
    for statement, some in ((_MARK_ACCOUNTS, accounts), (_MARK_DOMAINS, domains)):
        whom, nobody = [one for one, _ in some], [None] * len(some)
        await connection.execute(
            statement,
            application_id,
            now,
            response,
            *((whom, nobody) if statement is _MARK_ACCOUNTS else (nobody, whom)),
            [one.epoch for _, one in some],
            [one.held for _, one in some],
        )
