from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.simulator.options import SimulationOptions
from tests.guarded import Guarded, guarded
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    # A test does in a second what a daemon does in minutes.
    async with simulated(SimulationOptions(requests_per_second=1_000)) as running:
        yield running


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Guarded]:
    async with guarded(database_url) as opened:
        yield opened
