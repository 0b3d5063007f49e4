"""Thousands of stops at once: how few requests they take, and that one more never waits behind them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest

from breaker.domain.circuits.states import Cause
from breaker.domain.platform.commands import Actuator, CommandKind
from breaker.flows.carry_out import Pace
from breaker.ports import Sender
from breaker.simulator.errors import ApiError
from breaker.simulator.options import SimulationOptions
from tests.simulated import APPLICATION, Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from breaker.ports import Platform, ValuesPage
    from tests.guarded import Guarded

BLOCK = frozenset({Actuator.BLOCK})
MOVE = frozenset({Actuator.QUARANTINE})
PASSES = 20
_STOP = """
    WITH stopped AS (
        UPDATE circuits SET state = $2, since = $3, epoch = epoch + 1 WHERE account = ANY($1::int[])
        RETURNING account, epoch
    )
    INSERT INTO commands (application, account, epoch, kind, step, priority, created_at, next_attempt_at)
    SELECT a.application, a.account, s.epoch, k.kind, k.step, k.priority, $3, $3
    FROM stopped s JOIN accounts a USING (account),
         unnest($4::text[], $5::smallint[]) WITH ORDINALITY AS k(kind, priority, step)
"""


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    async with simulated(SimulationOptions(requests_per_second=10_000)) as running:
        yield running


class Watched:
    """The platform, and something that happens after the first page of every reading."""

    def __init__(self, platform: Platform, happens: Callable[[], Awaitable[None]]) -> None:
        self._platform = platform
        self._happens = happens

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a platform has
        return getattr(self._platform, name)

    def at(self, urgency: Any) -> Watched:  # noqa: ANN401 - handed on
        return Watched(self._platform.at(urgency), self._happens)

    async def page_of_values(self, list_id: str, after: str | None = None) -> ValuesPage:
        page = await self._platform.page_of_values(list_id, after)
        await self._happens()
        return page


async def populate(world: Simulated, store: Guarded, count: int, *places: str) -> list[int]:
    """Make accounts in these workspaces, and know them."""
    grants = [
        world.application.add_grant(f"a{one}@x.example", workspace_id=places[one % len(places)] if places else None)
        for one in range(count)
    ]
    senders = [Sender(APPLICATION, grant.id, grant.email) for grant in grants]
    known = await store.identities.numbers_of(senders, store.clock.now())
    for grant, sender in zip(grants, senders, strict=True):
        await store.outbox().note_placement(known[sender], grant.workspace_id, None)
    return [known[sender] for sender in senders]


async def want(store: Guarded, numbers: Sequence[int], state: str, *kinds: CommandKind) -> None:
    """Decide about all at once."""
    priorities = [0 if state == "stopped" else 1] * len(kinds)
    await store.pool.execute(_STOP, numbers, state, store.clock.now(), list(kinds), priorities)


async def confirmed(store: Guarded, state: str) -> int:
    """Return how many accounts the platform was read back for, as they are wanted."""
    statement = "SELECT count(*) FROM circuits WHERE state = $1 AND confirmed = $1"
    return int(await store.pool.fetchval(statement, state))


def asked(world: Simulated) -> Counter[str]:
    """Count the requests by method and what they are about."""
    return Counter(
        f"{call.method} {call.path.split('/')[2]}/{call.path.rpartition('/')[2]}" if "grants/" not in call.path
        else f"{call.method} grant"
        for call in world.platform.journal
    )  # fmt: skip


async def test_five_thousand_stops_take_five_requests_and_one_reading(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    numbers = await populate(world, store, 5_000)
    await want(store, numbers, "stopped", CommandKind.BLOCK)
    world.platform.journal.clear()

    ended = await store.sender(world.client).once()

    assert ended == await confirmed(store, "stopped") == 5_000
    assert asked(world) == {"POST lists/items": 5, "GET lists/items": 25}
    assert {call.status for call in world.platform.journal} == {200}


async def test_five_thousand_resets_take_five_requests_and_one_reading(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    numbers = await populate(world, store, 2_500)
    sender = store.sender(world.client)
    await want(store, numbers, "stopped", CommandKind.BLOCK)
    await sender.once()
    await want(store, numbers[:2_400], "sending", CommandKind.UNBLOCK)
    world.platform.journal.clear()

    await sender.once()

    assert await confirmed(store, "sending") == 2_400
    assert asked(world) == {"DELETE lists/items": 3, "GET lists/items": 2}


async def test_one_stop_beside_a_long_list_is_read_back_from_where_the_last_reading_ended(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    *numbers, late = await populate(world, store, 1_001)
    sender = store.sender(world.client)
    await want(store, numbers, "stopped", CommandKind.BLOCK)
    await sender.once()
    await store.act(late, Cause.TRIPPED, BLOCK)
    world.platform.journal.clear()

    await sender.once()

    assert await store.standing(late) == ("stopped", "stopped")
    assert asked(world) == {"POST lists/items": 1, "GET lists/items": 1}


async def test_a_stop_that_comes_while_thousands_wait_goes_with_the_next_request(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    *numbers, late = await populate(world, store, 3_001)
    written: list[Collection[str]] = []

    class Writing(Watched):
        """A platform that is told of the late one while the first thousand are written."""

        def at(self, urgency: Any) -> Writing:  # noqa: ANN401 - handed on
            return Writing(self._platform.at(urgency), self._happens)

        async def add_values(self, list_id: str, values: Collection[str]) -> None:
            await self._platform.add_values(list_id, values)
            if not written:
                await store.act(late, Cause.TRIPPED, BLOCK)
                sender.woken.set()
            written.append(values)

    async def nothing() -> None:
        """Let nothing happen."""

    sender = store.sender(cast("Platform", Writing(world.client, nothing)), pace=Pace(poll=60.0))
    await want(store, numbers, "stopped", CommandKind.BLOCK)

    await sender.once()

    assert [len(values) for values in written] == [1_000, 1_000, 1_000, 1]
    assert ["a3000@x.example" in values for values in written] == [False, True, False, False]
    assert await confirmed(store, "stopped") == 3_001


@pytest.mark.parametrize("others", ["stopped", "sending"])
async def test_a_stop_that_comes_while_others_are_read_back_is_written_before_the_next_page(
    world: Simulated, store: Guarded, others: str
) -> None:
    await store.set_up(world.client)
    *numbers, late = await populate(world, store, 1_001)
    come = False

    async def happens() -> None:
        nonlocal come
        if not come:
            come = True
            await store.act(late, Cause.TRIPPED, BLOCK)
            sender.woken.set()

    sender = store.sender(cast("Platform", Watched(world.client, happens)), pace=Pace(poll=60.0))
    await want(store, numbers, "stopped", CommandKind.BLOCK)
    if others == "sending":
        come = True
        await sender.once()
        await want(store, numbers[::2], "sending", CommandKind.UNBLOCK)
        come = False
    world.platform.journal.clear()

    await sender.once()

    methods = [call.method for call in world.platform.journal]
    assert methods[:3] == ["POST" if others == "stopped" else "DELETE", "GET", "POST"]
    assert await store.standing(late) == ("stopped", "stopped")
    assert await confirmed(store, others) == (1_001 if others == "stopped" else 500)


async def test_a_newer_stop_takes_the_place_of_a_reset_that_is_being_read_back(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    [number] = await populate(world, store, 1)
    times = 0

    async def happens() -> None:
        nonlocal times
        times += 1
        if times == 2:  # the reset was written, and is not confirmed yet
            await store.act(number, Cause.TRIPPED, BLOCK)
            sender.woken.set()

    sender = store.sender(cast("Platform", Watched(world.client, happens)))
    await store.act(number, Cause.TRIPPED, BLOCK)
    await sender.once()
    await want(store, [number], "sending", CommandKind.UNBLOCK)

    for _ in range(PASSES):
        if not await sender.once():
            break

    kinds = [(kind, ended) for kind, ended, _ in await store.commands(number)]
    assert kinds == [("block", "settled"), ("unblock", "superseded"), ("block", "settled")]
    assert await store.standing(number) == ("stopped", "stopped")
    assert [value for one in world.application.lists for value in one.items] == ["a0@x.example"]


async def test_many_moves_take_a_batch_to_each_workspace_and_pages_of_grants(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    homes = [world.application.add_workspace(name).workspace_id for name in ("Sales", "Support")]
    target = world.application.add_workspace("Quarantine").workspace_id
    numbers = await populate(world, store, 1_200, *homes)
    sender = store.sender(world.client, quarantine=target)
    world.platform.journal.clear()
    await want(store, numbers, "stopped", CommandKind.QUARANTINE)

    assert await sender.once() == 1_200
    there = asked(world)
    world.platform.journal.clear()
    await want(store, numbers, "sending", CommandKind.RETURN_HOME)
    assert await sender.once() == 1_200
    back = asked(world)

    # As many as there are batches and pages, and some more where a slow machine has not all of them wait in time.
    assert 3 <= there["POST workspaces/manual-assign"] <= 6
    assert 4 <= back["POST workspaces/manual-assign"] <= 8
    assert (there.total() < 60, back.total() < 60) == (True, True)
    assert there["PATCH grant"] + back["PATCH grant"] < 8
    assert await confirmed(store, "sending") == 1_200
    assert Counter(grant.workspace_id for grant in world.application.grants) == dict.fromkeys(homes, 600)


async def test_many_accounts_are_moved_home_before_any_of_them_is_let_go(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    target = world.application.add_workspace("Quarantine").workspace_id
    numbers = await populate(world, store, 25)
    sender = store.sender(world.client, quarantine=target, pace=Pace(batch=10))
    await want(store, numbers, "stopped", CommandKind.BLOCK, CommandKind.QUARANTINE)
    for _ in range(PASSES):
        await sender.once()
    assert {grant.workspace_id for grant in world.application.grants} == {target}
    world.platform.journal.clear()
    await want(store, numbers, "sending", CommandKind.RETURN_HOME, CommandKind.UNBLOCK)

    for _ in range(PASSES):
        await sender.once()

    changes = [method for method, _ in world.changing_calls()]
    assert await confirmed(store, "sending") == 25
    assert changes == sorted(changes, reverse=True)  # POST, the moves, before DELETE
    assert target not in {grant.workspace_id for grant in world.application.grants}


async def test_whom_a_batch_passes_over_is_not_taken_for_moved(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    target = world.application.add_workspace("Quarantine").workspace_id
    numbers = await populate(world, store, 10)
    gone = next(iter(world.application.grants))
    world.application.remove_grant(gone.id)
    await want(store, numbers, "stopped", CommandKind.QUARANTINE)

    await store.sender(world.client, quarantine=target).once()

    assert await confirmed(store, "stopped") == 10
    assert {grant.workspace_id for grant in world.application.grants} == {target}
    deleted = "SELECT account FROM accounts WHERE grant_deleted_at IS NOT NULL"
    assert [account for (account,) in await store.pool.fetch(deleted)] == [numbers[0]]


async def test_a_workspace_that_refuses_batches_is_moved_into_one_by_one(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    target = world.application.add_workspace("Quarantine", domain="y.example", auto_group=True).workspace_id
    numbers = await populate(world, store, 10)
    world.platform.journal.clear()
    await want(store, numbers, "stopped", CommandKind.QUARANTINE)

    await store.sender(world.client, quarantine=target).once()

    assert await confirmed(store, "stopped") == 10
    assert {grant.workspace_id for grant in world.application.grants} == {target}
    assert (asked(world)["POST workspaces/manual-assign"], asked(world)["PATCH grant"]) == (1, 10)


async def test_a_stop_that_comes_while_accounts_are_moved_is_blocked_meanwhile(
    world: Simulated, store: Guarded
) -> None:
    await store.set_up(world.client)
    target = world.application.add_workspace("Quarantine").workspace_id
    *numbers, late = await populate(world, store, 301)
    grant_id = str(await store.pool.fetchval("SELECT grant_id FROM accounts WHERE account = $1", late))

    class Slow(Watched):
        """A platform that moves nobody before the late one can't send any more."""

        def at(self, urgency: Any) -> Slow:  # noqa: ANN401 - handed on
            return Slow(self._platform.at(urgency), self._happens)

        async def assign_grants(self, workspace_id: str, grant_ids: Sequence[str]) -> None:
            await store.act(late, Cause.TRIPPED, BLOCK)
            sender.woken.set()
            await late_is_blocked.wait()
            await self._platform.assign_grants(workspace_id, grant_ids)

        async def add_values(self, list_id: str, values: Sequence[str]) -> None:
            await self._platform.add_values(list_id, values)
            late_is_blocked.set()

    late_is_blocked = asyncio.Event()

    async def nothing() -> None:
        """Let nothing happen."""

    sender = store.sender(cast("Platform", Slow(world.client, nothing)), quarantine=target)
    await want(store, numbers, "stopped", CommandKind.QUARANTINE)

    async with asyncio.timeout(30):
        await sender.once()

    assert await confirmed(store, "stopped") == 301
    with pytest.raises(ApiError):
        world.application.send(grant_id, ["someone@y.example"])
