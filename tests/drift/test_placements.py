"""Who was moved, deleted or made by somebody else is followed, and a stop holds wherever an account is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.placement import Move, Place, Workspaces, moved
from breaker.ports import Sender
from tests.drift.conftest import BLOCKING
from tests.outbox.test_carry_out import finish
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.drift.conftest import Drifting

A = "a@x.example"
BOTH = frozenset({Actuator.BLOCK, Actuator.QUARANTINE})
ALONE = frozenset({Actuator.QUARANTINE})
THERE = Workspaces(frozenset({"default", "sales", "support", "copy", "cell"}), frozenset({"copy", "cell", "gone copy"}))


@pytest.mark.parametrize(
    ("before", "found_in", "held", "after", "move"),
    [
        (Place(None), "sales", False, Place("sales"), None),
        (Place(None, "sales"), "copy", True, Place("copy", "sales"), None),
        (Place("sales"), "sales", True, Place("sales"), None),
        (Place("sales"), "support", False, Place("support"), Move.MOVED),
        (Place("sales"), "support", True, Place("support"), Move.STOPPED_MOVED),
        (Place("sales"), "copy", False, Place("copy", "sales"), Move.INTO_QUARANTINE),
        (Place("copy", "sales"), "cell", True, Place("cell", "sales"), None),
        (Place("copy", "sales"), "support", True, Place("support"), Move.OUT_OF_QUARANTINE),
        (Place("copy", "sales"), "sales", True, Place("sales"), Move.OUT_OF_QUARANTINE),
        (Place("gone copy", "sales"), "default", True, Place("default", "sales"), Move.WORKSPACE_GONE),
        (Place("gone copy", "gone"), "default", True, Place("default"), Move.WORKSPACE_GONE),
        (Place("gone"), "default", False, Place("default"), Move.WORKSPACE_GONE),
    ],
)
def test_where_an_account_belongs_by_now(
    before: Place, found_in: str, held: bool, after: Place, move: Move | None
) -> None:
    assert moved(before, found_in, THERE, held=held) == (after, move)


async def known(drifting: Drifting, address: str = A, workspace_id: str | None = None) -> int:
    """Make an account known where it is."""
    grant = drifting.place.world.application.add_grant(address, workspace_id=workspace_id)
    await drifting.sweep_placements()
    return await drifting.place.store.know(grant.id, address)


async def stopped(drifting: Drifting, actuators: frozenset[Actuator], workspace_id: str | None = None) -> int:
    """Stop an account, long ago."""
    number, store = await known(drifting, workspace_id=workspace_id), drifting.place.store
    await store.act(number, Cause.TRIPPED, actuators)
    await finish(store.sender(drifting.place.world.client), store)
    await store.pool.execute("UPDATE commands SET ended_at = 0")
    await drifting.long_ago()
    return number


async def move(drifting: Drifting, to: str, address: str = A) -> None:
    """Move an account as a person does, with the platform's own tools."""
    grant = drifting.place.world.application.grants.by_address(address)
    assert grant is not None
    grant.workspace_id = to


async def place_of(drifting: Drifting, number: int) -> Place:
    account = await drifting.place.store.account(number)
    return Place(account.workspace_id, account.home_workspace_id)


async def test_a_healthy_account_that_was_moved_has_a_new_home(drifting: Drifting) -> None:
    sales = drifting.place.world.application.add_workspace("Sales").workspace_id
    number = await known(drifting)
    await move(drifting, sales)

    await drifting.sweep_placements()
    await drifting.sweep_placements()

    assert await place_of(drifting, number) == Place(sales)
    assert drifting.moves == [(A, Place(sales), Move.MOVED)]


async def test_a_stopped_account_that_was_moved_stays_blocked_and_is_at_home_there(drifting: Drifting) -> None:
    sales = drifting.place.world.application.add_workspace("Sales").workspace_id
    number = await stopped(drifting, BLOCKING)
    await move(drifting, sales)

    await drifting.sweep_placements()

    assert await place_of(drifting, number) == Place(sales)
    assert drifting.moves == [(A, Place(sales), Move.STOPPED_MOVED)]
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")
    assert drifting.told == []


async def test_a_blocked_account_that_was_moved_out_of_quarantine_stays_blocked_and_where_it_is(
    drifting: Drifting,
) -> None:
    application, store = drifting.place.world.application, drifting.place.store
    sales, support = (application.add_workspace(name).workspace_id for name in ("Sales", "Support"))
    number = await stopped(drifting, BOTH, sales)
    assert (await place_of(drifting, number)).home_workspace_id == sales
    await move(drifting, support)

    await drifting.sweep_placements()
    shown = await store.standing(number)
    await store.act(number, Cause.RESET, BOTH)
    await finish(store.sender(drifting.place.world.client), store)

    assert shown == ("stopped", "stopped")
    assert drifting.moves == [(A, Place(support), Move.OUT_OF_QUARANTINE)]
    assert await place_of(drifting, number) == Place(support)
    assert [grant.workspace_id for grant in application.grants] == [support]


