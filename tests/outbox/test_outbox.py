"""The outbox in the database: claims, settlements, and what becomes of older epochs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator, CommandKind
from breaker.ports import Account, Backlog
from tests.guarded import LIMITING, guarded
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from breaker.adapters.postgres.outbox import PostgresOutbox
    from tests.guarded import Guarded

BLOCK = frozenset({Actuator.BLOCK})


async def claimed(outbox: PostgresOutbox, now: float, *, limit: int = 100, lasts: float = 60.0) -> list[str]:
    return [f"{one.account.grant_id} {one.kind}" for one in await outbox.claim(APPLICATION, now, limit, lasts)]


@pytest.mark.parametrize("pooled", [False, True])
async def test_a_stop_is_claimed_step_by_step_and_confirmed_with_its_last(database_url: str, pooled: bool) -> None:
    async with guarded(database_url, pooled=pooled) as store:
        number = await store.know("g1", "a@x.example")
        await store.act(number, Cause.TRIPPED)
        outbox, now = store.outbox(), store.clock.now()

        (block,) = await outbox.claim(APPLICATION, now, 10, 60.0)
        await outbox.settle([block], now)
        halfway = await store.standing(number)
        (move,) = await outbox.claim(APPLICATION, now, 10, 60.0)
        await outbox.settle([move], now, "a notice")

        assert block.account == Account(number, APPLICATION, "g1", "a@x.example")
        assert (block.kind, block.epoch, block.attempts) == (CommandKind.BLOCK, 1, 1)
        assert halfway == ("stopped", None)
        assert await store.standing(number) == ("stopped", "stopped")
        assert await store.commands(number) == [("block", "settled", None), ("quarantine", "settled", "a notice")]
        assert await store.pool.fetchval("SELECT confirmed_at FROM circuits WHERE account = $1", number) == now


async def test_a_step_that_was_tried_keeps_no_later_one_waiting(store: Guarded) -> None:
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED)
    outbox, now = store.outbox(), store.clock.now()
    first = await outbox.claim(APPLICATION, now, 10, 60.0)
    await outbox.postpone(first, now + 30.0, "not now")

    assert await claimed(outbox, now) == ["g1 quarantine"]
    assert await claimed(outbox, now) == []
    assert await claimed(outbox, now + 30.0) == ["g1 block"]


async def test_what_was_given_back_untried_is_as_if_it_had_not_been_claimed(store: Guarded) -> None:
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED)
    outbox, now = store.outbox(), store.clock.now()
    await outbox.release(await outbox.claim(APPLICATION, now, 10, 60.0))

    (again,) = await outbox.claim(APPLICATION, now, 10, 60.0)

    assert (again.kind, again.attempts) == (CommandKind.BLOCK, 1)


async def test_stops_go_before_resets_that_came_first(store: Guarded) -> None:
    first, second = await store.know("g1", "a@x.example"), await store.know("g2", "b@x.example")
    await store.act(first, Cause.RESET)
    await store.act(second, Cause.TRIPPED)

    assert await claimed(store.outbox(), store.clock.now(), limit=1) == ["g2 block"]


async def test_a_claim_is_another_s_until_it_ends_by_the_database_s_clock(store: Guarded) -> None:
    await store.act(await store.know("g1", "a@x.example"), Cause.TRIPPED, BLOCK)
    now = store.clock.now()
    dead, alive = store.outbox("dead"), store.outbox("alive")

    assert await claimed(dead, now, lasts=60.0) == ["g1 block"]
    assert await claimed(alive, now + 1000.0) == []
    await store.pool.execute("UPDATE commands SET claimed_until = extract(epoch FROM clock_timestamp()) - 0.001")
    assert await claimed(alive, now) == ["g1 block"]


async def test_who_lost_a_claim_can_t_give_it_back(store: Guarded) -> None:
    await store.act(await store.know("g1", "a@x.example"), Cause.TRIPPED, BLOCK)
    now = store.clock.now()
    slow, quick = store.outbox("slow"), store.outbox("quick")
    lost = await slow.claim(APPLICATION, now, 10, 0.0)
    await quick.claim(APPLICATION, now, 10, 60.0)

    await slow.postpone(lost, now, "too late")
    await slow.release(lost)

    assert await claimed(store.outbox("third"), now) == []


async def test_an_older_epoch_is_superseded_and_its_settlement_confirms_nothing(store: Guarded) -> None:
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    outbox, now = store.outbox(), store.clock.now()
    old = await outbox.claim(APPLICATION, now, 10, 60.0)
    await store.act(number, Cause.RESET)

    await outbox.settle(old, now)

    assert await store.standing(number) == ("sending", None)
    assert await claimed(outbox, now + 60.0) == ["g1 return_home"]
    assert await store.commands(number) == [
        ("block", "superseded", None),
        ("return_home", None, None),
        ("unblock", None, None),
        ("unlimit", None, None),
    ]


async def test_what_was_given_up_leaves_the_account_unconfirmed(store: Guarded) -> None:
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED)
    outbox, now = store.outbox(), store.clock.now()
    await outbox.settle(await outbox.claim(APPLICATION, now, 10, 60.0), now)
    await outbox.give_up(await outbox.claim(APPLICATION, now, 10, 60.0), now, "it can't be")

    assert await store.standing(number) == ("stopped", None)
    assert await store.commands(number) == [("block", "settled", None), ("quarantine", "given_up", "it can't be")]


async def test_of_several_daemons_each_command_is_claimed_by_one(store: Guarded) -> None:
    numbers = [await store.know(f"g{one}", f"a{one}@x.example") for one in range(60)]
    for number in numbers:
        await store.act(number, Cause.TRIPPED, BLOCK)
    now = store.clock.now()

    taken = await asyncio.gather(*(claimed(store.outbox(f"d{one}"), now, limit=10) for one in range(6)))

    everything = [one for some in taken for one in some]
    rest = await claimed(store.outbox("last"), now)
    assert sorted(everything + rest) == sorted(f"g{one} block" for one in range(60))


async def test_settling_many_at_once_from_several_sides_ends_in_no_deadlock(store: Guarded) -> None:
    numbers = [await store.know(f"g{one}", f"a{one}@x.example") for one in range(30)]
    for number in numbers:
        await store.act(number, Cause.TRIPPED, BLOCK)
    now = store.clock.now()
    commands = list(await store.outbox().claim(APPLICATION, now, 100, 60.0))

    async with asyncio.timeout(30):
        await asyncio.gather(
            *(store.outbox().settle(order, now) for order in (commands, commands[::-1], commands[10:], commands[:20])),
            *(claimed(store.outbox("other"), now) for _ in range(5)),
        )

    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 30


async def test_the_backlog_tells_how_many_are_open_and_the_oldest(store: Guarded) -> None:
    for one in range(3):
        await store.act(await store.know(f"g{one}", f"a{one}@x.example"), Cause.TRIPPED)
    oldest = await store.pool.fetchval("SELECT min(created_at) FROM commands")

    assert await store.outbox().backlog() == [
        Backlog(APPLICATION, CommandKind.BLOCK, 3, oldest),
        Backlog(APPLICATION, CommandKind.QUARANTINE, 3, oldest),
    ]


async def test_an_address_is_noted_unless_another_account_has_it(store: Guarded) -> None:
    first, second = await store.know("g1", None), await store.know("g2", None)
    outbox = store.outbox()

    await outbox.note_address(first, "a@x.example")
    await outbox.note_address(second, "a@x.example")
    await outbox.note_gone(second, 12.0)
    await outbox.note_gone(second, 13.0)

    assert (await store.account(first)).address == "a@x.example"
    assert (await store.account(second)).address is None
    assert await store.pool.fetchval("SELECT grant_deleted_at FROM accounts WHERE account = $1", second) == 12.0


async def test_what_lifts_is_given_out_only_once_what_holds_was_read_back(store: Guarded) -> None:
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.LIMITED_BY_PERSON, LIMITING)
    outbox, now = store.outbox(), store.clock.now()
    first = await outbox.claim(APPLICATION, now, 10, 60.0)
    await outbox.postpone(first, now, "not now")
    tried = await outbox.claim(APPLICATION, now, 10, 60.0)
    await outbox.settle(tried, now)

    assert [[one.kind for one in some] for some in (first, tried)] == [[CommandKind.LIMIT], [CommandKind.LIMIT]]
    assert await claimed(outbox, now) == ["g1 return_home"]
