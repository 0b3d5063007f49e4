from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.guarded import Guarded, guarded
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    async with simulated() as running:
        yield running


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Guarded]:
    async with guarded(database_url) as opened:
        yield opened
