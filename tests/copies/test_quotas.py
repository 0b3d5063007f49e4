"""Copies of workspaces in which probed accounts may send a few messages a day, held there by the platform itself."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import Cause, Wanted
from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import Made
from breaker.flows.quota import NOT_ARMED
from breaker.ports import DAILY_SENDS, PolicyContent
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import SimulationOptions
from tests.copies.conftest import Homes
from tests.guarded import NAMES, guarded
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def messages_sent(homes: Homes, address: str, attempts: int) -> tuple[int, int]:
    """Return how many of some messages went out, and the status that refused the first that did not."""
    for sent in range(attempts):
        try:
            homes.world.application.send(homes.world.application.grants.sender(address).id, ["b@y.example"])
        except ApiError as error:
            return sent, error.status
    return attempts, 200


async def test_the_platform_itself_holds_a_round_to_the_quota(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)

    await homes.round(number, Wanted.SENDING)

    copy = homes.place("a@x.example")
    policy = await homes.world.client.policies().read(copy.policy_id or "")
    home = await homes.world.client.policies().read(sales.policy_id or "")
    assert (copy.name, policy.name) == (NAMES.probe(sales.workspace_id), NAMES.probe(sales.workspace_id))
    assert set(copy.rule_ids) == set(sales.rule_ids)
    assert policy.content == home.content.with_daily_sends(5)
    assert messages_sent(homes, "a@x.example", 7) == (5, 429)
    assert await homes.store.standing(number) == ("probing", "sending")
    account = await homes.store.account(number)
    assert (account.workspace_id, account.home_workspace_id) == (copy.workspace_id, sales.workspace_id)
    assert homes.store.elsewhere == []


async def test_between_rounds_an_account_is_held_where_stopped_accounts_are_and_in_the_end_it_is_home(
    homes: Homes,
) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    places = []
    for wanted in (Wanted.SENDING, Wanted.STOPPED, Wanted.SENDING, Wanted.STOPPED):
        await homes.round(number, wanted)
        places.append(homes.place("a@x.example").name)

    await homes.act(number, Cause.RESET)

    probe, quarantine = NAMES.probe(sales.workspace_id), NAMES.quarantine(sales.workspace_id)
    assert places == [probe, quarantine, probe, quarantine]
    assert homes.place("a@x.example") is sales
    assert (await homes.store.account(number)).home_workspace_id is None


async def test_where_no_quarantine_is_on_it_goes_home_once_it_is_blocked(homes: Homes) -> None:
    homes = replace(homes, without=frozenset({Actuator.QUARANTINE}))
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)

    await homes.round(number, Wanted.SENDING)
    during = homes.place("a@x.example").name
    await homes.round(number, Wanted.STOPPED)

    assert during == NAMES.probe(sales.workspace_id)
    assert homes.place("a@x.example") is sales
    assert messages_sent(homes, "a@x.example", 1) == (0, 403)
    commands = [kind for kind, _, _ in await homes.store.commands(number)]
    assert commands == ["block", "quota", "unblock", "unlimit", "block", "return_home"]


@asynccontextmanager
async def dropping(url: str) -> AsyncIterator[Homes]:
    """Give a platform that leaves the limit out and answers with the plan's maximum."""
    options = SimulationOptions(requests_per_second=1_000, dropped_limits=frozenset({DAILY_SENDS}))
    async with simulated(options) as world, guarded(url) as store:
        one = Homes(world, store)
        await one.set_up()
        yield one


async def test_a_quota_that_the_platform_does_not_show_is_not_armed_and_the_round_goes_on_without(
    database_url: str,
) -> None:
    async with dropping(database_url) as homes:
        sales = await homes.home("Sales", await homes.policy(90))
        number = await homes.stop("a@x.example", sales)

        await homes.round(number, Wanted.SENDING)

        said = f"{NOT_ARMED}: 5 messages a day were written, and the platform answers no limit"
        assert homes.place("a@x.example") is sales
        assert messages_sent(homes, "a@x.example", 7) == (7, 200)
        assert ("quota", "settled", said) in await homes.store.commands(number)
        assert await homes.store.standing(number) == ("probing", "sending")
        assert homes.store.elsewhere == ["quota_refused"]
        assert [one.name for one in await homes.world.client.policies().all()] == ["90 days"]
        assert await homes.remembered(Made.PROBE_WORKSPACE) == {}


