from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.ward import Ward, ward

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sound(database_url: str, tmp_path: Path) -> AsyncIterator[Ward]:
    """A sound installation."""
    async with ward(database_url, tmp_path) as made:
        yield made
