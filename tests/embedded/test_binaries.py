from __future__ import annotations

import pytest

from breaker.adapters.postgres.embedded import BinariesNotFoundError
from breaker.adapters.postgres.embedded.binaries import find_binaries


async def test_the_wheels_newest_major_is_found_without_importing_it() -> None:
    found = await find_binaries()

    assert found.major == 18
    assert found.program("initdb").exists()


async def test_a_cluster_of_an_older_major_gets_binaries_of_that_major() -> None:
    assert (await find_binaries(major=16)).major == 16


async def test_a_major_that_is_not_there_is_named_with_what_was_tried() -> None:
    with pytest.raises(BinariesNotFoundError, match=r"no PostgreSQL 99 binaries, .*\(is 18\.\d+\)"):
        await find_binaries(major=99)