async def test_a_home_that_allows_no_more_needs_no_copy(homes: Homes) -> None:
    policy = await homes.world.client.policies().create("Few", PolicyContent({DAILY_SENDS: 5}))
    sales = await homes.home("Sales", policy)
    number = await homes.stop("a@x.example", sales)

    await homes.round(number, Wanted.SENDING)

    assert homes.place("a@x.example") is sales
    assert (await homes.store.account(number)).home_workspace_id is None
    assert homes.store.elsewhere == []
    assert await homes.remembered(Made.PROBE_WORKSPACE) == {}


async def test_without_a_quota_a_round_is_at_home(homes: Homes) -> None:
    sales = await homes.home("Sales")
    number = await homes.stop("a@x.example", sales)

    await homes.round(number, Wanted.SENDING, quota=None)

    assert homes.place("a@x.example") is sales


async def test_homes_that_are_alike_share_a_copy_and_its_policy_follows_theirs(homes: Homes) -> None:
    policy = await homes.policy(90)
    sales, support = await homes.home("Sales", policy), await homes.home("Support", policy)
    first, second = await homes.stop("a@x.example", sales), await homes.stop("b@x.example", support)
    await homes.round(first, Wanted.SENDING)
    await homes.world.client.policies().change(policy, PolicyContent({"limit_inbox_retention_period": 80}))

    await homes.round(second, Wanted.SENDING, quota=3)

    copy = homes.place("a@x.example")
    shown = (await homes.world.client.policies().read(copy.policy_id or "")).content
    assert homes.place("b@x.example") is copy
    assert await homes.remembered(Made.PROBE_WORKSPACE) == {
        copy.workspace_id: [sales.workspace_id, support.workspace_id]
    }
    assert (shown.limits["limit_inbox_retention_period"], shown.daily_sends) == (80, 3)


async def test_a_home_without_a_policy_is_copied_with_the_quota_alone(homes: Homes) -> None:
    number = await homes.stop("a@x.example", homes.world.application.workspaces.default)

    await homes.round(number, Wanted.SENDING)

    shown = await homes.world.client.policies().read(homes.place("a@x.example").policy_id or "")
    assert (shown.content.daily_sends, shown.content.limits["limit_inbox_retention_period"]) == (5, 365)


async def test_a_crash_between_any_two_steps_leaves_a_state_from_which_it_goes_on(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    grant = homes.world.application.grants.sender("a@x.example").id
    for method, path in (("POST", "/v3/policies"), ("POST", "/v3/workspaces"), ("PATCH", f"/v3/grants/{grant}")):
        # It is done, and whoever asked for it never hears.
        homes.world.fault(FaultKind.STATUS, method=method, path=path, status=500, times=1, executes=True)

    await homes.round(number, Wanted.SENDING)
    await homes.store.pool.execute("DELETE FROM inventory WHERE kind IN ('probe_workspace', 'policy')")
    other = await homes.stop("b@x.example", sales)
    await homes.round(other, Wanted.SENDING)

    names = [NAMES.quarantine(sales.workspace_id), NAMES.probe(sales.workspace_id)]
    assert [one.name for one in homes.world.application.workspaces if one.name in names] == names
    assert [one.name for one in await homes.world.client.policies().all()] == ["90 days", names[1]]
    assert homes.place("a@x.example") is homes.place("b@x.example")
    assert [await homes.store.standing(one) for one in (number, other)] == [("probing", "sending")] * 2


@pytest.mark.parametrize("gone", ["workspace", "policy"])
async def test_what_was_deleted_meanwhile_is_made_anew(homes: Homes, gone: str) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    await homes.round(number, Wanted.SENDING)
    await homes.round(number, Wanted.STOPPED)
    [copy] = [one for one in homes.world.application.workspaces if one.name == NAMES.probe(sales.workspace_id)]
    if gone == "workspace":
        homes.world.application.remove_workspace(copy.workspace_id)
    else:
        await homes.world.client.policies().delete(copy.policy_id or "")

    await homes.round(number, Wanted.SENDING)

    assert homes.place("a@x.example").name == NAMES.probe(sales.workspace_id)
    assert messages_sent(homes, "a@x.example", 7) == (5, 429)
