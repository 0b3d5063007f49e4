"""Two accounts turn out to be one: an address that sent without a grant, and the grant that has this address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.states import SEVERITY, WANTED, State
from breaker.domain.windows.counters import Counters
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    import asyncpg

    from breaker.domain.outcomes.outcomes import Counting
    from breaker.domain.windows.counters import WindowSizes

_LOCK = """
    SELECT a.application, c.* FROM circuits c JOIN accounts a USING (account)
    WHERE c.account = ANY($1::int[])
    ORDER BY c.account
    FOR UPDATE OF c
"""

_PENDING = ("pending_verdict", "pending_to", "pending_at", "pending_held_by")

_SENDS_READ = 2_000_000
"""Sends read at most for a recount of totals: a bound on one transaction, far above one mailbox's 90 days."""


async def merge(connection: asyncpg.Connection, gone: int, into: int, sizes: WindowSizes, counting: Counting) -> None:
    """Merge one account into another, in the transaction that is open.

    The ledger is joined first, and the counters are counted anew from it; a send that both knew keeps the outcomes of
    both. The stricter of the two states stays, with the verdicts that led to it. Circuits are locked in ascending
    order.

    Args:
        connection: A connection with an open transaction.
        gone: The account that ends.
        into: The account that stays, of the same application.
        sizes: The windows of the counters.
        counting: What counts.

    Raises:
        TryTransactionAgainError: One of them was merged by somebody else.
    """
    circuits = {row["account"]: row for row in await connection.fetch(_LOCK, sorted((gone, into)))}
    if len(circuits) < 2:  # noqa: PLR2004 - the two
        raise TryTransactionAgainError("an account was merged by somebody else")
    application = circuits[into]["application"]
    await connection.execute(
        """
        UPDATE ledger kept SET outcomes = kept.outcomes | moved.outcomes
        FROM ledger moved
        WHERE moved.application = $3 AND moved.account = $1 AND kept.application = $3 AND kept.account = $2
          AND kept.send = moved.send
        """,
        gone,
        into,
        application,
    )
    await connection.execute(
        """
        DELETE FROM ledger moved USING ledger kept
        WHERE moved.application = $3 AND moved.account = $1 AND kept.application = $3 AND kept.account = $2
          AND kept.send = moved.send
        """,
        gone,
        into,
        application,
    )
    for table in ("ledger", "bad_outcomes", "verdicts"):
        # By application first: that is what the indexes begin with.
        statement = f"UPDATE {table} SET account = $2 WHERE application = $3 AND account = $1"  # noqa: S608 - names are ours
        await connection.execute(statement, gone, into, application)
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
        "SELECT sent_at, outcomes FROM ledger WHERE application = $3 AND account = $1 "
        "ORDER BY sent_at DESC, send LIMIT $2",
        into,
        _SENDS_READ,
        application,
    )
    old = Counters.from_bytes(sizes, circuits[into]["counters"])
    since = max(old.restarted_at, Counters.from_bytes(sizes, circuits[gone]["counters"]).restarted_at)
    counters = Counters.from_ledger(sizes, [(row["sent_at"], row["outcomes"]) for row in sends], counting, since)
    counters.evidence = old.evidence
    await _save(connection, circuits[gone], circuits[into], counters)


async def _save(connection: asyncpg.Connection, gone: asyncpg.Record, into: asyncpg.Record, counters: Counters) -> None:
    """Store what became of the circuit: the stricter state, and of the held verdicts the stronger."""
    strict = gone if SEVERITY[State(gone["state"])] > SEVERITY[State(into["state"])] else into
    other = into if strict is gone else gone
    state = State(strict["state"])
    # A probe ends with the account that it was of: what stays is held until somebody begins another.
    permitted = into["permitted"] if strict is into else None
    moves = (permitted or WANTED[state]) != (into["permitted"] or WANTED[State(into["state"])])
    held = max((strict, other), key=_pending_severity)
    pending = tuple(held[name] for name in _PENDING) if _pending_severity(held) > SEVERITY[state] else (None,) * 4
    await connection.execute(
        """
        UPDATE circuits
        SET counters = $2, state = $3, since = $4, epoch = epoch + $5::int, last_verdict = $6,
            pending_verdict = $7, pending_to = $8, pending_at = $9, pending_held_by = $10,
            last_event_at = greatest(last_event_at, $11), permitted = $12, watched_until = greatest(watched_until, $13),
            confirmed = CASE WHEN $5 = 0 THEN confirmed END, confirmed_at = CASE WHEN $5 = 0 THEN confirmed_at END
        WHERE account = $1
        """,
        into["account"],
        counters.to_bytes(),
        state,
        strict["since"],
        int(moves),
        strict["last_verdict"] or other["last_verdict"],
        *pending,
        gone["last_event_at"],
        permitted,
        gone["watched_until"],
    )


def _pending_severity(circuit: asyncpg.Record) -> int:
    to = circuit["pending_to"]
    return SEVERITY[State(to)] if to else -1
