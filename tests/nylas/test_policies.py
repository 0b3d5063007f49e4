"""Policies, read and changed on the simulated platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.ports import DAILY_SENDS, GiveUpError, GoneError, PolicyContent
from breaker.simulator.options import FREE, SimulationOptions
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulated import Simulated


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    async with simulated(SimulationOptions(requests_per_second=1_000)) as running:
        yield running


async def test_a_policy_is_shown_with_the_values_in_force(world: Simulated) -> None:
    policies = world.client.policies()
    number = await policies.create("Strict", PolicyContent({DAILY_SENDS: 40}))

    shown = await policies.read(number)

    assert (shown.id, shown.name, shown.content.daily_sends) == (number, "Strict", 40)
    assert shown.content.limits["limit_inbox_retention_period"] == 365
    assert shown.content.besides == {
        "spam_detection": {"use_list_dnsbl": False, "use_header_anomaly_detection": False, "spam_sensitivity": 1.0}
    }


async def test_what_is_shown_can_be_written_again_with_another_limit(world: Simulated) -> None:
    policies = world.client.policies()
    first = await policies.read(await policies.create("Home", PolicyContent({"limit_inbox_retention_period": 90})))

    wanted = first.content.with_daily_sends(5)
    second = await policies.read(await policies.create("Copy", wanted))
    await policies.change(second.id, wanted.with_daily_sends(6))

    assert first.content.daily_sends is None
    assert second.content == wanted
    assert (await policies.read(second.id)).content == wanted.with_daily_sends(6)


async def test_all_policies_are_read_page_by_page(world: Simulated) -> None:
    policies = world.client.policies()
    made = [await policies.create(f"Policy {one}", PolicyContent()) for one in range(201)]

    assert [one.id for one in await policies.all()] == made


async def test_a_policy_that_is_deleted_is_gone(world: Simulated) -> None:
    policies = world.client.policies()
    number = await policies.create("Short", PolicyContent())
    await policies.delete(number)

    with pytest.raises(GoneError):
        await policies.read(number)


async def test_a_limit_beyond_the_plan_is_refused() -> None:
    async with simulated(SimulationOptions(plan=FREE)) as world:
        with pytest.raises(GiveUpError):
            await world.client.policies().create("Large", PolicyContent({DAILY_SENDS: 1_000}))
