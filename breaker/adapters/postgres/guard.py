"""The fleet guard's figures: how many automatic stops there were, and how many may be.

A broken feed or a wrong threshold must not stop everybody. The limits and their reasons stand in the configuration
(`guard`). Stops are judged one at a time over all daemons: whoever asks holds an advisory lock until its commit. It is
always the last lock that a transaction takes, so it can't be part of a circle. What people stopped, and what was found
stopped on the platform, takes no room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.guard import GuardLimit, Limits, Raise, Usage, allowed, raised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg

    from breaker.ports import Account

__all__ = ["Limits", "PostgresGuard"]

_WEEK = 7 * 86_400.0
_FRESH = 60.0
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('breaker fleet guard'))"

_ACTIVE = "SELECT count(*) FROM circuits WHERE last_event_at >= $1"
_ACTIVE_OF_GROUP = """
    SELECT count(*) FROM accounts a JOIN circuits c USING (account)
    WHERE a.application = (SELECT application FROM applications WHERE id = $1)
      AND {column} = $2 AND a.merged_into IS NULL AND c.last_event_at >= $3
"""
_RECENT_STOPS = """
    SELECT count(*) FROM verdicts
    WHERE at > $1 AND to_state = 'stopped' AND from_state <> 'probing' AND held_by IS NULL AND author IS NULL
      AND detector <> 'platform'
"""
# A domain's stop counts once, however many accounts it keeps from sending.
_STOPPED = """
    SELECT (SELECT count(*) FROM circuits c JOIN verdicts v ON v.id = c.last_verdict
            WHERE c.state IN ('stopped', 'probing') AND v.author IS NULL AND v.detector <> 'platform')
         + (SELECT count(*) FROM domain_circuits d JOIN verdicts v ON v.id = d.last_verdict
            WHERE d.state IN ('stopped', 'probing') AND v.author IS NULL AND v.detector <> 'platform')
"""
_STOPPED_OF_GROUP = """
    SELECT count(*) FROM circuits c JOIN verdicts v ON v.id = c.last_verdict JOIN accounts a ON a.account = c.account
    WHERE c.state IN ('stopped', 'probing') AND v.author IS NULL AND v.detector <> 'platform'
      AND a.application = (SELECT application FROM applications WHERE id = $1) AND {column} = $2
"""
_RAISES = """
    SELECT number, share, only_limit, reason, author, at, expires_at
    FROM guard_raises WHERE ended_at IS NULL AND expires_at > $1
    ORDER BY at
"""
_COLUMNS = {"domain": "a.domain", "workspace": "coalesce(a.home_workspace_id, a.workspace_id)"}


class PostgresGuard:
    """The fleet guard.

    Args:
        limits: What is allowed.
    """

    def __init__(self, limits: Limits) -> None:
        """Know no figures yet."""
        self._limits = limits
        self._figures: dict[tuple[str, str], tuple[float, int]] = {}

    def configure(self, limits: Limits) -> None:
        """Allow this from now on."""
        self._limits = limits

    async def room_for_a_stop(self, connection: asyncpg.Connection, account: Account, now: float) -> bool:
        """Tell whether one more automatic stop is allowed; call it after every row that the transaction locks."""
        await connection.execute(_LOCK)
        limits = await self._limits_now(connection, now)
        groups = groups_of(account)
        return all(one.has_room for one in await self._fleet(connection, limits, now)) and all(
            [(await self._group(connection, limits, account.application_id, *one, now)).has_room for one in groups]
        )

    async def room_for_a_domain_stop(self, connection: asyncpg.Connection, now: float) -> bool:
        """Tell whether one more domain may be stopped: it takes the room of one account in the fleet."""
        await connection.execute(_LOCK)
        limits = await self._limits_now(connection, now)
        return all(one.has_room for one in await self._fleet(connection, limits, now))

    async def usage(
        self, connection: asyncpg.Connection, groups: Iterable[tuple[str, str, str]], now: float
    ) -> Sequence[Usage]:
        """Return how much of the fleet's limits is used, and of those of groups, as `(application, kind, name)`."""
        limits = await self._limits_now(connection, now)
        fleet = await self._fleet(connection, limits, now)
        return [*fleet, *[await self._group(connection, limits, *one, now) for one in groups]]

    async def raises(self, connection: asyncpg.Connection, now: float) -> Sequence[Raise]:
        """Return what people raised and has not expired."""
        rows = await connection.fetch(_RAISES, now)
        return [Raise(number, share, GuardLimit(only) if only else None, *rest) for number, share, only, *rest in rows]

    async def _limits_now(self, connection: asyncpg.Connection, now: float) -> Limits:
        return raised(self._limits, await self.raises(connection, now))

    async def _fleet(self, connection: asyncpg.Connection, limits: Limits, now: float) -> Sequence[Usage]:
        active = await self._active(connection, "fleet", "", "", now)
        recent = await connection.fetchval(_RECENT_STOPS, now - limits.window)
        stopped = await connection.fetchval(_STOPPED)
        return [
            Usage(GuardLimit.WINDOW, "fleet", recent, allowed(limits.in_window, active), active),
            Usage(GuardLimit.TOTAL, "fleet", stopped, allowed(limits.in_all, active), active),
        ]

    async def _group(  # noqa: PLR0913, PLR0917 - a group is named by three
        self, connection: asyncpg.Connection, limits: Limits, application_id: str, kind: str, name: str, now: float
    ) -> Usage:
        active = await self._active(connection, kind, name, application_id, now)
        stopped = await connection.fetchval(_STOPPED_OF_GROUP.format(column=_COLUMNS[kind]), application_id, name)
        return Usage(GuardLimit.GROUP, f"{kind}:{name}", stopped, allowed(limits.in_group, active), active)

    async def _active(
        self, connection: asyncpg.Connection, kind: str, name: str, application_id: str, now: float
    ) -> int:
        """Return how many accounts were active within a week; at most a minute old, since it costs a scan."""
        key = (kind, f"{application_id}/{name}" if name else "")
        counted_at, count = self._figures.get(key, (-_FRESH, 0))
        if not 0 <= now - counted_at < _FRESH:
            if kind == "fleet":
                count = await connection.fetchval(_ACTIVE, now - _WEEK)
            else:
                query = _ACTIVE_OF_GROUP.format(column=_COLUMNS[kind])
                count = await connection.fetchval(query, application_id, name, now - _WEEK)
            self._figures[key] = (now, count)
        return count


def groups_of(account: Account) -> Sequence[tuple[str, str]]:
    """Return the groups of an account that have a limit, as `(kind, name)`."""
    groups = (("domain", account.domain), ("workspace", account.home or ""))
    return [(kind, name) for kind, name in groups if name]
