from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.counting.daemons import daemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.counting.daemons import Daemon


@pytest.fixture
async def alone(database_url: str) -> AsyncIterator[Daemon]:
    """One daemon on a fresh database; its line is not started."""
    async with daemon(database_url) as one:
        yield one
