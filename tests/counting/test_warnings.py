"""Warnings: given before a stop, ended by good sends and time, on a real database."""

from __future__ import annotations

import pytest

from breaker.domain.circuits.circuit import Mode
from breaker.domain.detectors.budget import Budget
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import WindowSizes
from tests.counting.daemons import DAY, NOW, Daemon, daemon, event

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
SIZES = WindowSizes((1_000, 3_000), (10_000,))
STANDARD = standard_profile(Budget(), SIZES, 0.8)
BEFORE = NOW - 10 * DAY


async def send(  # noqa: PLR0913 - each by name, and most say few
    one: Daemon, kind: OutcomeKind, count: int, *, at: float, now: float, together: bool = True
) -> None:
    """Let an account send, a minute between two."""
    events = [event(kind, f"{kind}-{at}-{n}", sent_at=at + 60 * n) for n in range(count)]
    for batch in [events] if together else [[each] for each in events]:
        await one.take(*batch, now=now)


async def verdicts(one: Daemon) -> list[tuple[str, str, str]]:
    rows = await one.pool.fetch("SELECT from_state, to_state, detector FROM verdicts ORDER BY id")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
@pytest.mark.parametrize("together", [True, False])
async def test_a_warning_ends_after_a_day_and_enough_good_sends(
    database_url: str, mode: Mode, *, together: bool
) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=STANDARD, sizes=SIZES) as one:
        await send(one, DELIVERED, 500, at=BEFORE, now=NOW)
        await send(one, BOUNCED, 5, at=BEFORE + DAY, now=NOW)
        warned = await verdicts(one)
    async with daemon(database_url, mode=mode, profile=STANDARD, sizes=SIZES) as one:
        await send(one, DELIVERED, 100, at=BEFORE + 2 * DAY, now=NOW + DAY - 1, together=together)
        early = await verdicts(one)
        await send(one, DELIVERED, 2, at=BEFORE + 3 * DAY, now=NOW + DAY, together=together)

        assert warned == early == [("sending", "warned", "cusum")]
        assert await verdicts(one) == [*warned, ("warned", "sending", "recovery")]
        assert (await one.row(grant="grant-1"))["state"] == "sending"
        assert await one.pool.fetchval("SELECT count(*) FROM commands") == 0


async def test_a_warned_account_that_sends_no_better_stays_warned(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=STANDARD, sizes=SIZES) as one:
        await send(one, DELIVERED, 500, at=BEFORE, now=NOW)
        await send(one, BOUNCED, 5, at=BEFORE + DAY, now=NOW)
        await send(one, DELIVERED, 10, at=BEFORE + 2 * DAY, now=NOW + 3 * DAY)

        assert await verdicts(one) == [("sending", "warned", "cusum")]


async def test_an_account_that_gets_worse_is_limited_and_then_stopped(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=STANDARD, sizes=SIZES) as one:
        await send(one, DELIVERED, 500, at=BEFORE, now=NOW)
        for hour in range(4):
            await send(one, BOUNCED, 3, at=BEFORE + DAY + 3600 * hour, now=NOW)

        assert [to for _, to, _ in await verdicts(one)] == ["warned", "limited", "stopped"]
