from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.app import (
    UnavailableError,
    actuators_of,
    configured_modes,
    counting,
    embedded_postgres,
    migrate,
    operations,
    window_sizes,
)
from breaker.config import load
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import ConfiguredModes
from breaker.domain.outcomes.outcomes import BounceClass
from breaker.domain.platform.commands import Actuator
from breaker.domain.windows.counters import WindowSizes
from breaker.ports import Account
from tests.fleet import settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from breaker.config import Settings

CONFIGURATION = """
mode = "observe"
actuators = ["block"]

[[applications]]
id = "app-1"
mode = "enforce"

[applications.workspaces.w-1]
mode = "observe"
actuators = ["block", "quarantine"]

[[applications]]
id = "app-2"

[counting]
representative_volumes = [500, 2000]
counted_classes = { policy = false, mailbox_full = true }
"""


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    file = tmp_path / "breaker.toml"
    file.write_text(CONFIGURATION)
    return load(file, {"data_dir": tmp_path}, {})


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home("breaker-operations-") as folder:
        yield folder


@pytest.fixture
async def embedded(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded server of a data directory, stopped in the end, whoever started it."""
    server = embedded_postgres(settings_of(home))
    yield server
    await server.stop()


def test_the_configured_modes_are_those_that_were_said(configured: Settings) -> None:
    assert configured_modes(configured) == ConfiguredModes(
        Mode.OBSERVE, {"app-1": Mode.ENFORCE}, {("app-1", "w-1"): Mode.OBSERVE}
    )


def test_an_account_is_stopped_as_its_home_workspace_says(configured: Settings) -> None:
    of = actuators_of(configured)

    assert [
        of(Account(1, application, "g", None, seen, home))
        for application, seen, home in (
            ("app-1", "w-1", None),
            ("app-1", "quarantine", "w-1"),
            ("app-1", "w-2", None),
            ("app-2", None, None),
        )
    ] == [
        {Actuator.BLOCK, Actuator.QUARANTINE},
        {Actuator.BLOCK, Actuator.QUARANTINE},
        {Actuator.BLOCK},
        {Actuator.BLOCK},
    ]


def test_what_counts_is_the_default_with_what_was_said_over_it(configured: Settings) -> None:
    assert counting(configured).counted == {
        BounceClass.UNKNOWN_RECIPIENT,
        BounceClass.UNDETERMINED,
        BounceClass.MAILBOX_FULL,
    }
    assert window_sizes(configured) == WindowSizes((500, 2_000), (10_000,))


async def test_without_any_database_the_error_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no database is configured, .*: set BREAKER_DATABASE_URL"):
        async with operations(settings_of(tmp_path)):
            pass


async def test_an_embedded_database_is_started_for_as_long_as_it_is_needed(
    home: Path, embedded: EmbeddedPostgres
) -> None:
    settings = settings_of(home)
    await migrate(settings)
    before = await embedded.attach()

    async with operations(settings) as available:
        counts = await available.fleet.by_state_and_mode()
        during = await embedded.attach()

    assert (before, counts, during is not None, await embedded.attach()) == (None, {}, True, None)


async def test_an_embedded_database_that_runs_is_left_running(home: Path, embedded: EmbeddedPostgres) -> None:
    settings = settings_of(home)
    url = await embedded.start()
    await migrate(settings)

    async with operations(settings) as available:
        await available.fleet.by_state_and_mode()

    assert await embedded.attach() == url


async def test_a_fault_that_is_not_the_database_s_is_not_blamed_on_it(database_url: str, tmp_path: Path) -> None:
    async def listen() -> None:
        async with operations(settings_of(tmp_path, database_url=database_url)):
            raise OSError("address already in use")

    with pytest.raises(OSError, match="address already in use"):
        await listen()
