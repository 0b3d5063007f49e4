"""What the platform's receipts say of refused sends, read from the simulated platform over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.domain.circuits.states import State
from breaker.domain.platform.platform_standing import SendRefusal
from breaker.flows.designs import RULES, Made
from breaker.flows.lease import Lease
from breaker.flows.read_evaluations import ReadEvaluations
from breaker.ports import Condition, InventoryItem, RuleContent
from breaker.simulator.errors import ApiError
from tests.fleet import APPLICATION, fleet
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from breaker.ports import Refused
    from tests.fleet import Fleet


@dataclass(slots=True)
class Reading:
    """Receipts that are read from a platform."""

    fleet: Fleet
    platform: Simulated
    read: ReadEvaluations
    refused: list[SendRefusal] = field(default_factory=list)
    noted: list[Refused] = field(default_factory=list)
    suppressed: int = 0

    def send_refused(self, refusal: SendRefusal) -> None:
        self.refused.append(refusal)

    def send_suppressed(self) -> None:
        self.suppressed += 1

    async def note(self, refused: Sequence[Refused]) -> None:
        self.noted.extend(refused)

    def try_to_send(self, grant_id: str, recipient: str = "somebody@example.org") -> int:
        with pytest.raises(ApiError) as refused:
            self.platform.application.send(grant_id, [recipient])
        return refused.value.status


@pytest.fixture
async def reading(database_url: str, tmp_path: Path) -> AsyncIterator[Reading]:
    async with fleet(database_url, tmp_path) as known, simulated() as platform:
        made = Reading(known, platform, None)  # type: ignore[arg-type] # it tells its reader of itself
        made.read = ReadEvaluations(
            APPLICATION,
            platform.client,
            PostgresPlatformStandings(known.pool),
            made.note,
            Lease(PostgresLeases(known.pool), "evaluations", "test", 30.0),
            known.clock,
            made,
            PostgresInventory(known.pool),
        )
        yield made


def _blocks(address: str) -> RuleContent:
    return RuleContent("outbound", (Condition("from.address", "is", (address,)),), ("block",))


async def blocked_account(reading: Reading) -> str:
    """Return the grant of an account that the platform blocks, and that is known to be stopped."""
    grant = reading.platform.application.add_grant("agent@agents.example.com")
    rule = await reading.platform.client.create_rule("block", _blocks("agent@agents.example.com"))
    [workspace] = await reading.platform.client.workspaces()
    await reading.platform.client.attach_rules(workspace.id, [rule.id])
    key = await reading.fleet.know("agent@agents.example.com", grant.id)
    await reading.fleet.set_state(key, State.STOPPED)
    return grant.id


async def count(reading: Reading) -> int:
    """Read once, a second after what was done."""
    reading.fleet.clock.time = SystemClock().now() + 2
    return await reading.read()


async def test_what_the_platform_refused_in_our_name_is_counted_once(reading: Reading) -> None:
    grant_id = await blocked_account(reading)
    statuses = [reading.try_to_send(grant_id) for _ in range(3)]

    counts = [await count(reading), await count(reading)]

    assert (statuses, counts) == ([403, 403, 403], [3, 0])
    assert reading.refused == [SendRefusal.BLOCKED_BY_RULE] * 3
    assert reading.noted == []
    assert await reading.fleet.pool.fetchval("SELECT refused FROM evaluations_read") == 3


async def test_what_was_refused_for_its_recipient_is_no_refusal_of_the_account(reading: Reading) -> None:
    platform = reading.platform.client
    grant_id = await blocked_account(reading)
    gone = await platform.create_list("suppressed", "address")
    await platform.add_values(gone.id, ["gone@example.org"])
    refuses = RULES[Made.SUPPRESSION_RULE].content({Made.SUPPRESSION_LIST: gone.id})
    rule = await platform.create_rule("suppressed", replace(refuses, priority=0))
    [workspace] = await platform.workspaces()
    await platform.attach_rules(workspace.id, [rule.id])
    item = InventoryItem(Made.SUPPRESSION_RULE, rule.id, {"name": "suppressed"}, 0.0)
    await PostgresInventory(reading.fleet.pool).add(APPLICATION, item)
    [blocks] = [one for one in await platform.rules() if one.name == "block"]
    await platform.detach_rules(workspace.id, [blocks.id])
    assert reading.try_to_send(grant_id, "gone@example.org") == 403
    await platform.attach_rules(workspace.id, [blocks.id])
    assert reading.try_to_send(grant_id) == 403

    assert await count(reading) == 1

    assert (reading.refused, reading.suppressed, reading.noted) == ([SendRefusal.BLOCKED_BY_RULE], 1, [])
    assert await reading.fleet.pool.fetchval("SELECT refused FROM evaluations_read") == 1


async def test_a_send_that_was_refused_since_rules_could_not_be_evaluated_is_noted(reading: Reading) -> None:
    grant_id = await blocked_account(reading)
    reading.platform.application.standing.evaluation_fails = True
    assert reading.try_to_send(grant_id) == 503

    assert await count(reading) == 1

    [noted] = reading.noted
    assert (noted.application_id, noted.account, noted.refusal, noted.source) == (
        APPLICATION,
        grant_id,
        SendRefusal.EVALUATION_FAILED,
        "evaluation",
    )


async def test_who_sends_freely_is_not_asked_about(reading: Reading) -> None:
    grant = reading.platform.application.add_grant("free@agents.example.com")
    await reading.fleet.know("free@agents.example.com", grant.id)
    asked = len(reading.platform.statuses)

    assert await count(reading) == 0
    assert len(reading.platform.statuses) == asked


async def test_a_grant_that_is_gone_holds_up_nobody(reading: Reading) -> None:
    gone = await reading.fleet.know("gone@agents.example.com", "grant-gone")
    await reading.fleet.set_state(gone, State.STOPPED)
    grant_id = await blocked_account(reading)
    reading.try_to_send(grant_id)

    assert await count(reading) == 1
