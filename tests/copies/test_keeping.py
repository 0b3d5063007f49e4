"""Copies that are looked after: they follow their homes, and whoever is in the wrong one is moved to the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause, Wanted
from breaker.domain.platform.commands import CommandKind
from breaker.flows.designs import Made
from tests.guarded import NAMES

if TYPE_CHECKING:
    from tests.copies.conftest import Homes


async def test_a_copy_follows_its_home_while_accounts_are_in_it(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    copy = homes.place("a@x.example")
    theirs = await homes.rule("theirs")
    sales.policy_id, sales.rule_ids = await homes.policy(60), [theirs, *sales.rule_ids]

    assert await homes.keep() == 0

    assert homes.place("a@x.example") is copy
    assert (copy.policy_id, copy.rule_ids) == (sales.policy_id, sales.rule_ids)
    assert await homes.store.standing(number) == ("stopped", "stopped")


async def test_a_policy_that_somebody_took_from_a_copy_is_put_back(homes: Homes) -> None:
    await homes.stop("a@x.example", homes.world.application.workspaces.default)
    copy = homes.place("a@x.example")
    before, copy.policy_id = copy.policy_id, None

    assert await homes.keep() == 0

    assert copy.policy_id == before is not None


async def test_the_accounts_of_a_home_that_became_different_follow_it_to_another_copy(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales, support = await homes.home("Sales", policy), await homes.home("Support", policy)
    first, second = await homes.stop("a@x.example", sales), await homes.stop("b@x.example", support)
    shared = homes.place("a@x.example")
    sales.policy_id = await homes.policy(60)

    assert (await homes.keep(), await homes.keep()) == (1, 0)

    own = homes.place("a@x.example")
    assert (own.name, own.policy_id) == (NAMES.quarantine(sales.workspace_id), sales.policy_id)
    assert homes.place("b@x.example") is shared
    assert (shared.name, shared.policy_id) == (NAMES.quarantine(support.workspace_id), policy)
    assert [await homes.store.standing(one) for one in (first, second)] == [("stopped", "stopped")] * 2
    assert (await homes.store.account(first)).home_workspace_id == sales.workspace_id


async def test_who_was_left_where_it_was_probed_is_moved_to_where_it_should_be(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    await homes.round(number, Wanted.SENDING)
    assert await homes.keep() == 0
    # Somebody stopped it while it was being moved there, and the order for its way back was never written.
    await homes.store.pool.execute("UPDATE circuits SET state = 'stopped', permitted = NULL, confirmed = 'stopped'")
    await homes.world.client.add_values((await homes.world.client.lists())[0].id, ["a@x.example"])

    assert (await homes.keep(), await homes.keep()) == (1, 0)

    assert homes.place("a@x.example").name == NAMES.quarantine(sales.workspace_id)
    assert [kind for kind, _, _ in await homes.store.commands(number)][-1] == CommandKind.QUARANTINE


@pytest.mark.parametrize("noted", [False, True])
async def test_whom_the_platform_moved_since_their_quarantine_was_deleted_is_in_another_one(
    homes: Homes, noted: bool
) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    homes.world.application.remove_workspace(homes.place("a@x.example").workspace_id)
    default = homes.world.application.workspaces.default
    if noted:  # by the sweep of placements
        await homes.store.outbox().note_placement(number, default.workspace_id, sales.workspace_id)
    fallen_to = homes.place("a@x.example")

    assert (await homes.keep(), await homes.keep()) == (1, 0)

    assert fallen_to is default
    assert homes.place("a@x.example").name == NAMES.quarantine(sales.workspace_id)
    assert (await homes.store.account(number)).home_workspace_id == sales.workspace_id


@pytest.mark.parametrize("noted", [False, True])
async def test_whom_the_platform_moved_so_goes_home_by_a_reset(homes: Homes, noted: bool) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    homes.world.application.remove_workspace(homes.place("a@x.example").workspace_id)
    if noted:
        default = homes.world.application.workspaces.default.workspace_id
        await homes.store.outbox().note_placement(number, default, sales.workspace_id)

    await homes.act(number, Cause.RESET)

    assert homes.place("a@x.example") is sales
    assert (await homes.store.account(number)).home_workspace_id is None


async def test_a_copy_that_was_deleted_is_forgotten(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    await homes.round(number, Wanted.SENDING)
    for name in (NAMES.quarantine(sales.workspace_id), NAMES.probe(sales.workspace_id)):
        [copy] = [one for one in homes.world.application.workspaces if one.name == name]
        homes.world.application.remove_workspace(copy.workspace_id)

    assert await homes.keep() == 0

    assert [await homes.remembered(), await homes.remembered(Made.PROBE_WORKSPACE)] == [{}, {}]


async def test_without_copies_the_platform_is_asked_nothing(homes: Homes) -> None:
    assert await homes.keep() == 0

    assert list(homes.world.platform.journal) == []
