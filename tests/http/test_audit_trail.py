from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.postgres.looks import PostgresLooks
from breaker.domain.acts.acts import ActKind
from breaker.domain.acts.fleet_acts import FleetActKind
from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.states import State
from breaker.flows.look_up import LookUp
from breaker.ports import Account
from tests.admin import Admin, admin
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from breaker.domain.outcomes.spans import Span
    from breaker.domain.standing.lookups import BadRecipient, RefusedSend


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path, actuators="block,limit,block_domain") as opened:
        yield opened


ON_DOMAIN = {"selector": "domain:x.example", "only_domain": True}
ACTS: Sequence[tuple[dict[str, Any], set[str | None]]] = (
    ({"action": "trip", "selector": "grant-1"}, {"grant-1"}),
    ({"action": "reset", "selector": "grant-1"}, {"grant-1"}),
    ({"action": "limit", "selector": "grant-1"}, {"grant-1"}),
    ({"action": "reset", "selector": "grant-1", "false_stop": True}, {"grant-1"}),
    ({"action": "trip", "selector": "domain:x.example"}, {"grant-1", "grant-2"}),
    ({"action": "probe", "selector": "grant-2"}, {"grant-2"}),
    ({"action": "trip", **ON_DOMAIN}, {"domain:x.example"}),
    ({"action": "reset", **ON_DOMAIN}, {"domain:x.example"}),
    ({"action": "guard_approve", "selector": "grant-3"}, {"grant-3"}),
    ({"action": "reset", "selector": "--all", "automatic": True}, {"grant-4"}),
    ({"action": "mode", "mode": "exempt", "selector": "grant-1"}, {"grant-1"}),
    ({"action": "mode", "mode": None, "selector": "grant-1"}, {"grant-1"}),
    ({"action": "mode", "mode": "enforce", "selector": "domain:x.example"}, {"domain:x.example"}),
    ({"action": "mode", "mode": "observe", "selector": "workspace:home"}, {"workspace:home"}),
    (
        {"action": "mode", "mode": "enforce", "selector": f"application:{APPLICATION}"},
        {f"application:{APPLICATION}"},
    ),
    (
        {"action": "mode", "mode": "enforce", "selector": "grant-5", "apply_pending": True},
        {"grant-5"},
    ),
    ({"action": "mode", "mode": "stopped", "selector": "domain:y.example"}, {"domain:y.example", "grant-6"}),
    ({"action": "hold_on"}, {"hold"}),
    ({"action": "hold_off"}, {"hold"}),
    ({"action": "guard_raise", "to": 20}, {"guard"}),
    ({"action": "guard_lower"}, {"guard"}),
)


async def make(listener: Admin) -> None:
    known = listener.fleet
    domains = ["x.example", "x.example", "z.example", "z.example", "z.example"]
    keys = [
        await known.know(f"agent{number}@{domain}", f"grant-{number}", workspace="home")
        for number, domain in enumerate(domains, start=1)
    ]
    await known.know("agent6@y.example", "grant-6")
    await known.suspend(keys[2], State.STOPPED, HeldBy.GUARD)
    await known.suspend(keys[4], State.STOPPED, HeldBy.OBSERVE)
    await known.pool.execute(
        """
        INSERT INTO verdicts (application, account, at, from_state, to_state, detector, epoch, why)
        SELECT application, account, $2, 'sending', 'stopped', 'cusum', 1, 'because' FROM accounts WHERE account = $1
        """,
        keys[3],
        known.clock.now(),
    )
    await known.set_state(keys[3], State.STOPPED)


async def test_every_act_of_a_person_is_in_the_audit_trail_with_author_and_reason(listener: Admin) -> None:
    await make(listener)
    found: list[set[str | None]] = []

    for number, (act, _) in enumerate(ACTS):
        status, answer = await listener.post({**act, "reason": f"reason {number:03}"})
        assert status == 200, (act, answer)
        _, trail = await listener.get("/api/v1/verdicts?limit=1000")
        entries = [one for one in trail["data"] if f"reason {number:03}" in one["why"]]
        assert {one["author"] for one in entries} == {"ada"}, act
        found.append({one["account"] or one["scope"] for one in entries})

    assert found == [whom for _, whom in ACTS]
    assert {act["action"] for act, _ in ACTS} == {*ActKind, *FleetActKind}


async def test_an_act_that_was_only_planned_leaves_no_trail(listener: Admin) -> None:
    await make(listener)
    _, before = await listener.get("/api/v1/verdicts?limit=1000")

    for act, _ in ACTS:
        await listener.post({**act, "reason": "only a plan", "plan": True})

    assert await listener.get("/api/v1/verdicts?limit=1000") == (200, before)


async def test_a_look_at_recipients_is_in_the_audit_trail_too(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")

    class NothingKept:
        async def refused_sends(self, grant_id: str) -> Sequence[RefusedSend]:
            assert grant_id == "grant-1"
            return ()

        async def bad_recipients(self, grant_id: str, span: Span) -> Sequence[BadRecipient]:
            raise AssertionError(grant_id, span)

    look_up = LookUp(NothingKept(), PostgresLooks(listener.fleet.pool), listener.fleet.clock)
    account = Account(key, APPLICATION, "grant-1", "agent@x.example")
    await look_up.refused(account, recipients=True, reason="a customer asks", author="ada")

    _, trail = await listener.get("/api/v1/verdicts?account=agent@x.example")
    assert [(one["account"], one["author"], one["why"]) for one in trail["data"]] == [
        ("grant-1", "ada", "The recipients of its refused sends were looked at by a person: a customer asks")
    ]
