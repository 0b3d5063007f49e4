"""The ledger in PostgreSQL: every send with a known outcome, exactly once.

The row of an account in `circuits` is its lock: whoever holds it alone enters or amends its sends, so a look at the
ledger and the entry that follows need no conflict clause, and a send is found again though its time of sending was
given differently by some hours, hence in another day's partition. Rows are locked in ascending order of accounts, and
everything else is only inserted, so transactions can wait for each other, but not in a circle.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from breaker.adapters.postgres.circuits import PostgresLocked
from breaker.adapters.postgres.domains import PostgresLockedDomains
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.suppressions import keep_suppressed
from breaker.domain.outcomes.causes import Bad
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from breaker.adapters.postgres.guard import PostgresGuard
    from breaker.adapters.postgres.identities import Identities
    from breaker.adapters.postgres.partitions import Partitions
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.platform.suppression import Suppressed
    from breaker.domain.windows.counters import WindowSizes
    from breaker.ports import Account, BadOutcome, Counted, Send, Sender, SendingDomain, TallyKey

_DAY = 86_400

# The bounds in $5 and $6 leave out partitions before they are opened; those in the rows then find the day.
_KNOWN = """
    SELECT s.position, l.sent_at, l.outcomes
    FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::smallint[]) WITH ORDINALITY
         AS s(account, send, sent_at, application, position)
    CROSS JOIN LATERAL (
        SELECT sent_at, outcomes FROM ledger
        WHERE ledger.application = s.application AND ledger.account = s.account AND ledger.send = s.send
          AND ledger.sent_at BETWEEN $5 AND $6
          AND ledger.sent_at BETWEEN s.sent_at - 86400 AND s.sent_at + 86400
        LIMIT 1
    ) l
"""

_ENTER = """
    INSERT INTO ledger (send, sent_at, account, application, outcomes)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::smallint[], $5::smallint[])
"""

_AMEND = """
    UPDATE ledger l SET outcomes = s.outcomes
    FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::smallint[], $5::smallint[])
         AS s(send, sent_at, account, application, outcomes)
    WHERE l.application = s.application AND l.account = s.account AND l.send = s.send AND l.sent_at = s.sent_at
      AND l.sent_at BETWEEN $6 AND $7
"""

_NOTE_BAD = """
    INSERT INTO bad_outcomes (account, send, sent_at, received_at, occurred_at, kind, bounce_class, counted,
                              recipient_domain, sender_domain, enhanced_status, message_id, diagnostic, application)
    SELECT * FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::float8[], $5::float8[], $6::text[], $7::text[],
                         $8::bool[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[])
"""

# One statement for what every batch does, since each costs a round trip.
_ENTER_AND_SAVE = """
    WITH entered AS (
        INSERT INTO ledger (send, sent_at, account, application, outcomes)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::smallint[], $5::smallint[])
    ), tallied AS (
        INSERT INTO tally_additions (application, domain, workspace_id, hour, sends, hard_bounces, bounces, delivered,
                                     complaints, rejected)
        SELECT * FROM unnest($6::smallint[], $7::text[], $8::text[], $9::int[], $10::int[], $11::int[], $12::int[],
                             $13::int[], $14::int[], $15::int[])
    )
    UPDATE circuits c
    SET last_event_at = greatest(c.last_event_at, s.last_event_at), counters = s.counters
    FROM unnest($16::int[], $17::float8[], $18::bytea[]) AS s(account, last_event_at, counters)
    WHERE c.account = s.account
"""
_TALLY_COLUMNS = 10

BAD_OF = """
    SELECT sent_at, bounce_class, enhanced_status, diagnostic, recipient_domain, sender_domain
    FROM bad_outcomes
    WHERE application = $1 AND account = $2 AND kind = $3 AND counted
    ORDER BY received_at DESC
    LIMIT $4
"""

REFUSED_OF = """
    SELECT DISTINCT b.send, b.sent_at
    FROM bad_outcomes b
    WHERE b.application = $1 AND b.account = $2 AND b.bounce_class = 'policy' AND b.counted AND b.sender_domain = $3
      AND b.sent_at >= $6
      AND EXISTS (SELECT FROM unnest($4::float8[], $5::float8[]) AS i(begins_at, ends_at)
                  WHERE b.sent_at >= i.begins_at AND (i.ends_at IS NULL OR b.sent_at < i.ends_at))
