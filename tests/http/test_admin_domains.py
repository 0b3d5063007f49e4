"""Sending domains and feedback domains, read and acted upon over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.admin import Admin, admin
from tests.fleet import APPLICATION, NOW
from tests.operate.test_domains import fail, two_accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def test_a_stopped_domain_has_the_shape_that_programs_rely_on(listener: Admin) -> None:
    await two_accounts(listener.fleet)
    await fail(listener.fleet)

    status, answer = await listener.get("/api/v1/domains")

    [domain] = answer["data"]
    verdict = domain.pop("last_verdict")
    assert (status, domain) == (
        200,
        {
            "id": "domain:x.example",
            "application_id": APPLICATION,
            "domain": "x.example",
            "state": "stopped",
            "since": NOW - 500,
            "epoch": 1,
            "pending": None,
            "enforcement": {"wanted": "stopped", "confirmed": None, "since": None, "attempts": 0, "error": None},
            "cause": "authentication 5.7.26",
            "accounts": 2,
            "probe": None,
            "counted_since": None,
            "intervals": [{"begins_at": NOW - 900, "ends_at": None}],
        },
    )
    assert (verdict["account"], verdict["scope"], verdict["to"]) == ("domain:x.example", "domain:x.example", "stopped")


async def test_domains_are_told_by_state_and_one_by_one_with_their_verdicts(listener: Admin) -> None:
    await two_accounts(listener.fleet)
    await fail(listener.fleet)

    _, warned = await listener.get("/api/v1/domains?state=warned")
    status, one = await listener.get("/api/v1/domains/X.example")
    unknown, _ = await listener.get("/api/v1/domains/y.example")
    _, trail = await listener.get("/api/v1/verdicts?account=domain:x.example")

    assert warned["data"] == []
    assert (status, [verdict["to"] for verdict in one["verdicts"]]) == (200, ["stopped"])
    assert unknown == 404
    assert trail["data"] == one["verdicts"]


async def test_a_program_resets_a_domain_by_itself(listener: Admin) -> None:
    await two_accounts(listener.fleet)
    await fail(listener.fleet)
    action = {"selector": "domain:x.example", "action": "reset", "reason": "repaired", "only_domain": True}

    status, planned = await listener.post({**action, "plan": True})
    _, done = await listener.post(action)
    refused, _ = await listener.post({**action, "selector": "grant-1"})

    assert (status, [one["account"] for one in planned["results"]]) == (200, ["domain:x.example"])
    assert [(one["account"], one["to"]) for one in done["results"]] == [("domain:x.example", "sending")]
    assert done["unconfirmed"] == 1
    assert refused == 409


async def test_feedback_domains_are_told_with_where_they_are_known_from(listener: Admin) -> None:
    await listener.fleet.pool.execute("INSERT INTO learnt_feedback VALUES ('corp.example', 4, 2, $1)", NOW)

    status, answer = await listener.get("/api/v1/feedback-domains")

    assert status == 200
    assert "yahoo.com" in answer["configured"]
    assert answer["learnt"] == [{"domain": "corp.example", "complaints": 4, "accounts": 2, "learnt_at": NOW}]


async def test_stopped_domains_are_a_metric(listener: Admin) -> None:
    await two_accounts(listener.fleet)
    await fail(listener.fleet)

    await listener.metrics.poll(listener.fleet.operations.fleet, NOW)

    value = listener.metrics.registry.get_sample_value
    assert (value("breaker_domains", {"state": "stopped"}), value("breaker_domains", {"state": "warned"})) == (1, 0)
