"""Who is who: accounts by grant and by address, made known, joined, and remembered by number.

An account is a grant. An event without a grant belongs to the account with the sender's address; where none is known,
to an account that is known by its address alone, and which becomes the grant's own once the grant is known: by taking
the grant over where there is no account of it yet, else by a merge. When a grant is deleted, history and block follow
its address to the next grant that has it, for 30 days; after that, the next grant has the address alone.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.merge import merge
from breaker.domain.circuits.states import WANTED, Wanted
from breaker.domain.outcomes.identity import may_follow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from breaker.domain.outcomes.outcomes import Counting
    from breaker.domain.windows.counters import WindowSizes
    from breaker.ports import Sender

_REMEMBERED = 50_000
"""Senders remembered: enough for the busy part of a fleet, and about 20 MB."""

_BY_GRANT = """
    SELECT s.position, a.account, a.address
    FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS s(application, grant_id, position)
    JOIN accounts a ON a.application = s.application AND a.grant_id = s.grant_id AND a.merged_into IS NULL
"""

_BY_ADDRESS = """
    SELECT s.position, a.account
    FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS s(application, address, position)
    JOIN accounts a ON a.application = s.application AND a.address = s.address AND a.merged_into IS NULL
"""

_MAKE = """
    WITH made AS (
        INSERT INTO accounts (application, grant_id, address, domain, known_since)
        SELECT application, grant_id, address, nullif(split_part(address, '@', 2), ''), $4
        FROM unnest($1::smallint[], $2::text[], $3::text[]) AS s(application, grant_id, address)
        ORDER BY application, grant_id, address
        ON CONFLICT DO NOTHING
        RETURNING account
    )
    INSERT INTO circuits (account, since, confirmed_at) SELECT account, $4, $4 FROM made
"""

_APPLICATION = "SELECT application FROM applications WHERE id = $1"
_MAKE_APPLICATION = "INSERT INTO applications (id) VALUES ($1) ON CONFLICT DO NOTHING"

_OWN = "SELECT account FROM accounts WHERE application = $1 AND grant_id = $2 AND merged_into IS NULL"

# The grant that was there may be in quarantine; where the next one is, the platform has to be asked.
_TAKE_OVER = """
    UPDATE accounts SET grant_id = $2, grant_deleted_at = NULL, workspace_id = NULL, home_workspace_id = NULL
    WHERE account = $1
"""

# What was read back was the other grant's.
_UNCONFIRM = """
    UPDATE circuits SET epoch = epoch + 1, confirmed = NULL, confirmed_at = NULL
    WHERE account = $1 AND state = ANY($2::text[])
"""
_NOT_SENDING = [str(state) for state, wanted in WANTED.items() if wanted is not Wanted.SENDING]

_LEAVE_ADDRESS = "UPDATE accounts SET address = NULL, domain = NULL WHERE account = $1"

_HOLDER = """
    SELECT account, grant_id, grant_deleted_at FROM accounts
    WHERE application = $1 AND address = $2 AND merged_into IS NULL
    FOR NO KEY UPDATE
