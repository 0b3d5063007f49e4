"""An account that the platform itself refuses is not probed: its rounds would be refused, and each try counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.domain.platform.platform_standing import Example, SendRefusal, Source, standing_of
from tests.probing.way_back import DAY, HOUR, WayBack, way_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def way(database_url: str) -> AsyncIterator[WayBack]:
    async with way_back(database_url) as one:
        yield one


@pytest.mark.parametrize(
    ("refusal", "probed"),
    [
        (SendRefusal.PLATFORM_PAUSED, False),
        (SendRefusal.RESTRICTED, False),
        (SendRefusal.RATE_LIMITED, True),
    ],
)
async def test_whom_the_platform_refuses_is_not_probed_until_that_is_over(
    way: WayBack, refusal: SendRefusal, probed: bool
) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    key = await way.daemon.pool.fetchval("SELECT account FROM accounts WHERE grant_id = 'grant-1'")
    now = way.now
    seen = standing_of(refusal, Example(400, "", "", now), Source.OBSERVATION, 30 * DAY)
    assert await PostgresPlatformStandings(way.daemon.pool).note(key, seen, now) is not None

    way.later(6 * HOUR)
    await prober()
    states = [await way.state()]
    await way.daemon.pool.execute("DELETE FROM platform_standings")
    await prober()
    states.append(await way.state())

    assert states == ["probing" if probed else "stopped", "probing"]
