from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet import Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def known(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """An empty fleet, whose daemon only observes and may block and quarantine."""
    async with fleet(database_url, tmp_path, actuators="block,quarantine") as opened:
        yield opened
