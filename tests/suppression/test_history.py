"""Recipients are kept whichever way their outcomes are learnt, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.suppressions import PostgresSuppressions
from breaker.domain.platform.suppression import Reason, Suppressing
from tests.backfill.past import DAY, past, untold
from tests.counting.daemons import daemon

if TYPE_CHECKING:
    from tests.conftest import Cluster
    from tests.counting.daemons import Daemon


def suppressing(one: Daemon) -> Daemon:
    return replace(one, count=replace(one.count, suppressing=Suppressing(frozenset(Reason), 365 * DAY)))


async def kept(one: Daemon) -> list[tuple[str, Reason, int]]:
    rows = await PostgresSuppressions(one.pool).all(10_000)
    return sorted((row.address, row.reason, row.times) for row in rows)


async def test_webhooks_and_history_suppress_the_same_recipients_once(cluster: Cluster) -> None:
    async with (
        past() as lived,
        cluster.database() as first,
        cluster.database() as second,
        daemon(first) as hearing,
        daemon(second) as reading,
    ):
        hears, reads = suppressing(hearing), suppressing(reading)
        await lived.hear(hears, lived.events())
        await lived.backfill(reads)(lived.span, untold)
        heard = await kept(hears)
        read = await kept(reads)
        await lived.backfill(hears)(lived.span, untold)
        again = await kept(hears)

    assert {reason for _, reason, _ in heard} == set(Reason)
    assert (read, again) == (heard, heard)
