from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from breaker.flows.lease import Lease

if TYPE_CHECKING:
    from tests.guarded import Guarded


async def test_of_many_that_come_at_once_one_gets_the_lease(store: Guarded) -> None:
    taken = await asyncio.gather(*(store.leases.take("work", f"d{one}", 60.0) for one in range(8)))

    assert sorted(taken) == [False] * 7 + [True]


async def test_a_lease_is_renewed_by_its_holder_and_taken_over_when_it_ends(store: Guarded) -> None:
    assert await store.leases.take("work", "first", 0.0)
    assert await store.leases.take("work", "second", 60.0)
    assert await store.leases.take("work", "second", 60.0)
    assert not await store.leases.take("work", "first", 60.0)


async def test_a_lease_that_is_given_back_is_free_at_once_and_nobody_gives_back_another_s(store: Guarded) -> None:
    await store.leases.take("work", "first", 60.0)
    await store.leases.release("work", "second")
    refused = await store.leases.take("work", "second", 60.0)
    await store.leases.release("work", "first")

    assert not refused
    assert await store.leases.take("work", "second", 60.0)


async def test_a_lease_that_was_kept_is_given_back_at_the_end(store: Guarded) -> None:
    lease = Lease(store.leases, "work", "first", 60.0)
    async with lease.kept():
        ours = [await lease.ensure(), lease.held, await store.leases.take("work", "second", 60.0)]
    after = [lease.held, await store.leases.take("work", "second", 60.0)]

    assert ours == [True, True, False]
    assert after == [False, True]


async def test_who_was_refused_asks_again_only_after_a_while(store: Guarded) -> None:
    await store.leases.take("work", "second", 60.0)
    lease = Lease(store.leases, "work", "first", 60.0)
    refused = await lease.ensure()
    await store.leases.release("work", "second")

    assert not refused
    assert not await lease.ensure()
