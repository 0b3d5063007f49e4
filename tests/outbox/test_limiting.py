"""Limited accounts: their cold mail stops, their replies pass, and on no way is one freer than both of its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import RULES, Made
from breaker.flows.listings import missing
from breaker.flows.order_again import order_again
from breaker.ports import InventoryItem
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import RuleScope, SimulationOptions
from tests.guarded import BOTH, LIMITING, NAMES
from tests.outbox.test_carry_out import finish, place
from tests.simulated import APPLICATION, KEY, simulated

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant
    from tests.guarded import Guarded
    from tests.simulated import Simulated

LIMIT = Cause.LIMITED_BY_PERSON


async def send(world: Simulated, grant_id: str, **rest: object) -> int:
    """Send as an agent does, by HTTP, and return the status."""
    async with world.session.post(
        f"{world.url}/v3/grants/{grant_id}/messages/send",
        json={"to": [{"email": "someone@y.example"}], "subject": "Hello", "body": "…", **rest},
        headers={"Authorization": f"Bearer {KEY}"},
    ) as response:
        return response.status


async def cold_and_reply(world: Simulated, grant_id: str) -> tuple[int, int]:
    return await send(world, grant_id), await send(world, grant_id, reply_to_message_id="theirs")


def listed(world: Simulated) -> dict[str, list[str]]:
    """Return what is in each of Breaker's lists."""
    return {one.name: list(one.items) for one in world.application.lists}


class Watched:
    """A client of the platform; after each of its answers it is seen whether the account's cold mail would pass."""

    def __init__(self, world: Simulated, grant_id: str) -> None:
        self._application = world.application
        self._grant_id = grant_id
        self.cold: list[bool] = []
        clock = SystemClock()
        transport = Transport(world.session, world.url, KEY, Budget(clock, 1000.0), clock, observe=self._look)
        self.client = NylasPlatform(transport)

    def _look(self, _status: str) -> None:
        try:
            self._application.send(self._grant_id, ["someone@y.example"])
        except ApiError:
            self.cold.append(False)
        else:
            self.cold.append(True)


async def known(world: Simulated, store: Guarded, address: str = "a@x.example") -> tuple[Grant, int]:
    grant = world.application.add_grant(address)
    return grant, await store.know(grant.id, address)


