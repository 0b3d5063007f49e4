"""What goes wrong between the client and the platform, sorted by what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.errors import sorted_error
from breaker.adapters.nylas.transport import Transport
from breaker.ports import CredentialsRejectedError, GiveUpError, GoneError, PlatformError, TryAgainError, Urgency
from breaker.simulator.clock import SimulatedClock
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import FREE, SimulationOptions
from tests.simulated import KEY, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulated import Simulated


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    async with simulated() as running:
        yield running


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504])
async def test_what_passes_by_itself_is_tried_again(world: Simulated, status: int) -> None:
    world.fault(FaultKind.STATUS, status=status)

    with pytest.raises(TryAgainError) as raised:
        await world.client.workspaces()

    assert raised.value.after is None
    assert world.statuses == [str(status)]


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
async def test_a_page_of_html_is_not_the_platform_speaking(world: Simulated, status: int) -> None:
    world.fault(FaultKind.HTML, status=status)

    with pytest.raises(TryAgainError):
        await world.client.delete_list("list-1")


async def test_a_connection_that_is_cut_is_tried_again(world: Simulated) -> None:
    world.fault(FaultKind.DISCONNECT)

    with pytest.raises(TryAgainError):
        await world.client.workspaces()

    assert world.statuses == ["connection"]


async def test_nobody_there_is_tried_again(world: Simulated) -> None:
    await world.platform.stop()

    with pytest.raises(TryAgainError):
        await world.client.workspaces()


async def test_silence_ends_after_the_time_for_an_answer(world: Simulated) -> None:
    world.fault(FaultKind.SILENCE)
    client = world.another_client(answer_within=0.2)

    with pytest.raises(TryAgainError, match="was not answered within"):
        await client.workspaces()

    assert world.statuses == ["timeout"]


@pytest.mark.parametrize("status", [400, 405, 422])
async def test_what_can_t_succeed_is_given_up(world: Simulated, status: int) -> None:
    world.fault(FaultKind.STATUS, status=status)

    with pytest.raises(GiveUpError):
        await world.client.workspaces()


async def test_what_is_not_there_is_gone(world: Simulated) -> None:
    for asked in (
        world.client.grant("nobody"),
        world.client.add_values("no-list", ["agent@x.example"]),
        world.client.delete_rule("no-rule"),
        world.client.delete_workspace("no-workspace"),
        world.client.delete_webhook("no-webhook"),
        world.client.evaluations("nobody", 5),
    ):
        with pytest.raises(GoneError):
            await asked


async def test_a_key_that_is_not_accepted_is_its_own_kind_and_never_shown(world: Simulated) -> None:
    client = world.another_client("nyk_v0_wrong")

    with pytest.raises(CredentialsRejectedError) as raised:
        await client.workspaces()

    assert "nyk_v0" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("unauthorized", "Unauthorized", CredentialsRejectedError),
        ("invalid_request_error", "the API key has no permission for this", CredentialsRejectedError),
        ("forbidden", "insufficient_scopes", CredentialsRejectedError),
        ("forbidden", "send blocked by abuse restriction", GiveUpError),
    ],
)
def test_a_403_is_told_apart_by_what_it_speaks_of(kind: str, message: str, expected: type[PlatformError]) -> None:
    body = f'{{"request_id":"r","error":{{"type":"{kind}","message":"{message}"}}}}'.encode()

    assert type(sorted_error("GET /v3/lists", 403, body, None, 0.0)) is expected


async def test_no_address_that_the_platform_repeats_is_passed_on(world: Simulated) -> None:
    made = await world.client.create_list("Blocked", "address")
    for refusal in (
        sorted_error("POST /v3/lists", 400, b'{"error":{"type":"t","message":"<agent@x.example> is bad"}}', None, 0.0),
        await _refusal(world.client, made.id, "agent@x"),
    ):
        assert "agent@x" not in str(refusal)


async def test_the_plan_s_limit_is_given_up_with_the_platform_s_reason() -> None:
    async with simulated(SimulationOptions(plan=FREE)) as world:
        for number in range(FREE.lists):
            await world.client.create_list(f"List {number}", "address")

        with pytest.raises(GiveUpError, match="the plan allows 10 lists"):
            await world.client.create_list("One more", "address")


async def test_after_too_many_requests_the_whole_application_keeps_silent_as_long_as_asked(world: Simulated) -> None:
    clock = SimulatedClock()
    transport = Transport(world.session, world.url, KEY, budget=Budget(clock), clock=clock)
    client = NylasPlatform(transport, Urgency.STOP)
    world.fault(FaultKind.STATUS, status=429, retry_after=30, times=1)
    with pytest.raises(TryAgainError) as raised:
        await client.workspaces()

    asked_again = asyncio.create_task(client.workspaces())
    await clock.advance(29.9)
    before = len(world.platform.journal)
    await clock.advance(0.1)
    found = await asked_again

    assert raised.value.after == 30.0
    assert before == 1
    assert len(found) == 1


async def test_too_many_requests_without_a_time_are_followed_by_a_second_of_silence(world: Simulated) -> None:
    clock = SimulatedClock()
    transport = Transport(world.session, world.url, KEY, budget=Budget(clock), clock=clock)
    client = NylasPlatform(transport, Urgency.STOP)
    world.fault(FaultKind.STATUS, status=429, times=1)
    with pytest.raises(TryAgainError) as raised:
        await client.workspaces()

    asked_again = asyncio.create_task(client.workspaces())
    await clock.advance(0.0)
    wakes_at = clock.next_wake()
    await clock.advance(1.0)
    await asked_again

    assert raised.value.after is None
    assert wakes_at == pytest.approx(clock.now())


def test_a_date_in_retry_after_is_read() -> None:
    error = sorted_error("GET /v3/lists", 503, b"", "Thu, 01 Jan 1970 00:01:40 GMT", 40.0)

    assert isinstance(error, TryAgainError)
    assert error.after == 60.0


async def _refusal(client: NylasPlatform, list_id: str, address: str) -> PlatformError:
    with pytest.raises(GiveUpError) as raised:
        await client.add_values(list_id, [address])
    return raised.value
