from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can reach, which pytest's own is not when the tests run as root."""
    with temporary_home("breaker-embedded-") as folder:
        yield folder


@pytest.fixture
async def postgres(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A cluster that is not started yet and is stopped in the end."""
    embedded = EmbeddedPostgres(home / "postgres", durable=False)
    yield embedded
    await embedded.stop()