"""


class Identities:
    """The accounts' numbers, with a bounded memory.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters, for merges.
        counting: What counts, for merges.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes, counting: Counting) -> None:
        """Remember nobody yet."""
        self._pool = pool
        self._sizes = sizes
        self._counting = counting
        self._applications: dict[str, int] = {}
        self._numbers: OrderedDict[Sender, int] = OrderedDict()

    async def numbers_of(self, senders: Collection[Sender], now: float) -> Mapping[Sender, int]:
        """Return the accounts' numbers, and make those known that were not."""
        numbers: dict[Sender, int] = {}
        unknown: list[Sender] = []
        for sender in senders:
            number = self._numbers.get(sender)
            if number is None:
                unknown.append(sender)
            else:
                self._numbers.move_to_end(sender)
                numbers[sender] = number
        if unknown:
            # Kept by this call: whoever forgets meanwhile makes others look applications up anew.
            applications = {name: await self.application(name) for name in {one.application_id for one in unknown}}
            # Grants first: an event that names one may bring the address that another event of the batch is known by.
            for group in (
                [sender for sender in unknown if sender.grant_id],
                [sender for sender in unknown if not sender.grant_id],
            ):
                if group:
                    numbers.update(await self._look_up(group, applications, now))
            self._remember((sender, numbers[sender]) for sender in unknown)
        return numbers

    async def application(self, application_id: str) -> int:
        """Return the number of an application, made known where it was not."""
        known = self._applications.get(application_id)
        if known is None:
            number = await self._pool.fetchval(_APPLICATION, application_id)
            if number is None:
                # Only where it is missing: a refused insert uses up a number too, and there are few.
                await self._pool.execute(_MAKE_APPLICATION, application_id)
                number = await self._pool.fetchval(_APPLICATION, application_id)
            known = self._applications[application_id] = int(number)
        return known

    def forget(self, accounts: Collection[int]) -> None:
        """Look these accounts up anew next time, and the applications, in case the database was replaced."""
        self._applications.clear()
        self._forget_numbers(accounts)

    def _forget_numbers(self, accounts: Collection[int]) -> None:
        for sender in [sender for sender, number in self._numbers.items() if number in accounts]:
            del self._numbers[sender]

    def _remember(self, known: Iterable[tuple[Sender, int]]) -> None:
        self._numbers.update(known)
        while len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)

    async def _look_up(self, senders: list[Sender], applications: Mapping[str, int], now: float) -> dict[Sender, int]:
        found = await self._find(senders, applications, now)
        missing = [sender for sender in senders if sender not in found]
        if missing:
            try:
                await self._make(missing, applications, now)
            except asyncpg.ForeignKeyViolationError:
                self._applications.clear()  # the database was replaced: their numbers are of the old one
                raise
            found.update(await self._find(missing, applications, now))
        for sender in [sender for sender in missing if sender not in found]:
            # Its address belongs to another account, so no row could be made at once.
            found[sender] = await self._join(sender, applications[sender.application_id], now)
        return found

    async def _find(self, senders: list[Sender], applications: Mapping[str, int], now: float) -> dict[Sender, int]:
        of = [applications[sender.application_id] for sender in senders]
        if not senders[0].grant_id:
            rows = await self._pool.fetch(_BY_ADDRESS, of, [sender.address for sender in senders])
            return {senders[position - 1]: account for position, account in rows}
        found: dict[Sender, int] = {}
        rows = await self._pool.fetch(_BY_GRANT, of, [sender.grant_id for sender in senders])
        for position, account, address in rows:
            sender = senders[position - 1]
            joins = sender.address is not None and address is None
            found[sender] = await self._join(sender, of[position - 1], now) if joins else account
        return found

    async def _make(self, senders: list[Sender], applications: Mapping[str, int], now: float) -> None:
        unique = {(sender.application_id, sender.grant_id or sender.address): sender for sender in senders}
        await self._pool.execute(
            _MAKE,
            [applications[sender.application_id] for sender in unique.values()],
            [sender.grant_id for sender in unique.values()],
            [sender.address for sender in unique.values()],
            now,
        )

    async def _join(self, sender: Sender, application: int, now: float) -> int:
        """Bring a grant and an address together that are not yet of one account."""
        async with self._pool.acquire() as connection, connection.transaction():
            own = await connection.fetchval(_OWN, application, sender.grant_id)
            holder = await connection.fetchrow(_HOLDER, application, sender.address)
            taken = holder is not None and holder["account"] != own
            if own is None and holder is not None and may_follow(holder["grant_id"], holder["grant_deleted_at"], now):
                await connection.execute(_TAKE_OVER, holder["account"], sender.grant_id)
                if holder["grant_id"] is not None:
                    await connection.execute(_UNCONFIRM, holder["account"], _NOT_SENDING)
                return int(holder["account"])
            if own is None:
                await connection.execute(_MAKE, [application], [sender.grant_id], [None], now)
                own = await connection.fetchval(_OWN, application, sender.grant_id)
            if taken and may_follow(holder["grant_id"], holder["grant_deleted_at"], now):
                await merge(connection, holder["account"], own, self._sizes, self._counting)
                taken = False
            elif taken and holder["grant_deleted_at"] is not None:
                # Nobody sends from it any more, and its history has stayed behind for long enough.
                await connection.execute(_LEAVE_ADDRESS, holder["account"])
                taken = False
            if not taken:
                await connection.execute(
                    "UPDATE accounts SET address = $2, domain = nullif(split_part($2, '@', 2), '') "
                    "WHERE account = $1 AND address IS NULL",
                    own,
                    sender.address,
                )
        if holder is not None:
            self._forget_numbers([holder["account"]])
        return int(own)
