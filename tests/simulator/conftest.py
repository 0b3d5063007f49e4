from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.simulator.clock import SimulatedClock
from tests.simulator.client import Client, Receiver, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World.open() as opened:
        yield opened


@pytest.fixture
async def client(world: World) -> Client:
    return world.client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()
