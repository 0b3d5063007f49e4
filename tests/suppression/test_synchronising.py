"""The List on the simulated platform follows what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.suppressions import Audit, PostgresSuppressions, keep_suppressed
from breaker.domain.platform.suppression import Reason, Suppressed
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.lease import Lease
from breaker.flows.suppress import Limits, Suppress
from breaker.ports import GiveUpError, InventoryItem, SuppressionCounts
from breaker.simulator.errors import ApiError
from breaker.simulator.options import SimulationOptions
from tests.guarded import NAMES, Guarded, guarded
from tests.simulated import APPLICATION, Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.ports import Urgency

DAY = 86_400.0


@dataclass
class SetClock:
    """A clock that stands where it is set."""

    time: float = 1_790_000_000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits {seconds} s")


@dataclass
class Told:
    """What was told."""

    counts: list[SuppressionCounts] = field(default_factory=list)
    synchronised_at: list[float] = field(default_factory=list)
    overflows: list[tuple[int, int]] = field(default_factory=list)
    missing: int = 0

    def counted(self, _application_id: str, counts: SuppressionCounts) -> None:
        self.counts.append(counts)

    def synchronised(self, _application_id: str, now: float) -> None:
        self.synchronised_at.append(now)

    def full(self, _application_id: str, room: int, beyond: int) -> None:
        self.overflows.append((room, beyond))

    def not_set_up(self, _application_id: str) -> None:
        self.missing += 1


@dataclass
class Desk:
    """A List, what is kept, and what brings the one to the other."""

    store: Guarded
    world: Simulated
    flow: Suppress
    rows: PostgresSuppressions
    told: Told
    clock: SetClock
    list_id: str = ""
    enabled: bool = True
    held: bool = False
    limits: Limits = field(default_factory=lambda: Limits(10_000, 365 * DAY))

    async def set_up(self) -> None:
        platform, design = self.world.client, LISTS[Made.SUPPRESSION_LIST]
        self.list_id = (await platform.create_list(NAMES.of(design), design.type)).id
        rule = RULES[Made.SUPPRESSION_RULE]
        made = await platform.create_rule(NAMES.of(rule), rule.content({Made.SUPPRESSION_LIST: self.list_id}))
        for workspace in await platform.workspaces():
            await platform.attach_rules(workspace.id, [made.id])
        for kind, number in ((Made.SUPPRESSION_LIST, self.list_id), (Made.SUPPRESSION_RULE, made.id)):
            await self.store.inventory.add(APPLICATION, InventoryItem(kind, number, {"name": "x"}, 0.0))

    async def keep(self, *addresses: str, reason: Reason = Reason.UNKNOWN_RECIPIENT) -> None:
        """Keep recipients; each bounced a second after the one before."""
        recipients = []
        for address in addresses:
            self.clock.time += 1
            recipients.append(Suppressed(APPLICATION, address, reason, self.clock.now()))
        async with self.store.pool.acquire() as connection, connection.transaction():
            await keep_suppressed(connection, recipients)

    async def look(self, *, later: float = 0.0) -> None:
        self.clock.time += later
        await self.flow()

    async def listed(self) -> set[str]:
        return {value async for value in self.world.client.values(self.list_id)}

    def requests(self) -> list[str]:
        """Return the method of every change of the List."""
        return [method for method, path in self.world.changing_calls() if path.endswith("/items")]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    options = SimulationOptions(requests_per_second=1_000)
    async with guarded(database_url) as store, simulated(options) as world:
        await store.know("grant-0", "somebody@agents.example")
        rows, told, clock = PostgresSuppressions(store.pool), Told(), SetClock()
        made = Desk(store, world, None, rows, told, clock)  # type: ignore[arg-type] # it asks its desk
        made.flow = Suppress(
            application_id=APPLICATION,
            platform=world.client,
            inventory=store.inventory,
            suppressions=rows,
            enabled=lambda: made.enabled,
            limits=lambda: made.limits,
            may_act=lambda: True,
            on_hold=lambda: made.held,
            lease=Lease(PostgresLeases(store.pool), "suppression", "me", 60.0),
            clock=clock,
            told=told,
        )
        yield made


async def test_who_is_kept_is_refused_whoever_writes_to_them_and_nobody_else_is(desk: Desk) -> None:
    await desk.set_up()
    grant = desk.world.application.add_grant("agent@agents.example.com")
    await desk.keep("gone@example.org", "angry@example.org")
    await desk.look()

    for recipients in (["gone@example.org"], ["fine@example.org", "Angry@Example.org"]):
        with pytest.raises(ApiError) as refused:
            desk.world.application.send(grant.id, recipients)
        assert refused.value.status == 403
    assert desk.world.application.send(grant.id, ["fine@example.org"]).recipients == ("fine@example.org",)
    assert await desk.listed() == {"gone@example.org", "angry@example.org"}


async def test_it_is_said_to_be_listed_only_when_the_list_was_read_back(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")

    await desk.look()
    written = desk.told.counts[-1]
    await desk.look(later=5)
    await desk.look(later=15)

    assert (written, desk.told.counts[-1]) == (SuppressionCounts(1, 0, 0), SuppressionCounts(1, 1, 0))
    assert desk.told.synchronised_at[-1] == desk.clock.now()
    assert len(desk.requests()) == 1


async def test_thousands_are_put_in_a_thousand_at_a_time(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep(*(f"r{number}@example.org" for number in range(2_500)))

    await desk.look()

    assert desk.requests() == ["POST"] * 3
    assert len(await desk.listed()) == 2_500


async def test_who_is_erased_is_taken_out_at_the_next_look(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org", "angry@example.org", "third@example.org")
    await desk.look()

    erased = await desk.rows.erase(["angry@example.org", "nobody@example.org"], Audit(0.0, "erase", "x", "ada"))
    await desk.look(later=1)

    assert (erased, await desk.listed()) == (1, {"gone@example.org", "third@example.org"})
    assert [row.address for row in await desk.rows.all(10)] == ["third@example.org", "gone@example.org"]


async def test_who_is_kept_no_longer_expires_from_the_list_too(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("old@example.org")
    await desk.look()
    await desk.look(later=200 * DAY)
    await desk.keep("new@example.org")

    await desk.look(later=170 * DAY)
    await desk.look(later=20)

    assert await desk.listed() == {"new@example.org"}


async def test_of_more_than_there_is_room_for_the_latest_win_and_it_is_said_once(desk: Desk) -> None:
    desk.limits = Limits(3, 365 * DAY)
    await desk.set_up()
    await desk.keep(*(f"r{number}@example.org" for number in range(3)))
    await desk.look()
    await desk.keep("r3@example.org", "r0@example.org")

    await desk.look(later=20)
    await desk.look(later=20)
    await desk.look(later=20)

    assert await desk.listed() == {"r2@example.org", "r3@example.org", "r0@example.org"}
    assert desk.told.overflows == [(3, 1)]
    assert desk.told.counts[-1] == SuppressionCounts(4, 3, 1)


class SmallPlatform:
    """The platform, whose List takes so many values and no more."""

    def __init__(self, client: NylasPlatform, room: int) -> None:
        self.client = client
        self.room = room

    def at(self, _urgency: Urgency) -> SmallPlatform:
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self.client, name)

    async def add_values(self, list_id: str, values: Collection[str]) -> None:
        there = {value async for value in self.client.values(list_id)}
        if len(there | set(values)) > self.room:
            raise GiveUpError("the list is full")
        await self.client.add_values(list_id, values)


async def test_a_platform_with_less_room_is_believed_and_the_latest_win_there_too(desk: Desk) -> None:
    desk.flow.platform = SmallPlatform(desk.world.client, 4)  # type: ignore[assignment] # but for what it lacks
    await desk.set_up()
    await desk.keep(*(f"r{number}@example.org" for number in range(4)))
    await desk.look()
    await desk.keep(*(f"s{number}@example.org" for number in range(30)))

    for _ in range(3):
        await desk.look(later=20)

    assert await desk.listed() == {f"s{number}@example.org" for number in range(26, 30)}
    assert desk.told.overflows == [(4, 30)]


async def test_an_address_that_the_platform_refuses_keeps_nobody_else_out(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("r1@example.org", f"{'x' * 300}@{'y' * 300}.org", "r2@example.org")

    await desk.look()
    before = len(desk.requests())
    await desk.look(later=20)

    assert await desk.listed() == {"r1@example.org", "r2@example.org"}
    assert len(desk.requests()) == before


async def test_what_somebody_else_changed_of_the_list_is_put_right_within_the_hour(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    await desk.look()
    await desk.look(later=20)
    await desk.world.client.remove_values(desk.list_id, ["gone@example.org"])
    await desk.world.client.add_values(desk.list_id, ["stranger@example.org"])

    await desk.look(later=3_600)
    await desk.look(later=20)

    assert await desk.listed() == {"gone@example.org"}


async def test_switched_off_the_list_is_emptied_and_what_is_kept_stays(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    await desk.look()

    desk.enabled = False
    await desk.look(later=60)
    emptied, kept = await desk.listed(), await desk.rows.all(10)
    desk.enabled = True
    await desk.look(later=5)

    assert (emptied, [row.address for row in kept]) == (set(), ["gone@example.org"])
    assert await desk.listed() == {"gone@example.org"}


async def test_during_a_hold_nobody_is_added_and_who_was_erased_goes(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    await desk.look()
    desk.held = True
    await desk.keep("late@example.org")
    await desk.rows.erase(["gone@example.org"], Audit(0.0, "erase", "x", "ada"))

    await desk.look(later=20)
    held = await desk.listed()
    desk.held = False
    await desk.look(later=20)

    assert (held, await desk.listed()) == (set(), {"late@example.org"})


async def test_without_a_list_it_is_said_once_and_nothing_is_asked(desk: Desk) -> None:
    await desk.keep("gone@example.org")

    await desk.look()
    await desk.look(later=60)

    assert (desk.told.missing, desk.world.statuses) == (1, [])


async def test_a_list_that_is_made_anew_is_filled_anew(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    await desk.look()
    await desk.look(later=20)
    for item in await desk.store.inventory.items(APPLICATION):
        await desk.store.inventory.remove(APPLICATION, item.kind, item.platform_id)
    await desk.world.client.delete_list(desk.list_id)
    await desk.set_up()

    await desk.look(later=5)

    assert await desk.listed() == {"gone@example.org"}


async def test_one_daemon_at_a_time_does_it(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    other = Lease(PostgresLeases(desk.store.pool), "suppression", "another", 60.0)
    assert await other.ensure()

    await desk.look()

    assert await desk.listed() == set()


def addresses_in(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if "@" in path or "%40" in path]


async def test_no_address_is_in_a_url(desk: Desk) -> None:
    await desk.set_up()
    await desk.keep("gone@example.org")
    await desk.look()
    await desk.rows.erase(None, Audit(0.0, "erase", "x", "ada"))
    await desk.look(later=20)

    assert await desk.listed() == set()
    assert addresses_in([call.path for call in desk.world.platform.journal]) == []


async def test_while_it_is_off_it_is_looked_at_once_a_minute(desk: Desk) -> None:
    desk.enabled = False
    await desk.keep("gone@example.org")
    await desk.look()
    desk.limits = Limits(10_000, 1.0)

    await desk.look(later=59)
    early = await desk.rows.all(10)
    await desk.look(later=1)

    assert (len(early), await desk.rows.all(10)) == (1, [])