async def test_who_only_a_quarantine_held_is_put_back_once_and_then_left_to_people(drifting: Drifting) -> None:
    drifting.actuators = ALONE
    support = drifting.place.world.application.add_workspace("Support").workspace_id
    number, store = await stopped(drifting, ALONE), drifting.place.store
    shown = []
    for _ in range(2):
        await move(drifting, support)
        await drifting.sweep_placements()
        shown.append(await store.standing(number))
        await drifting.carry_out()
        await store.pool.execute("UPDATE commands SET ended_at = 0")

    assert shown == [("stopped", None)] * 2
    assert drifting.told == [(A, "stopped", "repaired"), (A, "stopped", "yielded")]
    assert await place_of(drifting, number) == Place(support)


async def test_who_a_person_puts_back_into_quarantine_is_shown_as_stopped_again(drifting: Drifting) -> None:
    drifting.actuators, drifting.enforce = ALONE, False
    number, store = await stopped(drifting, ALONE), drifting.place.store
    quarantine = await place_of(drifting, number)
    default = drifting.place.world.application.workspaces.default.workspace_id
    await move(drifting, default)
    await drifting.sweep_placements()
    await drifting.carry_out()
    free = await store.standing(number)
    await move(drifting, str(quarantine.workspace_id))

    await drifting.sweep_placements()

    assert (free, await store.standing(number)) == (("stopped", None), ("stopped", "stopped"))
    assert drifting.told == [(A, "stopped", "reported")]
    assert drifting.found_again == [A]
    assert await place_of(drifting, number) == quarantine


async def test_a_healthy_account_in_a_quarantine_keeps_its_home(drifting: Drifting) -> None:
    application = drifting.place.world.application
    sales, cell = (application.add_workspace(name).workspace_id for name in ("Sales", "Cell"))
    number = await known(drifting, workspace_id=sales)
    await move(drifting, cell)

    await drifting.sweep_placements(quarantines=(cell,))

    assert await place_of(drifting, number) == Place(cell, sales)
    assert drifting.moves == [(A, Place(cell, sales), Move.INTO_QUARANTINE)]


async def test_what_breaker_itself_moves_is_no_drift(drifting: Drifting) -> None:
    number, store = await known(drifting), drifting.place.store
    await store.act(number, Cause.TRIPPED, BOTH)
    await finish(store.sender(drifting.place.world.client), store)
    await store.act(number, Cause.RESET, BOTH)
    await store.pool.execute("UPDATE accounts SET workspace_id = 'elsewhere'")

    await drifting.sweep_placements()  # the way home is ordered, and not gone yet

    assert drifting.moves == []
    assert (await place_of(drifting, number)).workspace_id == "elsewhere"


async def test_a_grant_that_is_gone_without_a_word_is_remembered_as_deleted_and_its_block_stays(
    drifting: Drifting,
) -> None:
    number, store = await stopped(drifting, BLOCKING), drifting.place.store
    account = await store.account(number)
    drifting.place.world.application.grants.remove(str(account.grant_id))

    await drifting.sweep_placements()
    await drifting.sweep_placements()

    assert drifting.deletions == [account.grant_id]
    assert await store.pool.fetchval("SELECT grant_deleted_at IS NOT NULL FROM accounts")
    assert await store.standing(number) == ("stopped", "stopped")
    await drifting.sweep()
    assert drifting.told == []


async def test_a_grant_made_anew_with_the_same_address_takes_over_its_history_and_its_block(drifting: Drifting) -> None:
    number, store = await stopped(drifting, BLOCKING), drifting.place.store
    application = drifting.place.world.application
    gone = (await store.account(number)).grant_id
    application.grants.remove(str(gone))
    new = application.add_grant(A)

    await drifting.sweep_placements()
    await drifting.carry_out()

    store.identities.forget([])
    key = Sender(APPLICATION, new.id, A)
    number = (await drifting.identities().numbers_of([key], store.clock.now()))[key]
    account = await store.account(number)
    assert drifting.deletions == [gone]
    assert (account.grant_id, account.address) == (new.id, A)
    assert await store.standing(number) == ("stopped", "stopped")
    assert await store.pool.fetchval("SELECT count(*) FROM accounts WHERE merged_into IS NULL") == 1


async def test_a_grant_that_was_wrongly_taken_for_deleted_is_there_again(drifting: Drifting) -> None:
    number, store = await known(drifting), drifting.place.store
    await store.outbox().note_gone(number, store.clock.now() - 60)

    await drifting.sweep_placements()

    assert await store.pool.fetchval("SELECT grant_deleted_at FROM accounts") is None
    assert drifting.deletions == []


async def test_a_mailbox_that_is_no_agents_is_known_and_neither_placed_nor_missed(drifting: Drifting) -> None:
    application = drifting.place.world.application
    sales = application.add_workspace("Sales").workspace_id
    number = await known(drifting)
    grant = application.grants.by_address(A)
    assert grant is not None
    grant.provider = "google"
    await move(drifting, sales)

    await drifting.sweep_placements()

    assert await drifting.place.store.pool.fetchval("SELECT provider FROM accounts") == "google"
    assert (await place_of(drifting, number)).workspace_id == application.workspaces.default.workspace_id
    assert (drifting.moves, drifting.deletions) == ([], [])
