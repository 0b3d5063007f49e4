"""Taking everything back: in order, as often as it takes, and nothing that is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.domain.circuits.states import Cause
from breaker.flows.designs import block_rule_content
from breaker.flows.order_again import order_again
from breaker.ports import TryAgainError
from breaker.simulator.faults import FaultKind
from tests.guarded import LIMITING
from tests.outbox.test_carry_out import finish
from tests.setup.conftest import done

if TYPE_CHECKING:
    from tests.setup.conftest import Place


async def stopped_account(place: Place, address: str, workspace_id: str | None = None, cell: str | None = None) -> int:
    """Stop an account by block and quarantine, and return its number."""
    grant = place.world.application.add_grant(address, workspace_id=workspace_id)
    number = await place.store.know(grant.id, address)
    await place.store.act(number, Cause.TRIPPED)
    await finish(place.store.sender(place.world.client, quarantine=cell), place.store)
    assert await place.store.standing(number) == ("stopped", "stopped")
    return number


def homes(place: Place) -> dict[str, str | None]:
    return {grant.email: grant.workspace_id for grant in place.world.application.grants}


async def test_everything_is_taken_back_and_what_is_not_ours_stays(place: Place) -> None:
    theirs = await place.world.client.create_rule("theirs", block_rule_content("x"))
    kept = await place.world.client.create_list("kept", "address")
    sales = place.world.application.add_workspace("Sales")
    sales.rule_ids = [theirs.id]
    before = {one.workspace_id: list(one.rule_ids) for one in place.world.application.workspaces}
    await done(place.set_up())
    number = await stopped_account(place, "a@x.example", sales.workspace_id)

    sentences = await done(place.tear_down())

    copy = f"Breaker: quarantine of {sales.workspace_id} [installation-1]"
    assert sentences[:3] == [
        f"move 1 account home to 'Sales', and delete the quarantine {copy!r}",
        "delete the policy 'Breaker: quarantine [installation-1]'",
        "delete the webhook",
    ]
    assert sorted(sentences[3:5]) == [
        "take Breaker's rules out of the workspace 'Default workspace'; its other rules stay",
        "take Breaker's rules out of the workspace 'Sales'; its other rules stay",
    ]
    assert sentences[5:] == [
        "delete the rule to block stopped accounts",
        "delete the rule to let limited accounts only reply",
        "delete the list of stopped accounts; 1 account in it can send again",
        "delete the list of limited accounts; 0 accounts in it can begin conversations again",
    ]
    assert await place.world.client.lists() == [kept]
    assert await place.world.client.rules() == [theirs]
    assert await place.world.client.webhooks() == []
    assert await place.world.client.policies().all() == []
    assert {one.workspace_id: one.rule_ids for one in place.world.application.workspaces} == before
    assert homes(place) == {"a@x.example": sales.workspace_id}
    assert await place.inventory() == []
    assert await place.store.standing(number) == ("stopped", None)


async def test_a_second_run_has_nothing_to_take_back(place: Place) -> None:
    await done(place.set_up())
    await done(place.tear_down())
    place.world.platform.journal.clear()

    assert await done(place.tear_down()) == []
    assert place.world.changing_calls() == []


async def test_a_plan_changes_nothing(place: Place) -> None:
    await done(place.set_up())
    place.world.platform.journal.clear()

    assert len(await place.tear_down().plan()) == 6
    assert place.world.changing_calls() == []


async def test_an_empty_database_finds_what_to_take_back_by_name(place: Place) -> None:
    await done(place.set_up())
    await stopped_account(place, "a@x.example")
    await place.store.pool.execute("TRUNCATE accounts, circuits, verdicts, commands, inventory CASCADE")

    await done(place.tear_down())

    default = place.world.application.workspaces.default
    assert await place.world.client.lists() == []
    assert await place.world.client.rules() == []
    assert await place.world.client.webhooks() == []
    assert [one.workspace_id for one in place.world.application.workspaces] == [default.workspace_id]
    assert default.rule_ids == []
    assert homes(place) == {"a@x.example": default.workspace_id}


async def test_accounts_come_home_from_a_configured_quarantine_which_stays(place: Place) -> None:
    sales, cell = place.world.application.add_workspace("Sales"), place.world.application.add_workspace("Cell")
    await done(place.set_up())
    await stopped_account(place, "a@x.example", sales.workspace_id, cell.workspace_id)
    away = homes(place)

    await done(place.tear_down(quarantines=(cell.workspace_id,)))

    assert away == {"a@x.example": cell.workspace_id}
    assert homes(place) == {"a@x.example": sales.workspace_id}
    assert cell.workspace_id in {one.workspace_id for one in place.world.application.workspaces}


@pytest.mark.parametrize("survived", range(8))
async def test_a_run_that_broke_off_is_gone_on_with(place: Place, survived: int) -> None:
    await done(place.set_up())
    await stopped_account(place, "a@x.example")
    flow = place.tear_down()
    steps = flow.carry_out(await flow.plan())
    for _ in range(survived):
        await anext(steps, None)
    place.world.fault(FaultKind.STATUS, status=503, times=1, executes=True)
    with pytest.raises((TryAgainError, StopAsyncIteration)):
        await anext(steps)

    place.world.platform.faults.clear()
    await done(place.tear_down())

    assert await place.inventory() == []
    assert await place.world.client.lists() == []
    assert await place.world.client.rules() == []
    assert await place.world.client.webhooks() == []
    assert len(await place.world.client.workspaces()) == 1
    assert homes(place) == {"a@x.example": place.world.application.workspaces.default.workspace_id}


async def test_what_somebody_deleted_already_is_only_forgotten(place: Place) -> None:
    await done(place.set_up())
    for made in await place.world.client.lists():
        await place.world.client.delete_list(made.id)
    for rule in await place.world.client.rules():
        await place.world.client.delete_rule(rule.id)

    await done(place.tear_down())

    assert await place.inventory() == []


async def test_a_limited_account_is_shown_as_unconfirmed_and_limited_again_after_another_setup(place: Place) -> None:
    await done(place.set_up())
    grant = place.world.application.add_grant("a@x.example")
    number = await place.store.know(grant.id, grant.email)
    await place.store.act(number, Cause.LIMITED_BY_PERSON, LIMITING)
    sender = place.store.sender(place.world.client)
    await finish(sender, place.store)

    sentences = await done(place.tear_down())
    between = await place.store.standing(number)
    await done(place.set_up())
    unordered = PostgresUnordered(place.store.pool)
    ordered = await order_again(unordered, place.store.circuits, lambda _: LIMITING, place.store.clock.now())
    await finish(sender, place.store)

    assert sentences[-1] == "delete the list of limited accounts; 1 account in it can begin conversations again"
    assert (between, ordered) == (("limited", None), 1)
    assert await place.store.standing(number) == ("limited", "limited")
    assert [list(one.items) for one in place.world.application.lists] == [[], ["a@x.example"]]
