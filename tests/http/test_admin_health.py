from __future__ import annotations

import asyncio
from math import isnan
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from breaker.adapters.http.health import Health
from breaker.adapters.metrics import Metrics
from breaker.domain.circuits.circuit import HeldBy, Mode, Verdict
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.commands import CommandKind
from tests.admin import Admin, admin
from tests.fleet import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def samples(listener: Admin) -> dict[str, float]:
    """Return what `/metrics` shows, by name and the values of its labels, which stand in the order of their names."""
    async with listener.client.get("/metrics") as response:
        assert response.status == 200
        text = await response.text()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_living_daemon_says_so_without_a_token_or_a_database(listener: Admin) -> None:
    listener.fleet.pool.terminate()

    assert await listener.get("/livez", token=None) == (200, {"status": "alive"})


async def test_a_ready_daemon_says_what_it_checked(listener: Admin) -> None:
    assert await listener.get("/readyz", token=None) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "schema": "ok", "webhook_secret": "ok"}},
    )


async def test_without_a_webhook_secret_it_is_not_ready(listener: Admin) -> None:
    listener.secret_known = False

    status, answer = await listener.get("/readyz", token=None)

    assert (status, answer["checks"]) == (
        503,
        {
            "database": "ok",
            "schema": "ok",
            "webhook_secret": "no webhook secret is known yet: run `breaker setup`",
        },
    )


async def test_another_schema_is_not_ready(listener: Admin) -> None:
    await listener.fleet.pool.execute("UPDATE alembic_version SET version_num = '9999'")

    status, answer = await listener.get("/readyz", token=None)

    assert status == 503
    assert answer["checks"]["schema"].startswith("the database's schema is 9999, which this Breaker")


async def test_a_database_that_is_gone_is_not_ready_and_a_503_of_the_api(listener: Admin) -> None:
    listener.fleet.pool.terminate()

    ready, answer = await listener.get("/readyz", token=None)
    listed, problem = await listener.get("/api/v1/accounts")

    assert (ready, answer["checks"]["webhook_secret"], listed, problem["error"]["type"]) == (
        503,
        "ok",
        503,
        "unavailable",
    )


async def test_a_check_that_hangs_is_given_up() -> None:
    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    health = Health({"database": hang}, Metrics().registry, check_seconds=0.01)

    response = await health.readyz(None)  # type: ignore[arg-type]  # the request is not looked at

    assert (response.status, response.text) == (
        503,
        '{"status":"not_ready","checks":{"database":"no answer within 0.01 s"}}',
    )


async def test_what_happens_is_counted(listener: Admin) -> None:
    metrics = listener.metrics
    metrics.notification(200, "committed", "message.bounced")
    metrics.notification(401, "bad_signature", "")
    metrics.event("app-1", "message.bounced", 2.0, NOW)
    metrics.outcomes(OutcomeKind.BOUNCED, 3)
    metrics.batch(4, 0.02)
    metrics.platform_request("429")
    metrics.database_error("DeadlockDetectedError")
    metrics.stop_confirmed(CommandKind.BLOCK, 0.4)
    metrics.stop_confirmed(CommandKind.UNBLOCK, 9.0)
    metrics.verdict(
        Verdict(NOW, State.SENDING, State.STOPPED, "level", 0, "", signal=Signal.BOUNCE, held_by=HeldBy.OBSERVE),
        Mode.OBSERVE,
    )

    shown = await samples(listener)

    assert {name: shown.get(name) for name in EXPECTED} == EXPECTED


EXPECTED = {
    "breaker_notifications_total committed 200 message.bounced": 1.0,
    "breaker_notifications_total bad_signature 401 none": 1.0,
    "breaker_last_event_timestamp_seconds app-1 message.bounced": NOW,
    "breaker_outcome_lag_seconds_sum": 2.0,
    "breaker_outcomes_total bounced": 3.0,
    "breaker_batch_events_sum": 4.0,
    "breaker_batch_seconds_count": 1.0,
    "breaker_platform_requests_total 429": 1.0,
    "breaker_database_errors_total DeadlockDetectedError": 1.0,
    "breaker_stop_confirm_seconds_count": 1.0,
    "breaker_verdicts_total observe observe bounce stopped": 1.0,
}


async def test_what_stands_in_the_database_is_polled(listener: Admin) -> None:
    fleet = listener.fleet
    await fleet.know("a@x.example", "grant-a")
    await fleet.suspend(await fleet.know("b@x.example", "grant-b"), State.STOPPED, HeldBy.GUARD)
    before = await samples(listener)
    await listener.post({"selector": "grant-a", "action": "trip", "reason": "test"})
    await listener.metrics.poll(fleet.operations.fleet, NOW + 1)

    shown = await samples(listener)

    oldest = "breaker_oldest_pending_command_timestamp_seconds"
    expected = {
        "breaker_accounts observe stopped": 1.0,
        "breaker_accounts observe sending": 1.0,
        "breaker_accounts enforce sending": 0.0,
        "breaker_pending_verdicts guard": 1.0,
        "breaker_guard_held": 1.0,
        "breaker_commands_pending block": 1.0,
        "breaker_commands_pending unblock": 0.0,
        oldest: NOW,
        "breaker_poll_timestamp_seconds": NOW + 1,
    }
    assert {name: shown[name] for name in expected} == expected
    assert isnan(before[oldest])


def test_no_label_grows_without_end() -> None:
    metrics = Metrics()

    for number in range(200):
        metrics.notification(200, "not_understood", f"made.up.{number}")

    (family,) = (one for one in metrics.registry.collect() if one.name == "breaker_notifications")
    triggers = {sample.labels["trigger"] for sample in family.samples if sample.name.endswith("_total")}
    assert (len(triggers), "other" in triggers) == (65, True)


def test_two_instances_share_nothing() -> None:
    one, other = Metrics(), Metrics()

    one.platform_request("200")

    assert other.registry.get_sample_value("breaker_platform_requests_total", {"status": "200"}) is None
