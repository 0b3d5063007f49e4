from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drill.rehearsal import Rehearsal, rehearsal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def range_(database_url: str) -> AsyncIterator[Rehearsal]:
    """A sound canary."""
    async with rehearsal(database_url) as made:
        yield made
