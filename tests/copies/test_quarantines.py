"""Copies of workspaces for stopped accounts: shared, equal, never without a policy, and found again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.flows.quarantine import (
    COPY_UNBLOCKED,
    HOME_GONE,
    HOME_GUESSED,
    QUARANTINE_GONE,
    QUARANTINE_GONE_UNBLOCKED,
)
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import FaultKind
from tests.guarded import NAMES
from tests.outbox.test_carry_out import finish

if TYPE_CHECKING:
    from tests.copies.conftest import Homes

DEFAULT = "Default workspace"


async def test_homes_with_an_equal_policy_and_equal_rules_share_a_copy(homes: Homes) -> None:
    long, short, theirs = await homes.policy(90), await homes.policy(60), await homes.rule("theirs")
    sales = await homes.home("Sales", long, theirs)
    support = await homes.home("Support", long, theirs)
    others = [await homes.home("Billing", short, theirs), await homes.home("Legal", long)]
    for number, home in enumerate([sales, support, *others]):
        await homes.stop(f"a{number}@x.example", home)

    shared, same, *apart = [homes.place(f"a{number}@x.example") for number in range(4)]
    ours = homes.world.application.workspaces.default.rule_ids

    assert shared is same
    assert (shared.name, shared.policy_id, shared.rule_ids) == (
        NAMES.quarantine(sales.workspace_id),
        long,
        [theirs, *ours],
    )
    assert [(one.name, one.policy_id) for one in apart] == [
        (NAMES.quarantine(home.workspace_id), home.policy_id) for home in others
    ]
    assert await homes.remembered() == {
        shared.workspace_id: [sales.workspace_id, support.workspace_id],
        **{copy.workspace_id: [home.workspace_id] for copy, home in zip(apart, others, strict=True)},
    }


async def test_accounts_go_home_from_a_shared_copy_each_to_its_own(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales, support = await homes.home("Sales", policy), await homes.home("Support", policy)
    first, second = await homes.stop("a@x.example", sales), await homes.stop("b@x.example", support)

    await homes.act(first, Cause.RESET)
    await homes.act(second, Cause.RESET)

    assert [homes.place(one) for one in ("a@x.example", "b@x.example")] == [sales, support]


async def test_the_copy_of_a_home_without_a_policy_has_one_all_the_same(homes: Homes) -> None:
    sales = await homes.home("Sales")
    await homes.stop("a@x.example", homes.world.application.workspaces.default)
    await homes.stop("b@x.example", sales)

    copy = homes.place("a@x.example")

    [policy] = await homes.world.client.policies().all()
    assert homes.place("b@x.example") is copy
    assert (policy.name, policy.id, policy.content.daily_sends) == (
        NAMES.quarantine_policy,
        copy.policy_id,
        None,
    )
    assert policy.content.limits["limit_inbox_retention_period"] == 365


async def test_a_copy_with_one_home_follows_it(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    await homes.stop("a@x.example", sales)
    sales.policy_id, theirs = await homes.policy(60), await homes.rule("theirs")
    sales.rule_ids = [theirs]

    await homes.stop("b@x.example", sales)

    copy = homes.place("b@x.example")
    ours = homes.world.application.workspaces.default.rule_ids
    assert homes.place("a@x.example") is copy
    assert (copy.policy_id, copy.rule_ids) == (sales.policy_id, [theirs, *ours])


async def test_a_home_that_becomes_different_is_given_a_copy_of_its_own(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales, support = await homes.home("Sales", policy), await homes.home("Support", policy)
    await homes.stop("a@x.example", sales)
    await homes.stop("b@x.example", support)
    shared = homes.place("a@x.example")
    sales.policy_id = await homes.policy(60)

    await homes.stop("c@x.example", sales)

    own = homes.place("c@x.example")
    assert own is not shared
    assert (own.name, own.policy_id) == (NAMES.quarantine(sales.workspace_id), sales.policy_id)
    assert (shared.name, shared.policy_id) == (NAMES.quarantine(support.workspace_id), policy)
    assert await homes.remembered() == {
        shared.workspace_id: [support.workspace_id],
        own.workspace_id: [sales.workspace_id],
    }


async def test_a_copy_that_was_changed_by_hand_is_put_right_before_anybody_is_moved_there(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    await homes.stop("a@x.example", sales)
    copy = homes.place("a@x.example")
    copy.policy_id, copy.rule_ids = None, []

    await homes.stop("b@x.example", sales)

    assert homes.place("b@x.example") is copy
    assert (copy.policy_id, set(copy.rule_ids)) == (sales.policy_id, set(sales.rule_ids))


async def test_copies_are_found_again_after_a_loss_of_the_database(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales, support = await homes.home("Sales", policy), await homes.home("Support", policy)
    first = await homes.stop("a@x.example", sales)
    await homes.stop("b@x.example", homes.world.application.workspaces.default)
    known = homes.copies()
    await homes.store.pool.execute("DELETE FROM inventory WHERE kind IN ('workspace', 'policy')")

    await homes.stop("c@x.example", support)
    await homes.stop("d@x.example", homes.world.application.workspaces.default)

    assert homes.copies() == known
    assert homes.place("c@x.example") is homes.place("a@x.example")
    assert homes.place("d@x.example") is homes.place("b@x.example")
    assert [one.name for one in await homes.world.client.policies().all()] == ["90 days", NAMES.quarantine_policy]
    await homes.act(first, Cause.RESET)
    assert homes.place("a@x.example") is sales


async def test_who_belongs_where_is_told_by_the_domain_when_nobody_remembers(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales = await homes.home("Sales", policy)
    support = await homes.home("Support", policy)
    support.domain = "y.example"
    numbers = [await homes.stop(address, support) for address in ("a@y.example", "b@x.example")]
    await homes.store.pool.execute("DELETE FROM inventory WHERE kind = 'workspace'")
    await homes.store.pool.execute("UPDATE accounts SET home_workspace_id = NULL")

    for number in numbers:
        await homes.act(number, Cause.RESET)

    assert homes.place("a@y.example") is support
    assert homes.place("b@x.example") is support  # which the copy was made for
    assert ("return_home", "settled", None) in await homes.store.commands(numbers[0])
    assert ("return_home", "settled", HOME_GUESSED) in await homes.store.commands(numbers[1])
    assert sales.policy_id == support.policy_id


async def test_a_quarantine_that_was_deleted_is_made_anew(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    first = await homes.stop("a@x.example", sales)
    before = homes.place("a@x.example").workspace_id
    homes.world.application.remove_workspace(before)

    await homes.stop("b@x.example", sales)
    await homes.act(first, Cause.RESET)

    copy = homes.place("b@x.example")
    assert copy.name == NAMES.quarantine(sales.workspace_id)
    assert await homes.remembered() == {copy.workspace_id: [sales.workspace_id]}
    assert before != copy.workspace_id
    assert await homes.store.standing(first) == ("sending", "sending")


async def test_a_configured_quarantine_that_is_gone_leaves_the_move_out_and_the_block_in_force(homes: Homes) -> None:
    sales = await homes.home("Sales")
    cell = homes.world.application.add_workspace("Cell").workspace_id
    homes.world.application.remove_workspace(cell)

    number = await homes.stop("a@x.example", sales, homes.store.sender(homes.world.client, quarantine=cell))

    assert homes.place("a@x.example") is sales
    assert await homes.store.commands(number) == [
        ("block", "settled", None),
        ("quarantine", "settled", QUARANTINE_GONE),
    ]
    assert await homes.store.standing(number) == ("stopped", "stopped")
    assert (await homes.store.account(number)).home_workspace_id is None
    with pytest.raises(ApiError):
        homes.world.application.send((await homes.store.account(number)).grant_id or "", ["b@y.example"])


async def test_a_home_that_is_gone_leaves_its_accounts_where_they_are_until_they_are_let_go(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    copy = homes.place("a@x.example")
    homes.world.application.remove_workspace(sales.workspace_id)
    await homes.stop("b@x.example", await homes.home("Support", copy.policy_id))
    stayed = homes.place("a@x.example")

    await homes.act(number, Cause.RESET)

    assert stayed is copy
    assert homes.place("a@x.example").name == DEFAULT
    assert ("return_home", "settled", HOME_GONE) in await homes.store.commands(number)


async def test_a_crash_between_any_two_steps_leaves_nothing_behind(homes: Homes) -> None:
    sales = await homes.home("Sales")
    grant = homes.world.application.add_grant("a@x.example", workspace_id=sales.workspace_id)
    number = await homes.store.know(grant.id, "a@x.example")
    await homes.store.act(number, Cause.TRIPPED)
    for method, path in (("POST", "/v3/policies"), ("POST", "/v3/workspaces"), ("PATCH", f"/v3/grants/{grant.id}")):
        # It is done, and whoever asked for it never hears.
        homes.world.fault(FaultKind.STATUS, method=method, path=path, status=500, times=1, executes=True)

    await finish(homes.sender(), homes.store)

    assert list(homes.copies()) == [NAMES.quarantine(sales.workspace_id)]
    assert [one.name for one in await homes.world.client.policies().all()] == [NAMES.quarantine_policy]
    assert await homes.store.standing(number) == ("stopped", "stopped")


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_person_says_where_an_account_goes_whose_home_is_gone(homes: Homes, remembered: bool) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    support = await homes.home("Support", await homes.policy(60))
    number = await homes.stop("a@x.example", sales)
    homes.world.application.remove_workspace(sales.workspace_id)
    if not remembered:
        await homes.store.pool.execute("UPDATE accounts SET home_workspace_id = NULL")
    async with homes.store.circuits.transaction() as locked:
        account, _, _ = (await locked.load([number]))[number]
        await locked.note_home(account, support.workspace_id)

    await homes.act(number, Cause.RESET)

    assert homes.place("a@x.example") is support
    assert ("return_home", "settled", None) in await homes.store.commands(number)
    assert homes.store.elsewhere == []


async def test_a_home_that_a_person_says_and_that_is_not_there_is_none(homes: Homes) -> None:
    number = await homes.stop("a@x.example", await homes.home("Sales", await homes.policy(90)))
    async with homes.store.circuits.transaction() as locked:
        account, _, _ = (await locked.load([number]))[number]
        await locked.note_home(account, "w-mistyped")

    await homes.act(number, Cause.RESET)

    assert homes.place("a@x.example").name == DEFAULT
    assert homes.store.elsewhere == ["home_gone"]


@pytest.mark.parametrize(("configured", "said"), [(False, COPY_UNBLOCKED), (True, QUARANTINE_GONE_UNBLOCKED)])
async def test_what_nothing_would_stop_is_not_said_to_be_stopped(homes: Homes, configured: bool, said: str) -> None:
    cell = homes.world.application.add_workspace("Cell").workspace_id if configured else None
    if cell is not None:
        homes.world.application.remove_workspace(cell)
    alone = replace(homes, without=frozenset({Actuator.BLOCK}))
    sender = homes.store.sender(homes.world.client, quarantine=cell, blocks=False)

    number = await alone.stop("a@x.example", await homes.home("Sales"), sender)

    assert await homes.store.commands(number) == [("quarantine", "given_up", said)]
    assert await homes.store.standing(number) == ("stopped", None)
    assert homes.copies() == {}
