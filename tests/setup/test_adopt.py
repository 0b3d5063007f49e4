"""What is blocked on the platform and unknown to the database is adopted, and never released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.flows.adopt import Swept
from breaker.flows.designs import Made
from breaker.ports import FoundBlocked, TryTransactionAgainError
from breaker.simulator.faults import FaultKind
from tests.guarded import LIMITING
from tests.outbox.test_carry_out import BLOCK, finish
from tests.setup.conftest import done
from tests.setup.test_tear_down import homes, stopped_account
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.setup.conftest import Place

EVERYTHING = "TRUNCATE accounts, circuits, verdicts, commands, inventory, applications CASCADE"


async def test_a_lost_database_adopts_what_it_had_stopped_and_can_still_bring_it_home(place: Place) -> None:
    sales = place.world.application.add_workspace("Sales")
    await done(place.set_up())
    await stopped_account(place, "a@x.example", sales.workspace_id)
    away = homes(place)
    before = sorted(await place.inventory())
    await place.store.pool.execute(EVERYTHING)  # and the daemon's memory of accounts' numbers is out of date
    place.world.platform.journal.clear()

    swept = await place.sweep()()

    grant = place.world.application.grants.by_address("a@x.example")
    assert grant is not None
    number = await place.store.know(grant.id, "a@x.example")
    account = await place.store.account(number)
    assert swept == Swept(1, 1, ("a@x.example",))
    assert await place.store.standing(number) == ("stopped", "stopped")
    assert (account.workspace_id, account.home_workspace_id) == (away["a@x.example"], sales.workspace_id)
    assert sorted(await place.inventory()) == before
    assert place.world.changing_calls() == []
    await place.store.act(number, Cause.RESET)
    await finish(place.store.sender(place.world.client), place.store)
    assert homes(place) == {"a@x.example": sales.workspace_id}
    assert await place.store.standing(number) == ("sending", "sending")


async def test_an_adoption_has_a_verdict_and_a_second_sweep_finds_nothing(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    number = await place.store.know(grant.id, "a@x.example")
    made = await place.list_id()
    await place.world.client.add_values(made, ["a@x.example"])

    first, second = await place.sweep()(), await place.sweep()()

    verdict = await place.store.pool.fetchrow("SELECT from_state, to_state, detector, held_by, account FROM verdicts")
    assert (first.adopted, second.adopted) == (("a@x.example",), ())
    assert tuple(verdict) == ("sending", "stopped", "platform", None, number)
    assert await place.store.standing(number) == ("stopped", "stopped")


async def test_many_unknown_addresses_are_found_by_reading_all_grants(place: Place) -> None:
    await done(place.set_up())
    made = await place.list_id()
    addresses = [f"a{one:02}@x.example" for one in range(30)]
    for address in addresses:
        place.world.application.add_grant(address)
    await place.world.client.add_values(made, addresses)
    place.world.platform.journal.clear()

    swept = await place.sweep()()

    assert swept.adopted == tuple(addresses)
    assert [call.path for call in place.world.platform.journal].count("/v3/grants") == 1
    assert await place.store.pool.fetchval("SELECT count(*) FROM accounts WHERE grant_id IS NULL") == 0


async def test_an_address_without_a_grant_is_adopted_by_its_address_alone(place: Place) -> None:
    await done(place.set_up())
    made = await place.list_id()
    await place.world.client.add_values(made, ["gone@x.example"])

    await place.sweep()()

    account = await place.store.account(await place.store.know(None, "gone@x.example"))
    assert account.grant_id is None
    assert await place.store.standing(account.key) == ("stopped", "stopped")


async def test_one_that_is_in_quarantine_alone_is_adopted_and_not_said_to_be_stopped(place: Place) -> None:
    await done(place.set_up())
    await stopped_account(place, "a@x.example")
    made = await place.list_id()
    await place.world.client.remove_values(made, ["a@x.example"])
    await place.store.pool.execute(EVERYTHING)

    swept = await place.sweep()()

    grant = place.world.application.grants.by_address("a@x.example")
    assert grant is not None
    assert swept == Swept(0, 1, ("a@x.example",))
    assert await place.store.standing(await place.store.know(grant.id, "a@x.example")) == ("stopped", None)


async def test_one_in_a_configured_quarantine_is_adopted(place: Place) -> None:
    cell = place.world.application.add_workspace("Cell")
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example", workspace_id=cell.workspace_id)

    await place.sweep(quarantines=(cell.workspace_id,))()

    account = await place.store.account(await place.store.know(grant.id, "a@x.example"))
    assert await place.store.standing(account.key) == ("stopped", "stopped")
    assert (account.workspace_id, account.home_workspace_id) == (cell.workspace_id, None)


@pytest.mark.parametrize("cause", [Cause.TRIPPED, Cause.RESET])
async def test_one_on_its_way_is_left_alone(place: Place, cause: Cause) -> None:
    await done(place.set_up())
    number = await stopped_account(place, "a@x.example")
    if cause is Cause.TRIPPED:
        await place.store.act(number, Cause.RESET, BLOCK)
    await place.store.act(number, cause, BLOCK)

    swept = await place.sweep()()

    assert swept.adopted == ()


async def test_an_old_answer_after_a_release_adopts_nobody(place: Place) -> None:
    await done(place.set_up())
    number = await stopped_account(place, "a@x.example")
    place.world.fault(FaultKind.STALE, path="/v3/lists")
    stale = place.world.platform.faults
    await place.store.act(number, Cause.RESET)
    stale_fault = next(iter(stale))
    stale.clear()
    await finish(place.store.sender(place.world.client), place.store)
    stale.add(stale_fault)

    swept = await place.sweep()()

    assert swept == Swept(1, 0, ())
    assert await place.store.standing(number) == ("sending", "sending")


async def test_one_that_was_found_and_released_in_between_is_not_adopted(place: Place) -> None:
    await done(place.set_up())
    number = await stopped_account(place, "a@x.example")
    found = FoundBlocked("a@x.example", grant_id=(await place.store.account(number)).grant_id)

    already = await place.store.adoption.adopt(APPLICATION, found, place.store.clock.now())
    await place.store.act(number, Cause.RESET)
    changing = await place.store.adoption.adopt(APPLICATION, found, place.store.clock.now())

    assert (already, changing) == (False, False)
    assert (await place.store.standing(number))[0] == "sending"


async def test_an_account_whose_number_another_has_by_now_is_not_taken_for_it(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    await place.store.know(grant.id, "a@x.example")
    await place.store.pool.execute(EVERYTHING.replace("CASCADE", "RESTART IDENTITY CASCADE"))
    place.store.identities.forget([])
    innocent = await place.store.know("g2", "innocent@x.example")
    found = FoundBlocked("a@x.example", grant_id=grant.id)
    with pytest.raises(TryTransactionAgainError):
        await place.store.adoption.adopt(APPLICATION, found, place.store.clock.now())

    assert await place.store.adoption.adopt(APPLICATION, found, place.store.clock.now())
    assert await place.store.standing(innocent) == ("sending", "sending")


async def test_before_a_set_up_there_is_nothing_to_adopt(place: Place) -> None:
    assert await place.sweep()() == Swept(0, 0, ())


async def test_a_lost_database_adopts_who_was_limited_as_limited_and_a_reset_lets_it_go(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    await place.store.act(await place.store.know(grant.id, "a@x.example"), Cause.LIMITED_BY_PERSON, LIMITING)
    await finish(place.store.sender(place.world.client), place.store)
    before = sorted(await place.inventory())
    await place.store.pool.execute(EVERYTHING)
    place.world.platform.journal.clear()

    first, second = await place.sweep()(), await place.sweep()()

    number = await place.store.know(grant.id, "a@x.example")
    verdict = await place.store.pool.fetchrow("SELECT from_state, to_state, detector, held_by FROM verdicts")
    assert (first, second) == (Swept(0, 0, (), 1, ("a@x.example",)), Swept(0, 0, (), 1))
    assert tuple(verdict) == ("sending", "limited", "platform", None)
    assert await place.store.standing(number) == ("limited", "limited")
    assert sorted(await place.inventory()) == before
    assert place.world.changing_calls() == []
    await place.store.act(number, Cause.RESET, LIMITING)
    await finish(place.store.sender(place.world.client), place.store)
    assert [list(one.items) for one in place.world.application.lists] == [[], []]
    assert await place.store.standing(number) == ("sending", "sending")


async def test_one_in_both_lists_is_adopted_as_stopped(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    for made in (Made.LIST, Made.LIMIT_LIST):
        await place.world.client.add_values(await place.list_id(made), ["a@x.example"])

    swept = await place.sweep()()

    assert swept == Swept(1, 0, ("a@x.example",), 1, ())
    assert await place.store.standing(await place.store.know(grant.id, "a@x.example")) == ("stopped", "stopped")


async def test_a_limited_account_that_is_found_blocked_is_adopted_as_stopped(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    number = await place.store.know(grant.id, "a@x.example")
    await place.store.act(number, Cause.LIMITED_BY_PERSON, LIMITING)
    await finish(place.store.sender(place.world.client), place.store)
    await place.store.pool.execute("UPDATE circuits SET confirmed_at = 0")  # long ago
    await place.world.client.add_values(await place.list_id(), ["a@x.example"])

    swept = await place.sweep()()

    assert swept == Swept(1, 0, ("a@x.example",), 1, ())
    assert await place.store.standing(number) == ("stopped", "stopped")


async def test_a_block_that_stays_for_want_of_the_actuator_that_limits_is_known(place: Place) -> None:
    await done(place.set_up())
    number = await stopped_account(place, "a@x.example")
    await place.store.act(number, Cause.LIMITED_BY_PERSON, BLOCK)
    await place.store.pool.execute("UPDATE circuits SET confirmed_at = 0")  # long ago

    swept = await place.sweep()()

    assert swept.adopted == ()
    assert await place.store.standing(number) == ("limited", "stopped")