"""

_BOUNCED_OF = """
    SELECT DISTINCT b.send, b.sent_at
    FROM bad_outcomes b
    WHERE b.application = $1 AND b.account = $2 AND b.kind = 'bounced' AND b.counted AND b.sent_at >= $5
      AND EXISTS (SELECT FROM unnest($3::float8[], $4::float8[]) AS i(begins_at, ends_at)
                  WHERE b.sent_at >= i.begins_at AND (i.ends_at IS NULL OR b.sent_at < i.ends_at))
"""


class PostgresLedgerTransaction(PostgresLocked):
    """One transaction over a batch of events."""

    def __init__(self, connection: asyncpg.Connection, sizes: WindowSizes, guard: PostgresGuard) -> None:
        """Work in the transaction that is open on a connection."""
        super().__init__(connection, sizes)
        self._guard = guard
        self._domains = PostgresLockedDomains(connection)

    @property
    def domains(self) -> PostgresLockedDomains:
        """The sending domains, which are locked after all accounts."""
        return self._domains

    async def known(self, sends: Sequence[Send]) -> Mapping[int, tuple[int, int]]:
        """Return `(sent_at, outcomes)` of those that are in the ledger within a day of `sent_at`, by position."""
        times = [send.sent_at for send in sends]
        rows = await self._connection.fetch(
            _KNOWN,
            [send.account for send in sends],
            [UUID(send.key) for send in sends],
            times,
            [self._applications[send.account] for send in sends],
            min(times) - _DAY,
            max(times) + _DAY,
        )
        return {position - 1: (sent_at, outcomes) for position, sent_at, outcomes in rows}

    async def enter(self, sends: Sequence[Send]) -> None:
        """Enter sends that are not in the ledger."""
        await self._connection.execute(_ENTER, *self._columns(sends))

    async def amend(self, sends: Sequence[Send]) -> None:
        """Set the outcomes of sends that are in the ledger at exactly `sent_at`."""
        times = [send.sent_at for send in sends]
        await self._connection.execute(_AMEND, *self._columns(sends), min(times), max(times))

    async def note_bad(self, outcomes: Sequence[BadOutcome]) -> None:
        """Keep what is worth knowing of bad outcomes; characters that PostgreSQL can't store are replaced."""
        accounts, keys, sent, received, occurred, kinds, classes, counted, recipients, senders, statuses, ids, texts = (
            zip(*outcomes, strict=True)
        )
        await self._connection.execute(
            _NOTE_BAD,
            accounts,
            [UUID(key) for key in keys],
            sent,
            received,
            occurred,
            kinds,
            classes,
            counted,
            [_storable(domain) for domain in recipients],
            [_storable(domain) for domain in senders],
            statuses,
            [_storable(message_id) for message_id in ids],
            [_storable(text) for text in texts],
            [self._applications[account] for account in accounts],
        )

    async def suppress(self, recipients: Sequence[Suppressed]) -> None:
        """Keep recipients that bounced or complained."""
        await keep_suppressed(self._connection, recipients)

    async def bad_outcomes_of(self, account: int, kind: str, limit: int) -> Sequence[tuple[int, Bad]]:
        """Return the latest counted bad outcomes of a kind that were noted of an account, with the times of sending."""
        rows = await self._connection.fetch(BAD_OF, self._applications[account], account, kind, limit)
        return [(row[0], Bad(*row[1:])) for row in rows]

    async def refused_of(self, account: int, domain: str, intervals: Sequence[Interval]) -> Sequence[int]:
        """Return when those sends of an account were sent that are in intervals of a domain and were refused."""
        begins, ends = zip(*intervals, strict=True)
        rows = await self._connection.fetch(
            REFUSED_OF, self._applications[account], account, domain, begins, ends, int(min(begins))
        )
        return [sent_at for _, sent_at in rows]

    async def bounced_of(self, account: int, intervals: Sequence[Interval]) -> Sequence[int]:
        """Return when those sends of an account were sent that are in intervals and count as hard bounces."""
        begins, ends = zip(*intervals, strict=True)
        rows = await self._connection.fetch(
            _BOUNCED_OF, self._applications[account], account, begins, ends, int(min(begins))
        )
        return [sent_at for _, sent_at in rows]

    async def enter_and_save(
        self, sends: Sequence[Send], tallies: Mapping[TallyKey, Tally], accounts: Sequence[Counted]
    ) -> None:
        """Enter new sends, add tallies as new rows, joined per batch, and store counters and circuits."""
        judged = [one for one in accounts if self.is_changed(one)]
        if judged:
            await self.save_all(judged)
        await self._connection.execute(
            _ENTER_AND_SAVE,
            *self._columns(sends),
            *self._joined(tallies),
            [one.account.key for one in accounts],
            [one.last_event_at for one in accounts],
            [one.counters.to_bytes() for one in accounts],
        )

    def _joined(self, tallies: Mapping[TallyKey, Tally]) -> Sequence[Sequence[object]]:
        joined: dict[tuple[int, str, str, int], list[int]] = {}
        for key, tally in tallies.items():
            name = (self._applications[key.account], *self._groups[key.account], key.hour)
            counts = joined.get(name)
            if counts is None:
                joined[name] = list(tally[:6])
            else:
                for place, value in enumerate(tally[:6]):
                    counts[place] += value
        rows = [(*name, *counts) for name, counts in joined.items()]
        return list(zip(*rows, strict=True)) if rows else [()] * _TALLY_COLUMNS

    async def sends_of(self, account: int, since: float, limit: int) -> Sequence[tuple[int, int]]:
        """Return `(sent_at, outcomes)` of an account's sends since a moment, the newest first.

        Sends of one second come in an order of their own, not in that of the table: a recount gives the same windows
        however the sends came into it.
        """
        rows = await self._connection.fetch(
            """
            SELECT sent_at, outcomes FROM ledger
            WHERE application = $1 AND account = $2 AND sent_at >= $3
            ORDER BY sent_at DESC, send LIMIT $4
            """,
            self._applications[account],
            account,
            int(since),
            limit,
        )
        return [(sent_at, outcomes) for sent_at, outcomes in rows]

    async def room_for_a_stop(self, account: Account, now: float) -> bool:
        """Tell whether the fleet guard allows one more automatic stop."""
        return await self._guard.room_for_a_stop(self._connection, account, now)

    async def room_for_a_domain_stop(self, domain: SendingDomain, now: float) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the fleet guard allows one more automatic stop, of a domain."""
        return await self._guard.room_for_a_domain_stop(self._connection, now)

    def _columns(self, sends: Sequence[Send]) -> tuple[Sequence[object], ...]:
        return (
            [UUID(send.key) for send in sends],
            [send.sent_at for send in sends],
            [send.account for send in sends],
            [self._applications[send.account] for send in sends],
            [send.outcomes for send in sends],
        )


class PostgresLedger:
    """The ledger.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
        accounts: Who is who.
        partitions: The days of the ledger.
        guard: The fleet guard.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        sizes: WindowSizes,
        accounts: Identities,
        partitions: Partitions,
        guard: PostgresGuard,
    ) -> None:
        """Keep what transactions need."""
        self._pool = pool
        self._sizes = sizes
        self._accounts = accounts
        self._partitions = partitions
        self._guard = guard

    async def accounts_of(self, senders: Collection[Sender], now: float) -> Mapping[Sender, int]:
        """Return the accounts' numbers; make those known that were not, and merge what turns out to be one account."""
        with translated():
            return await self._accounts.numbers_of(senders, now)

    def forget(self, accounts: Collection[int]) -> None:
        """Look these accounts up anew next time."""
        self._accounts.forget(accounts)

    async def make_room_for(self, sent_at: Collection[int]) -> None:
        """Make the partitions that sends of these moments belong to."""
        with translated():
            await self._partitions.make({moment // _DAY for moment in sent_at})

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLedgerTransaction]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    yield PostgresLedgerTransaction(connection, self._sizes, self._guard)
            except asyncpg.CheckViolationError as error:
                if error.constraint_name is not None:
                    raise
                # A day that was made is not there: somebody dropped it, or the database was replaced.
                self._partitions.forget()
                raise TryTransactionAgainError("a day's partition is missing") from error


def _storable(text: str | None) -> str | None:
    """Return a text without what PostgreSQL can't hold: NUL, and halves of surrogate pairs."""
    if text is None or text.isprintable():
        return text
    return text.replace("\x00", " ").encode("utf-8", "replace").decode()
