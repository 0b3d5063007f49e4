"""Modes that end, as whoever judges sees it: through the code that counts, with a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.modes import PostgresModes
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import ConfiguredModes, Level
from breaker.domain.outcomes.outcomes import OutcomeKind
from tests.counting.daemons import APPLICATION, NOW, SIMPLE, Daemon, daemon, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.flows.count import Count

HOUR = 3_600.0
ENFORCED = ConfiguredModes(Mode.ENFORCE)


async def some(count: Count, kind: OutcomeKind, names: Sequence[str], now: float) -> None:
    await count([event(kind, name, sent_at=now - 10) for name in names], now)


async def state(one: Daemon) -> tuple[str, str | None]:
    row = await one.row(grant="grant-1")
    return row["state"], row["pending_held_by"]


async def set_mode(one: Daemon, modes: PostgresModes, mode: Mode, lasts: float, now: float) -> None:
    key = (await one.row(grant="grant-1"))["account"]
    act = Act(ActKind.MODE, "a launch", "ada", mode=mode, lasts=lasts)
    await modes.change([(APPLICATION, Level.ACCOUNT, str(key))], act, now)


async def test_an_expired_exempt_returns_to_what_lies_beneath_and_stops_nobody_for_what_was_seen(
    database_url: str,
) -> None:
    async with daemon(database_url, profile=SIMPLE) as one:
        modes = PostgresModes(one.pool, ENFORCED)
        count = replace(one.count, modes=modes)
        await some(count, OutcomeKind.DELIVERED, [f"good-{number}" for number in range(20)], NOW)
        await set_mode(one, modes, Mode.EXEMPT, HOUR, NOW)

        await some(count, OutcomeKind.BOUNCED, [f"bad-{number}" for number in range(10)], NOW + HOUR - 1)
        exempt = await state(one)
        await some(count, OutcomeKind.DELIVERED, ["good-again"], NOW + HOUR)
        expired = await state(one)
        await some(count, OutcomeKind.BOUNCED, ["bad-again"], NOW + HOUR)
        enforced = await state(one)

    assert (exempt, expired, enforced) == (("sending", "exempt"), ("sending", "exempt"), ("stopped", None))
