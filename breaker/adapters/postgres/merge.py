"""Two accounts turn out to be one: an address that sent without a grant, and the grant that has this address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.counters import Counters
from breaker.domain.states import SEVERITY, State

if TYPE_CHECKING:
    import asyncpg

    from breaker.domain.counters import WindowSizes
    from breaker.domain.outcomes import Counting

_SENDS_READ = 2_000_000
"""Sends read at most for a recount of totals: a bound on one transaction, far above one mailbox's 90 days."""


async def merge(connection: asyncpg.Connection, gone: int, into: int, sizes: WindowSizes, counting: Counting) -> None:
    """Merge one account into another, in the transaction that is open.

    The ledger is joined first, and the counters are counted anew from it; a send that both knew keeps the outcomes of
    both. The stricter of the two states stays. Circuits are locked in ascending order.

    Args:
        connection: A connection with an open transaction.
        gone: The account that ends.
        into: The account that stays.
        sizes: The windows of the counters.
        counting: What counts.
    """
    circuits = {
        row["account"]: row
        for row in await connection.fetch(
            "SELECT account, state, epoch, counters FROM circuits WHERE account = ANY($1::int[]) "
            "ORDER BY account FOR UPDATE",
            sorted((gone, into)),
        )
    }
    await connection.execute(
        """
        UPDATE ledger kept SET outcomes = kept.outcomes | moved.outcomes
        FROM ledger moved
        WHERE moved.account = $1 AND kept.account = $2 AND kept.application = moved.application
          AND kept.send = moved.send
        """,
        gone,
        into,
    )
    await connection.execute(
        """
        DELETE FROM ledger moved USING ledger kept
        WHERE moved.account = $1 AND kept.account = $2 AND kept.application = moved.application
          AND kept.send = moved.send
        """,
        gone,
        into,
    )
    for table in ("ledger", "bad_outcomes", "verdicts"):
        await connection.execute(f"UPDATE {table} SET account = $2 WHERE account = $1", gone, into)  # noqa: S608 - names are ours
    # What a person said of the one holds for both, unless the other was spoken of too.
    await connection.execute(
        """
        UPDATE modes m SET name = $2::text
        WHERE m.scope = 'account' AND m.name = $1::text
          AND NOT EXISTS (SELECT FROM modes o WHERE o.application = m.application AND o.scope = 'account'
                          AND o.name = $2::text)
        """,
        str(gone),
        str(into),
    )
    await connection.execute("DELETE FROM commands WHERE account = $1", gone)
    await connection.execute("DELETE FROM circuits WHERE account = $1", gone)
    await connection.execute("UPDATE accounts SET merged_into = $2 WHERE account = $1", gone, into)
    sends = await connection.fetch(
        "SELECT sent_at, outcomes FROM ledger WHERE account = $1 ORDER BY sent_at DESC LIMIT $2", into, _SENDS_READ
    )
    old = Counters.from_bytes(sizes, circuits[into]["counters"])
    since = max(old.restarted_at, Counters.from_bytes(sizes, circuits[gone]["counters"]).restarted_at)
    counters = Counters.from_ledger(sizes, [(row["sent_at"], row["outcomes"]) for row in sends], counting, since)
    counters.evidence = old.evidence
    await connection.execute(
        "UPDATE circuits SET counters = $2 WHERE account = $1",
        into,
        counters.to_bytes(),
    )
    stricter = State(circuits[gone]["state"])
    if SEVERITY[stricter] > SEVERITY[State(circuits[into]["state"])]:
        await connection.execute(
            "UPDATE circuits SET state = $2, epoch = epoch + 1, confirmed = NULL, confirmed_at = NULL "
            "WHERE account = $1",
            into,
            stricter,
        )
