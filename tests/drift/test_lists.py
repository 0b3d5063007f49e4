"""Who was taken out of a list is shown as free, put back once, and then left to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.lost import respond
from breaker.flows.designs import Made
from breaker.ports import TryAgainError
from breaker.simulator.faults import FaultKind
from tests.drift.conftest import BLOCKING
from tests.setup.conftest import done
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.drift.conftest import Drifting

A = "a@x.example"


async def held(drifting: Drifting, address: str = A, cause: Cause = Cause.TRIPPED) -> int:
    """Stop an account, or limit it, long ago."""
    store, world = drifting.place.store, drifting.place.world
    number = await store.know(world.application.add_grant(address).id, address)
    await store.act(number, cause, BLOCKING)
    await drifting.carry_out()
    await drifting.long_ago()
    return number


async def take_out(drifting: Drifting, value: str = A, made: Made = Made.LIST) -> None:
    await drifting.place.world.client.remove_values(await drifting.place.list_id(made), [value])


async def listed(drifting: Drifting, made: Made = Made.LIST) -> list[str]:
    return [one async for one in drifting.place.world.client.values(await drifting.place.list_id(made))]


async def commands(drifting: Drifting) -> int:
    return int(await drifting.place.store.pool.fetchval("SELECT count(*) FROM commands"))


async def test_who_is_in_the_list_is_left_alone(drifting: Drifting) -> None:
    number = await held(drifting)

    await drifting.sweep()

    assert drifting.told == []
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_a_stopped_account_that_was_taken_out_is_shown_as_free_and_put_back(drifting: Drifting) -> None:
    number = await held(drifting)
    await take_out(drifting)

    await drifting.sweep()
    shown = await drifting.place.store.standing(number)
    await drifting.carry_out()

    assert shown == ("stopped", None)
    assert drifting.told == [(A, "stopped", "repaired")]
    assert await listed(drifting) == [A]
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_the_second_time_it_is_left_to_people_whoever_sweeps(drifting: Drifting) -> None:
    number = await held(drifting)
    for _ in range(2):
        await take_out(drifting)
        await drifting.sweep()
        await drifting.carry_out()
        await drifting.long_ago()
    before = await commands(drifting)

    await drifting.sweep()
    await drifting.carry_out()

    assert drifting.told == [(A, "stopped", "repaired"), (A, "stopped", "yielded")]
    assert await listed(drifting) == []
    assert await drifting.place.store.standing(number) == ("stopped", None)
    assert await commands(drifting) == before


async def test_who_is_put_back_by_a_person_is_shown_as_stopped_again_and_missed_again(drifting: Drifting) -> None:
    number = await held(drifting)
    for _ in range(2):
        await take_out(drifting)
        await drifting.sweep()
        await drifting.carry_out()
        await drifting.long_ago()
    await drifting.place.world.client.add_values(await drifting.place.list_id(), [A])

    await drifting.sweep()

    assert drifting.found_again == [A]
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")
    await drifting.long_ago()
    await take_out(drifting)
    await drifting.sweep()
    assert await drifting.place.store.standing(number) == ("stopped", None)
    assert [response for _, _, response in drifting.told] == ["repaired", "yielded", "yielded"]


async def test_a_stop_after_a_reset_is_put_back_once_again(drifting: Drifting) -> None:
    number, store = await held(drifting), drifting.place.store
    for _ in range(2):
        await take_out(drifting)
        await drifting.sweep()
        await drifting.carry_out()
        await drifting.long_ago()
    for cause in (Cause.RESET, Cause.TRIPPED):
        await store.act(number, cause, BLOCKING)
        await drifting.carry_out()
    assert await store.standing(number) == ("stopped", "stopped")
    await drifting.long_ago()
    await take_out(drifting)

    await drifting.sweep()
    await drifting.carry_out()

    assert drifting.told[-1] == (A, "stopped", "repaired")
    assert await listed(drifting) == [A]


async def test_in_observe_it_is_told_once_and_put_back_when_breaker_may_act(drifting: Drifting) -> None:
    number = await held(drifting)
    drifting.enforce = False
    await take_out(drifting)
    for _ in range(2):
        await drifting.sweep()
        await drifting.carry_out()

    assert drifting.told == [(A, "stopped", "reported")]
    assert (await listed(drifting), await drifting.place.store.standing(number)) == ([], ("stopped", None))

    drifting.enforce = True
    await drifting.sweep()
    await drifting.carry_out()
    assert drifting.told[1:] == [(A, "stopped", "repaired")]
    assert (await listed(drifting), await drifting.place.store.standing(number)) == ([A], ("stopped", "stopped"))


async def test_a_limited_account_is_put_back_into_its_own_list(drifting: Drifting) -> None:
    number = await held(drifting, cause=Cause.LIMITED_BY_PERSON)
    await take_out(drifting, made=Made.LIMIT_LIST)

    await drifting.sweep()
    await drifting.carry_out()

    assert drifting.told == [(A, "limited", "repaired")]
    assert (await listed(drifting), await listed(drifting, Made.LIMIT_LIST)) == ([], [A])
    assert await drifting.place.store.standing(number) == ("limited", "limited")


async def test_a_stopped_domain_is_put_back_once_and_then_left(drifting: Drifting) -> None:
    world, pool = drifting.place.world.client, drifting.place.store.pool
    made = await drifting.place.list_id(Made.DOMAIN_LIST)
    await drifting.place.store.know("grant-1", A)
    await world.add_values(made, ["x.example"])
    await drifting.sweep()
    states = []
    for _ in range(2):
        await drifting.long_ago()
        await take_out(drifting, "x.example", Made.DOMAIN_LIST)
        await drifting.sweep()
        states.append(await pool.fetchval("SELECT confirmed FROM domain_circuits"))
        await drifting.sweep()
        await drifting.carry_out()

    assert states == [None, None]
    assert drifting.told == [("domain:x.example", "stopped", "repaired"), ("domain:x.example", "stopped", "yielded")]
    assert await listed(drifting, Made.DOMAIN_LIST) == []
    await world.add_values(made, ["x.example"])
    await drifting.sweep()
    assert drifting.found_again == ["domain:x.example"]
    assert await pool.fetchval("SELECT confirmed FROM domain_circuits") == "stopped"


async def test_who_was_just_put_in_is_not_missed_for_an_old_answer(drifting: Drifting) -> None:
    number = await held(drifting)
    await drifting.place.store.pool.execute(
        "UPDATE circuits SET confirmed_at = $1", drifting.place.store.clock.now() - 60
    )
    await take_out(drifting)

    await drifting.sweep()

    assert drifting.told == []
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_who_is_on_the_way_out_is_not_put_back(drifting: Drifting) -> None:
    number, store = await held(drifting), drifting.place.store
    await take_out(drifting)
    await store.act(number, Cause.RESET, BLOCKING)

    await drifting.sweep()
    await drifting.carry_out()

    assert (drifting.told, await listed(drifting)) == ([], [])
    assert await store.standing(number) == ("sending", "sending")


async def test_who_is_held_by_a_quarantine_alone_need_stand_in_no_list(drifting: Drifting) -> None:
    await held(drifting)
    await take_out(drifting)
    drifting.actuators = frozenset({Actuator.QUARANTINE})

    await drifting.sweep()

    assert drifting.told == []


async def test_who_was_adopted_in_a_configured_quarantine_need_stand_in_no_list(drifting: Drifting) -> None:
    application = drifting.place.world.application
    cell = application.add_workspace("Cell").workspace_id
    grant = application.add_grant(A, workspace_id=cell)
    for _ in range(2):
        await drifting.sweep(quarantines=(cell,))
        await drifting.long_ago()

    assert drifting.told == []
    number = await drifting.place.store.know(grant.id, A)
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_a_list_that_is_gone_shows_all_as_free_and_stops_them_when_there_is_one_again(drifting: Drifting) -> None:
    numbers = [await held(drifting, f"{name}@x.example") for name in "ab"]
    store, world = drifting.place.store, drifting.place.world
    await world.client.delete_list(await drifting.place.list_id())

    await drifting.sweep()
    await drifting.sweep()

    assert [await store.standing(number) for number in numbers] == [("stopped", None)] * 2
    assert drifting.told == []
    await done(drifting.place.set_up(url=None, actuators=BLOCKING))
    await drifting.carry_out()
    assert await listed(drifting) == ["a@x.example", "b@x.example"]
    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 2


async def test_a_platform_that_cannot_be_read_changes_nothing(drifting: Drifting) -> None:
    number = await held(drifting)
    await take_out(drifting)
    drifting.place.world.fault(FaultKind.STATUS, status=500, path="/v3/lists")

    with pytest.raises(TryAgainError):
        await drifting.sweep()

    assert drifting.told == []
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_a_teardown_forgets_what_was_taken_out_before(drifting: Drifting) -> None:
    number, store = await held(drifting), drifting.place.store
    for _ in range(2):
        await take_out(drifting)
        await drifting.sweep()
        await drifting.carry_out()
        await drifting.long_ago()
    await done(drifting.place.tear_down())
    await done(drifting.place.set_up(url=None, actuators=BLOCKING))

    await drifting.carry_out()

    assert await listed(drifting) == [A]
    assert await store.standing(number) == ("stopped", "stopped")
    assert await store.pool.fetchval("SELECT count(*) FROM applications WHERE id = $1", APPLICATION) == 1


@pytest.mark.parametrize("may_act", [True, False])
@pytest.mark.parametrize(("put_back", "left"), [(True, False), (False, True), (True, True)])
def test_what_was_put_back_once_is_never_put_back_again(may_act: bool, put_back: bool, left: bool) -> None:
    assert respond(told=False, put_back=put_back, left=left, may_act=may_act) == "yielded"
    assert respond(told=True, put_back=put_back, left=left, may_act=may_act) is None
