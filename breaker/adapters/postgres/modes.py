"""The modes that people set, in PostgreSQL.

There are few of them, so all are kept in memory, and a number in `facts` that grows with every change says when they
have to be read again: a look at one row every second. The order of precedence stands in `domain.circuits.modes`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import structlog

from breaker.adapters.postgres.errors import translated
from breaker.domain.acts.fleet_acts import Hold
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import (
    Belonging,
    ConfiguredModes,
    Level,
    ModeSetting,
    SetMode,
    acts_in,
    mode_in_force,
    mode_sentence,
    setting_in_force,
)
from breaker.ports import Account, ModeInForce, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from breaker.domain.acts.acts import Act

FRESH_SECONDS = 1.0
"""How long what was read is taken for the present."""

_ACQUIRE_SECONDS = 5.0
_VERSION = "SELECT value FROM facts WHERE name = 'modes_version'"
_ALL = """
    SELECT p.id, m.scope, m.name, m.mode, m.reason, m.author, m.set_at, m.expires_at
    FROM modes m JOIN applications p USING (application)
"""

_LISTED = """
    SELECT p.id, m.scope, coalesce(a.address, a.grant_id, m.name), m.mode, m.reason, m.author, m.set_at, m.expires_at
    FROM modes m
    JOIN applications p USING (application)
    LEFT JOIN accounts a ON m.scope = 'account' AND a.account::text = m.name
    WHERE m.expires_at IS NULL OR m.expires_at > $1
    ORDER BY array_position(ARRAY['account', 'domain', 'workspace', 'application'], m.scope), 3, p.id
"""

NEXT_VERSION = """
    INSERT INTO facts (name, value) VALUES ('modes_version', '1')
    ON CONFLICT (name) DO UPDATE SET value = (facts.value::bigint + 1)::text
"""

_HOLD = "SELECT reason, author, set_at, expires_at FROM holds WHERE ended_at IS NULL ORDER BY hold DESC LIMIT 1"

_SET = """
    INSERT INTO modes (application, scope, name, mode, reason, author, set_at, expires_at)
    SELECT p.application, t.scope, t.name, $4, $5, $6, $7, $8
    FROM unnest($1::text[], $2::text[], $3::text[]) AS t(application_id, scope, name)
    JOIN applications p ON p.id = t.application_id
    ON CONFLICT (application, scope, name) DO UPDATE
    SET mode = excluded.mode, reason = excluded.reason, author = excluded.author, set_at = excluded.set_at,
        expires_at = excluded.expires_at
"""

_CLEAR = """
    DELETE FROM modes m
    USING unnest($1::text[], $2::text[], $3::text[]) AS t(application_id, scope, name), applications p
    WHERE p.id = t.application_id AND m.application = p.application AND m.scope = t.scope AND m.name = t.name
"""

AUDIT_ACCOUNTS = """
    INSERT INTO verdicts (application, account, at, from_state, to_state, detector, epoch, why, author, context)
    SELECT a.application, c.account, $2, c.state, c.state, 'operator', c.epoch, $3, $4, $5::jsonb
    FROM circuits c JOIN accounts a USING (account)
    WHERE c.account = ANY($1::int[])
    ORDER BY c.account
"""

_AUDIT_GROUP = """
    INSERT INTO verdicts (application, scope, at, detector, why, author, context)
    SELECT p.application, $2, $3, 'operator', $4, $5, $6::jsonb FROM applications p WHERE p.id = $1
