"""The outbox worker when the platform is wrong, gone or silent: no stop is forgotten, none confirmed too early."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.flows.carry_out import Pace
from breaker.flows.designs import Made
from breaker.flows.listings import NO_ADDRESS, NOT_SHOWN, missing
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import SimulationOptions, WorkspaceGeneration
from tests.outbox.test_carry_out import BLOCK, blocked, finish, place
from tests.simulated import simulated

if TYPE_CHECKING:
    from tests.guarded import Guarded
    from tests.simulated import Simulated

MOVE = frozenset({Actuator.QUARANTINE})


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": FaultKind.STATUS, "status": 500},
        {"kind": FaultKind.STATUS, "status": 503, "executes": True},
        {"kind": FaultKind.STATUS, "status": 429},
        {"kind": FaultKind.HTML, "status": 200},
        {"kind": FaultKind.HTML, "status": 404},
        {"kind": FaultKind.DISCONNECT},
        {"kind": FaultKind.DISCONNECT, "executes": True},
        {"kind": FaultKind.SILENCE},
    ],
    ids=lambda fault: "-".join(str(one) for one in fault.values()),
)
async def test_a_stop_survives_three_failures_of_every_request(
    world: Simulated, store: Guarded, fault: dict[str, object]
) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    await store.act(number, Cause.TRIPPED)
    world.fault(times=3, **fault)  # type: ignore[arg-type] # the kind is among them
    client = world.another_client(answer_within=0.3)

    await finish(store.sender(client), store)

    assert await store.standing(number) == ("stopped", "stopped")
    assert blocked(world) == ["a@x.example"]
    assert [(kind, ended) for kind, ended, _ in await store.commands(number)] == [
        ("block", "settled"),
        ("quarantine", "settled"),
    ]


async def test_what_is_not_shown_yet_is_not_confirmed(world: Simulated, store: Guarded) -> None:
    list_id, _ = await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    stale = world.fault(FaultKind.STALE, path=f"/v3/lists/{list_id}")
    sender = store.sender(world.client)
    await sender.once()
    unconfirmed, commands = await store.standing(number), await store.commands(number)

    world.platform.faults.remove(stale.id)
    await finish(sender, store)

    assert unconfirmed == ("stopped", None)
    assert commands == [("block", None, NOT_SHOWN)]
    assert await store.standing(number) == ("stopped", "stopped")


async def test_a_move_that_is_not_shown_yet_is_not_confirmed(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    await store.act(number, Cause.TRIPPED, MOVE)
    stale = world.fault(FaultKind.STALE, path=f"/v3/grants/{grant.id}")
    sender = store.sender(world.client)
    await sender.once()
    unconfirmed = await store.standing(number)

    world.platform.faults.remove(stale.id)
    await finish(sender, store)

    account = await store.account(number)
    assert unconfirmed == ("stopped", None)
    assert await store.standing(number) == ("stopped", "stopped")
    assert account.home_workspace_id == world.application.workspaces.default.workspace_id
    assert account.workspace_id == place(world, grant.id) != account.home_workspace_id


async def test_an_unblock_that_is_not_shown_yet_is_not_confirmed(world: Simulated, store: Guarded) -> None:
    list_id, _ = await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED, BLOCK)
    await finish(sender, store)
    await store.act(number, Cause.RESET)
    world.fault(FaultKind.STALE, path=f"/v3/lists/{list_id}")

    await finish(sender, store)

    assert await store.standing(number) == ("sending", None)
    assert ("unblock", None, NOT_SHOWN) in await store.commands(number)


async def test_the_time_that_the_platform_asks_for_is_waited(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    world.fault(FaultKind.STATUS, status=503, retry_after=90, times=1)
    before = store.clock.now()

    await store.sender(world.client).once()

    due = await store.pool.fetchval("SELECT next_attempt_at FROM commands")
    assert 90.0 <= due - before < 95.0


@pytest.mark.parametrize(("attempts", "expected"), [(1, 0.25), (2, 0.5), (5, 4.0), (8, 30.0), (40, 30.0)])
async def test_delays_are_doubled_and_capped(world: Simulated, store: Guarded, attempts: int, expected: float) -> None:
    await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    await store.pool.execute("UPDATE commands SET attempts = $1", attempts - 1)
    world.fault(FaultKind.STATUS, status=500)
    before = store.clock.now()

    await store.sender(world.client, pace=Pace()).once()

    due = await store.pool.fetchval("SELECT next_attempt_at FROM commands")
    assert expected <= due - before < expected + 2.0


async def test_a_rejected_key_is_tried_again_for_a_person_may_mend_it(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    await finish(store.sender(world.another_client("nyk_v0_wrong")), store)
    ((kind, ended, error),) = await store.commands(number)

    await finish(store.sender(world.client), store)

    assert (kind, ended) == ("block", None)
    assert error is not None
    assert "401" in error
    assert await store.standing(number) == ("stopped", "stopped")


async def test_a_grant_that_is_gone_has_nothing_to_move_and_stays_blocked(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    world.application.remove_grant(grant.id)
    await store.act(number, Cause.TRIPPED)

    await finish(store.sender(world.client), store)

    assert await store.standing(number) == ("stopped", "stopped")
    assert blocked(world) == ["a@x.example"]
    assert await store.pool.fetchval("SELECT grant_deleted_at FROM accounts WHERE account = $1", number) is not None


async def test_a_grant_that_is_gone_before_its_address_was_known_is_given_up(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    number = await store.know("gone", None)
    await store.act(number, Cause.TRIPPED, BLOCK)

    await finish(store.sender(world.client), store)

    assert await store.commands(number) == [("block", "given_up", NO_ADDRESS)]
    assert await store.standing(number) == ("stopped", None)


async def test_one_address_that_the_platform_refuses_holds_up_no_other(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    numbers = [await store.know(f"g{one}", f"a{one}@x.example") for one in range(20)]
    bad = await store.know("bad", "not-an-address@x")
    for number in [*numbers[:10], bad, *numbers[10:]]:
        await store.act(number, Cause.TRIPPED, BLOCK)

    await finish(store.sender(world.client), store)

    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 20
    assert await store.standing(bad) == ("stopped", None)
    ((_, ended, error),) = await store.commands(bad)
    assert ended == "given_up"
    assert "not-an-address" not in str(error)


async def test_a_list_that_somebody_deleted_is_missed_and_nothing_given_up(world: Simulated, store: Guarded) -> None:
    list_id, _ = await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await world.client.delete_list(list_id)
    await store.act(number, Cause.TRIPPED, BLOCK)

    await finish(store.sender(world.client), store)

    assert await store.commands(number) == [("block", None, missing(Made.LIST))]


async def test_where_no_quarantine_can_be_made_the_block_stands_and_the_configuration_is_named(store: Guarded) -> None:
    async with simulated(SimulationOptions(workspaces=WorkspaceGeneration.DOMAIN_REQUIRED)) as world:
        await store.set_up(world.client)
        grant = world.application.add_grant("a@x.example")
        number = await store.know(grant.id, grant.email)
        await store.act(number, Cause.TRIPPED)

        await finish(store.sender(world.client), store)

        block, move = await store.commands(number)
        assert blocked(world) == ["a@x.example"]
        assert block == ("block", "settled", None)
        assert move[:2] == ("quarantine", "given_up")
        assert "quarantine_workspace_id" in str(move[2])
        assert await store.standing(number) == ("stopped", None)


async def test_a_platform_that_ignores_the_move_is_never_believed(store: Guarded) -> None:
    async with simulated(SimulationOptions(grant_patch_moves=False)) as world:
        await store.set_up(world.client)
        grant = world.application.add_grant("a@x.example")
        number = await store.know(grant.id, grant.email)
        await store.act(number, Cause.TRIPPED)

        await finish(store.sender(world.client), store)

        assert await store.standing(number) == ("stopped", None)


async def test_a_sender_that_is_stopped_half_way_gives_back_what_it_held(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)
    silence = world.fault(FaultKind.SILENCE)
    sender = store.sender(world.client)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await sender.once()

    world.platform.faults.remove(silence.id)

    assert await sender.once() == 1
    assert await store.standing(number) == ("stopped", "stopped")


async def test_two_senders_at_once_leave_the_platform_and_the_database_as_one_does(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    numbers = []
    for one in range(10):
        grant = world.application.add_grant(f"a{one}@x.example")
        numbers.append(await store.know(grant.id, grant.email))
        await store.act(numbers[-1], Cause.TRIPPED)

    await store.confirmed_by(20, *(store.sender(world.client, f"daemon-{one}") for one in range(2)))

    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 10
    assert len(list(world.application.workspaces)) == 2