async def test_a_limited_account_s_replies_pass_and_its_cold_mail_is_refused(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    other, _ = await known(world, store, "b@x.example")
    await store.act(number, LIMIT, LIMITING)

    await finish(store.sender(world.client), store)

    assert await store.standing(number) == ("limited", "limited")
    assert listed(world) == {NAMES.block_list: [], NAMES.limit_list: ["a@x.example"]}
    assert await cold_and_reply(world, grant.id) == (403, 200)
    assert await cold_and_reply(world, other.id) == (200, 200)


async def test_nobody_else_is_refused_where_rules_hold_for_the_whole_application(store: Guarded) -> None:
    options = SimulationOptions(rule_scope=RuleScope.APPLICATION, requests_per_second=1_000)
    async with simulated(options) as world:
        await store.set_up(world.client)
        grant, number = await known(world, store)
        other, _ = await known(world, store, "b@x.example")
        await store.act(number, LIMIT, LIMITING)

        await finish(store.sender(world.client), store)

        assert await cold_and_reply(world, grant.id) == (403, 200)
        assert await cold_and_reply(world, other.id) == (200, 200)


async def test_a_reset_takes_an_account_off_both_lists(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    sender = store.sender(world.client)
    for cause in (LIMIT, Cause.TRIPPED):
        await store.act(number, cause, LIMITING)
        await finish(sender, store)
    held = listed(world)
    await store.act(number, Cause.RESET, LIMITING)

    await finish(sender, store)

    assert held == {NAMES.block_list: ["a@x.example"], NAMES.limit_list: ["a@x.example"]}
    assert listed(world) == {NAMES.block_list: [], NAMES.limit_list: []}
    assert await store.standing(number) == ("sending", "sending")
    assert await cold_and_reply(world, grant.id) == (200, 200)


@pytest.mark.parametrize("failures", range(8))
@pytest.mark.parametrize(("before", "after"), [(LIMIT, Cause.TRIPPED), (Cause.TRIPPED, LIMIT)])
async def test_between_limited_and_stopped_no_cold_mail_ever_passes_whatever_fails(
    world: Simulated, store: Guarded, before: Cause, after: Cause, failures: int
) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    await store.act(number, before, LIMITING)
    await finish(store.sender(world.client), store)
    watched = Watched(world, grant.id)
    await store.act(number, after, LIMITING)
    # Half of them are carried out all the same, and the sender does not learn of it.
    for _ in range(failures):
        world.fault(FaultKind.STATUS, status=503, times=1, executes=failures % 2 == 1)

    await finish(store.sender(watched.client), store)

    wanted, replies = ("stopped", 403) if after is Cause.TRIPPED else ("limited", 200)
    assert watched.cold == [False] * len(watched.cold)
    assert len(watched.cold) > failures
    assert await store.standing(number) == (wanted, wanted)
    assert await cold_and_reply(world, grant.id) == (403, replies)


async def test_what_is_to_be_limited_stays_blocked_until_the_limit_was_read_back(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED, LIMITING)
    await finish(sender, store)
    home = world.application.workspaces.default.workspace_id
    limit_list = next(one.id for one in world.application.lists if one.name == NAMES.limit_list)
    stale = world.fault(FaultKind.STALE, path=f"/v3/lists/{limit_list}")
    await store.act(number, LIMIT, LIMITING)

    await finish(sender, store)
    waiting = await cold_and_reply(world, grant.id), place(world, grant.id) == home, await store.standing(number)
    world.platform.faults.remove(stale.id)
    await finish(sender, store)

    assert waiting == ((403, 403), False, ("limited", None))
    assert await cold_and_reply(world, grant.id) == (403, 200)
    assert place(world, grant.id) == home
    assert await store.standing(number) == ("limited", "limited")


async def test_a_limit_that_the_platform_refuses_lifts_nothing(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED, LIMITING)
    await finish(sender, store)
    limit_list = next(one.id for one in world.application.lists if one.name == NAMES.limit_list)
    world.fault(FaultKind.STATUS, status=400, method="POST", path=f"/v3/lists/{limit_list}")
    await store.act(number, LIMIT, LIMITING)

    await finish(sender, store)

    assert [(kind, ended) for kind, ended, _ in await store.commands(number)][2:] == [
        ("limit", "given_up"),
        ("return_home", "given_up"),
        ("unblock", "given_up"),
    ]
    assert await store.standing(number) == ("limited", None)
    assert await cold_and_reply(world, grant.id) == (403, 403)


async def test_without_the_actuator_a_limited_account_goes_on_and_is_not_said_to_be_limited(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    world.platform.journal.clear()
    await store.act(number, LIMIT, BOTH)

    await finish(store.sender(world.client), store)

    assert world.changing_calls() == []
    assert await store.standing(number) == ("limited", "sending")
    assert await cold_and_reply(world, grant.id) == (200, 200)


async def test_without_the_actuator_a_stopped_account_that_is_to_be_limited_stays_stopped(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    sender = store.sender(world.client)
    await store.act(number, Cause.TRIPPED, BOTH)
    await finish(sender, store)
    await store.act(number, LIMIT, BOTH)

    await finish(sender, store)

    assert await store.standing(number) == ("limited", "stopped")
    assert await cold_and_reply(world, grant.id) == (403, 403)


async def test_once_the_actuator_is_on_what_waited_for_it_is_limited(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    grant, number = await known(world, store)
    await store.act(number, LIMIT, BOTH)
    unordered, now = PostgresUnordered(store.pool), store.clock.now()

    off = await order_again(unordered, store.circuits, lambda _: BOTH, now)
    on = await order_again(unordered, store.circuits, lambda _: LIMITING, now)
    again = await order_again(unordered, store.circuits, lambda _: LIMITING, now)
    await finish(store.sender(world.client), store)

    assert (off, on, again) == (0, 1, 0)
    assert await store.standing(number) == ("limited", "limited")
    assert await cold_and_reply(world, grant.id) == (403, 200)


async def test_in_an_older_installation_a_limit_waits_for_setup_and_stops_and_resets_do_not(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client, limiting=False)
    (_, waiting), (_, passing) = await known(world, store), await known(world, store, "b@x.example")
    sender = store.sender(world.client)
    await store.act(waiting, LIMIT, LIMITING)
    for cause in (Cause.TRIPPED, Cause.RESET):
        await store.act(passing, cause, LIMITING)
        await finish(sender, store)

    assert await store.commands(waiting) == [
        ("limit", None, missing(Made.LIMIT_LIST)),
        ("return_home", None, None),
        ("unblock", None, None),
    ]
    assert "breaker setup" in missing(Made.LIMIT_LIST)
    assert await store.standing(passing) == ("sending", "sending")


async def test_a_list_without_its_rule_limits_nobody_and_is_not_taken_for_enough(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client, limiting=False)
    made = await world.client.create_list(NAMES.limit_list, "address")
    await store.inventory.add(APPLICATION, InventoryItem(Made.LIMIT_LIST, made.id, {"name": made.name}, 0.0))
    _, number = await known(world, store)
    await store.act(number, LIMIT, LIMITING)
    sender = store.sender(world.client)
    await sender.once()
    before = await store.standing(number), (await store.commands(number))[0]
    rule = RULES[Made.LIMIT_RULE]
    await world.client.create_rule(NAMES.of(rule), rule.content({Made.LIMIT_LIST: made.id}))

    await finish(sender, store)

    assert before == (("limited", None), ("limit", None, missing(Made.LIMIT_RULE)))
    assert await store.standing(number) == ("limited", "limited")


async def test_stops_and_limits_of_one_pass_take_one_request_and_one_reading_a_list(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    numbers = [await store.know(f"g{one}", f"a{one}@x.example") for one in range(40)]
    for number in numbers[:20]:
        await store.act(number, Cause.TRIPPED, frozenset({Actuator.BLOCK}))
    for number in numbers[20:]:
        await store.act(number, LIMIT, LIMITING)
    world.platform.journal.clear()

    await store.sender(world.client).once()

    stops, limits = (
        f"/v3/lists/{one.id}/items"
        for name in (NAMES.block_list, NAMES.limit_list)
        for one in world.application.lists
        if one.name == name
    )
    assert [(call.method, call.path) for call in world.platform.journal] == [
        ("POST", stops),
        ("POST", limits),
        ("GET", stops),
        ("GET", limits),
    ]