"""


class PostgresModes:
    """How far Breaker may go with each account: what people set, over what is configured.

    Args:
        pool: Connections to the database.
        configured: What the configuration says.
    """

    def __init__(self, pool: asyncpg.Pool, configured: ConfiguredModes) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._configured = configured
        self._settings: Mapping[tuple[str, Level, str], ModeSetting] = {}
        self._hold: Hold | None = None
        self._version: str | None = None
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    def configure(self, configured: ConfiguredModes) -> None:
        """Take another configuration from now on."""
        self._configured = configured

    async def in_force(self, account: Account, now: float) -> ModeInForce:
        """Return the most specific mode that has not expired; fresh to within a second or two.

        Raises:
            StoreUnavailableError: What people set can't be read, so it is not known how far Breaker may go.
        """
        await self.refresh()
        mode, level = mode_in_force(_belonging(account), self._settings, self._configured, now)
        return ModeInForce(mode, level)

    def setting(
        self, account: Account, now: float, besides: Mapping[tuple[str, Level, str], ModeSetting] | None = None
    ) -> SetMode | None:
        """Return what a person set that holds for an account, as it was last read; None where nobody did.

        Args:
            account: The account.
            now: Unix seconds.
            besides: What is to be taken for set as well.
        """
        settings = {**self._settings, **besides} if besides else self._settings
        found = setting_in_force(_belonging(account), settings, now)
        if found is None or found.level is not Level.ACCOUNT:
            return found
        return replace(found, name=account.address or account.id)

    async def listed(self, now: float) -> Sequence[SetMode]:
        """Return all that people set and that has not expired, the most specific first, and by name.

        Raises:
            StoreUnavailableError: It can't be read.
        """
        with translated():
            rows = await self._pool.fetch(_LISTED, now)
        return [SetMode(row[0], Level(row[1]), row[2], ModeSetting(Mode(row[3]), *row[4:])) for row in rows]

    def pinned(self, now: float) -> Sequence[tuple[str, Level, str]]:
        """Return where people pinned accounts as stopped, as it was last read."""
        settings = self._settings.items()
        return [place for place, setting in settings if setting.mode is Mode.STOPPED and setting.holds(now)]

    async def acts_in(self, application_id: str, workspace_id: str | None, now: float) -> bool:
        """Tell whether Breaker acts in a workspace, of None anywhere in an application; on hold it does not.

        Raises:
            StoreUnavailableError: What people set can't be read.
        """
        await self.refresh()
        if self.hold(now) is not None:
            return False
        return acts_in(application_id, workspace_id, self._settings, self._configured, now)

    def hold(self, now: float) -> Hold | None:
        """Return the hold on automatic changes that has not expired, as it was last read."""
        return self._hold if self._hold and self._hold.holds(now) else None

    async def refresh(self, *, after: float = FRESH_SECONDS) -> None:
        """Read what people set, unless that was done less than `after` seconds ago or nothing has changed since.

        Raises:
            StoreUnavailableError: It can't be read.
        """
        if self._is_fresh(after):
            return
        async with self._reading:
            if self._is_fresh(after):
                return
            with translated():
                async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
                    # The number first: a change in between is then read once more, never missed.
                    version = await connection.fetchval(_VERSION)
                    if version is None or version != self._version:
                        self._settings = await _read(connection)
                        self._hold = await _read_hold(connection)
                        self._version = version
            self._read_at = _monotonic()

    async def keep_fresh(self) -> None:
        """Go on reading until cancelled, so that whoever judges need not wait for it."""
        log = structlog.get_logger(__name__)
        while True:
            try:
                await self.refresh(after=FRESH_SECONDS / 2)
            except StoreError as error:
                log.warning("modes_not_read", error=str(error))
            await asyncio.sleep(FRESH_SECONDS / 2)

    async def change(self, targets: Sequence[tuple[str, Level, str]], act: Act, now: float) -> None:
        """Set a mode, or take it away, and tell the audit trail, all or nothing.

        An account's own setting is an entry of that account; a group's is one entry with the group as its scope.

        Args:
            targets: `(application, level, name)`; an account's name is Breaker's number of it.
            act: What to set, why and by whom.
            now: Unix seconds.

        Raises:
            StoreError: It was not done.
        """
        columns = [list(column) for column in zip(*targets, strict=True)] or [[], [], []]
        expires_at = None if act.lasts is None else now + act.lasts
        said = {"mode": act.mode, "expires_at": expires_at, "reason": act.reason}
        context = msgspec.json.encode({"act": "mode", "set": said}).decode()
        accounts = [int(name) for _, level, name in targets if level is Level.ACCOUNT]
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(NEXT_VERSION)
                if act.mode is None:
                    await connection.execute(_CLEAR, *columns)
                else:
                    await connection.execute(_SET, *columns, act.mode, act.reason, act.author, now, expires_at)
                if accounts:
                    why = mode_sentence("", act.mode, act.reason)
                    await connection.execute(AUDIT_ACCOUNTS, accounts, now, why, act.author, context)
                for application, level, name in targets:
                    if level is not Level.ACCOUNT:
                        scope = f"{level}:{name}"
                        why = mode_sentence(scope, act.mode, act.reason)
                        await connection.execute(_AUDIT_GROUP, application, scope, now, why, act.author, context)
        self._read_at = None

    def _is_fresh(self, after: float) -> bool:
        return self._read_at is not None and _monotonic() - self._read_at < after


def _belonging(account: Account) -> Belonging:
    return Belonging(account.application_id, str(account.key), account.domain, account.home)


async def _read(connection: asyncpg.Connection) -> Mapping[tuple[str, Level, str], ModeSetting]:
    return {
        (application, Level(scope), name): ModeSetting(Mode(mode), reason, author, set_at, expires_at)
        for application, scope, name, mode, reason, author, set_at, expires_at in await connection.fetch(_ALL)
    }


async def _read_hold(connection: asyncpg.Connection) -> Hold | None:
    row = await connection.fetchrow(_HOLD)
    return Hold(*row) if row else None


def _monotonic() -> float:
    """Return the machine's time, not a simulation's: it is processes that go stale."""
    return asyncio.get_running_loop().time()
