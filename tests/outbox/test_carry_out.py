"""The outbox worker against the simulated platform: stops, resets, and what the platform looks like after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.flows.carry_out import Pace
from breaker.flows.designs import Made
from breaker.flows.listings import missing
from breaker.flows.quarantine import HOME_GONE, HOME_UNKNOWN
from breaker.simulator.errors import ApiError
from tests.guarded import NAMES
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from breaker.flows.carry_out import Sender
    from tests.guarded import Guarded
    from tests.simulated import Simulated

BLOCK = frozenset({Actuator.BLOCK})
PASSES = 12


async def finish(sender: Sender, store: Guarded) -> None:
    """Make passes until nothing is open, or as many as should ever be needed."""
    for _ in range(PASSES):
        await store.make_due()
        await sender.once()
        if not await store.outbox().backlog():
            return


def blocked(world: Simulated) -> list[str]:
    return [value for one in world.application.lists for value in one.items]


def place(world: Simulated, grant_id: str) -> str | None:
    return world.application.grants.get(grant_id).workspace_id


async def test_a_stop_blocks_then_moves_and_is_confirmed_when_read_back(world: Simulated, store: Guarded) -> None:
    _, rule_id = await store.set_up(world.client)
    home = world.application.add_workspace("Sales")
    await world.client.attach_rules(home.workspace_id, [rule_id])
    grant = world.application.add_grant("a@x.example", workspace_id=home.workspace_id)
    other = world.application.add_grant("b@x.example", workspace_id=home.workspace_id)
    number = await store.know(grant.id, "a@x.example")
    world.platform.journal.clear()
    await store.act(number, Cause.TRIPPED)

    await finish(store.sender(world.client), store)

    copy = next(one for one in world.application.workspaces if one.name == NAMES.quarantine(home.workspace_id))
    assert await store.standing(number) == ("stopped", "stopped")
    assert blocked(world) == ["a@x.example"]
    assert place(world, grant.id) == copy.workspace_id
    assert place(world, other.id) == home.workspace_id
    assert (copy.rule_ids[:1], copy.auto_group) == ([rule_id], False)
    assert {one.name for one in await world.client.rules() if one.id in copy.rule_ids} == {
        NAMES.block_rule,
        NAMES.limit_rule,
    }
    changed = [path.split("/")[2] for _, path in world.changing_calls()]
    assert changed == ["lists", "policies", "workspaces", "grants"]
    account = await store.account(number)
    assert (account.workspace_id, account.home_workspace_id) == (copy.workspace_id, home.workspace_id)
    with pytest.raises(ApiError):
        world.application.send(grant.id, ["someone@y.example"])


async def test_a_reset_moves_home_and_unblocks_last(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, "a@x.example")
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED)
    await finish(sender, store)
    world.platform.journal.clear()
    await store.act(number, Cause.RESET)

    await finish(sender, store)

    default = world.application.workspaces.default.workspace_id
    account = await store.account(number)
    assert await store.standing(number) == ("sending", "sending")
    assert blocked(world) == []
    assert place(world, grant.id) == default
    assert (account.workspace_id, account.home_workspace_id) == (default, None)
    assert [method for method, _ in world.changing_calls()] == ["PATCH", "DELETE", "DELETE"]
    world.application.send(grant.id, ["someone@y.example"])


async def test_a_stop_is_confirmed_well_within_a_second_by_a_running_sender(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, "a@x.example")
    sender = store.sender(world.client, pace=Pace(poll=60.0))
    await store.act(number, Cause.TRIPPED)
    sender.woken.set()

    took = await store.confirmed_by(2, sender)

    assert [kind for kind, _ in took] == ["block", "quarantine"]
    assert max(seconds for _, seconds in took) < 1.0
    assert await store.standing(number) == ("stopped", "stopped")
    assert await store.leases.take(f"sender:{APPLICATION}", "another", 1.0)


async def test_many_stops_take_one_request_and_one_reading_of_the_list(world: Simulated, store: Guarded) -> None:
    list_id, _ = await store.set_up(world.client)
    numbers = [await store.know(f"g{one}", f"a{one}@x.example") for one in range(150)]
    for number in numbers:
        await store.act(number, Cause.TRIPPED, BLOCK)
    world.platform.journal.clear()

    await store.sender(world.client).once()

    items = f"/v3/lists/{list_id}/items"
    assert [(call.method, call.path) for call in world.platform.journal] == [("POST", items), ("GET", items)]
    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 150


async def test_a_configured_quarantine_is_used_and_no_copy_made(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    cell = world.application.add_workspace("Cell")
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    sender = store.sender(world.client, quarantine=cell.workspace_id)
    await store.act(number, Cause.TRIPPED)
    await finish(sender, store)
    moved_to = place(world, grant.id)
    await store.act(number, Cause.RESET)
    await finish(sender, store)

    assert moved_to == cell.workspace_id
    assert place(world, grant.id) == world.application.workspaces.default.workspace_id
    assert len(list(world.application.workspaces)) == 2


async def test_a_quarantine_is_never_taken_for_a_home(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    sender = store.sender(world.client)
    for cause in (Cause.TRIPPED, Cause.RESET, Cause.TRIPPED):
        await store.act(number, cause)
        await finish(sender, store)
    await store.pool.execute("UPDATE accounts SET home_workspace_id = NULL")  # as after a loss of the database
    await store.act(number, Cause.RESET)
    await store.act(number, Cause.TRIPPED)

    await finish(sender, store)

    assert (await store.account(number)).home_workspace_id == world.application.workspaces.default.workspace_id


async def test_an_account_that_was_moved_out_of_quarantine_by_hand_stays_where_it_is(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED)
    await finish(sender, store)
    elsewhere = world.application.add_workspace("Elsewhere")
    world.application.move_grant(grant.id, elsewhere.workspace_id)
    await store.act(number, Cause.RESET)

    await finish(sender, store)

    account = await store.account(number)
    assert place(world, grant.id) == elsewhere.workspace_id
    assert (account.workspace_id, account.home_workspace_id) == (elsewhere.workspace_id, None)
    assert await store.standing(number) == ("sending", "sending")


async def test_a_home_that_is_gone_is_replaced_by_the_default_workspace_and_said(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    home = world.application.add_workspace("Sales")
    grant = world.application.add_grant("a@x.example", workspace_id=home.workspace_id)
    number = await store.know(grant.id, grant.email)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED)
    await finish(sender, store)
    world.application.remove_workspace(home.workspace_id)
    await store.act(number, Cause.RESET)

    await finish(sender, store)

    assert place(world, grant.id) == world.application.workspaces.default.workspace_id
    assert ("return_home", "settled", HOME_GONE) in await store.commands(number)
    assert await store.standing(number) == ("sending", "sending")


async def test_a_home_that_nobody_remembers_is_replaced_by_the_default_workspace_and_said(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    cell = world.application.add_workspace("Cell")
    grant = world.application.add_grant("a@x.example", workspace_id=cell.workspace_id)
    number = await store.know(grant.id, grant.email)
    await store.act(number, Cause.TRIPPED)
    await store.act(number, Cause.RESET)

    await finish(store.sender(world.client, quarantine=cell.workspace_id), store)

    assert place(world, grant.id) == world.application.workspaces.default.workspace_id
    assert ("return_home", "settled", HOME_UNKNOWN) in await store.commands(number)


async def test_an_address_that_is_not_known_is_looked_up(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, None)
    await store.act(number, Cause.TRIPPED, BLOCK)

    await finish(store.sender(world.client), store)

    assert blocked(world) == ["a@x.example"]
    assert (await store.account(number)).address == "a@x.example"
    assert await store.standing(number) == ("stopped", "stopped")


async def test_a_list_that_the_database_has_forgotten_is_found_by_its_name(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    before = {(one.kind, one.platform_id) for one in await store.inventory.items(APPLICATION)}
    await store.pool.execute("DELETE FROM inventory")
    number = await store.know("g1", "a@x.example")
    await store.act(number, Cause.TRIPPED, BLOCK)

    await finish(store.sender(world.client), store)

    assert await store.standing(number) == ("stopped", "stopped")
    assert {(one.kind, one.platform_id) for one in await store.inventory.items(APPLICATION)} == before


async def test_without_a_set_up_a_stop_waits_and_says_what_to_do(world: Simulated, store: Guarded) -> None:
    grant = world.application.add_grant("a@x.example")
    number = await store.know(grant.id, grant.email)
    await store.act(number, Cause.TRIPPED)
    sender = store.sender(world.client)

    await finish(sender, store)
    waiting = await store.commands(number)
    await store.set_up(world.client)
    await finish(sender, store)

    assert waiting[0] == ("block", None, missing(Made.LIST))
    assert waiting[1][:2] == ("quarantine", None)
    assert await store.standing(number) == ("stopped", "stopped")


async def test_one_daemon_sends_and_another_takes_over_when_it_ends(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    first = await store.know("g1", "a@x.example")
    sender, other = store.sender(world.client, "daemon-1"), store.sender(world.client, "daemon-2")
    await sender.once()
    await store.act(first, Cause.TRIPPED, BLOCK)

    by_the_other = await other.once()
    await store.leases.release(f"sender:{APPLICATION}", "daemon-1")
    successor = store.sender(world.client, "daemon-3")

    assert by_the_other == 0
    assert await successor.once() == 1


async def test_a_pass_gives_back_what_it_has_not_come_to(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    numbers = []
    for one in range(6):
        grant = world.application.add_grant(f"a{one}@x.example")
        numbers.append(await store.know(grant.id, grant.email))
        await store.act(numbers[-1], Cause.TRIPPED, frozenset({Actuator.QUARANTINE}))
    sender = store.sender(world.client, pace=Pace(slice=0.0, together=2))

    assert [await sender.once() for _ in range(4)] == [2, 2, 2, 0]
    assert [await store.standing(number) for number in numbers] == [("stopped", "stopped")] * 6
