from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.intake.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.intake.listening import Listening


@pytest.fixture
async def listener() -> AsyncIterator[Listening]:
    """A listener whose handlers only remember."""
    async with listening() as one:
        yield one
