"""Who was taken out by somebody else, and is left to people, is shown with the reason, and found by the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.clock import SystemClock
from breaker.app import wire_operations
from breaker.config import load
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.lost import LEFT_TO_PEOPLE, NOT_PUT_BACK
from breaker.flows.designs import Made
from breaker.ports import SendingDomain
from tests.doctor.ward import ACTUATORS, ward
from tests.drift.conftest import Drifting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from breaker.domain.standing.standing import Enforcement
    from tests.doctor.ward import Ward


@pytest.fixture
async def sound(database_url: str, tmp_path: Path) -> AsyncIterator[Ward]:
    async with ward(database_url, tmp_path) as made:
        yield made


async def enforcement(sound: Ward) -> Enforcement:
    operations = wire_operations(load(sound.file, {}, {}), sound.store.pool, SystemClock())
    (found,) = await operations.accounts.find(parse_selector(sound.stopped.email))
    return found.enforcement


async def take_out(sound: Ward, drifting: Drifting) -> None:
    await drifting.long_ago()
    await sound.world.client.remove_values(await sound.place.list_id(), [sound.stopped.email])
    await drifting.sweep()


async def test_where_breaker_only_observes_it_is_shown_and_found(sound: Ward) -> None:
    drifting = Drifting(sound.place, enforce=False, actuators=ACTUATORS)
    assert await sound.kinds() == []

    await take_out(sound, drifting)

    shown = await enforcement(sound)
    assert (shown.wanted, shown.confirmed, shown.error) == (Wanted.STOPPED, None, NOT_PUT_BACK)
    assert shown.since is not None
    (found,) = await sound.findings()
    assert found.kind == "taken_out"
    assert sound.stopped.email in found.sentence
    assert found.fix.startswith(f"find out who; then `breaker reset {sound.stopped.email}`")


async def test_who_is_left_to_people_is_shown_and_found_until_a_person_puts_it_back(sound: Ward) -> None:
    drifting = Drifting(sound.place, actuators=ACTUATORS)
    await take_out(sound, drifting)
    first = await enforcement(sound)
    await drifting.carry_out()
    await take_out(sound, drifting)

    assert (first.confirmed, first.error) == (None, None)
    assert (await enforcement(sound)).error == LEFT_TO_PEOPLE
    assert await sound.kinds() == ["taken_out"]

    await sound.world.client.add_values(await sound.place.list_id(), [sound.stopped.email])
    await drifting.sweep()
    shown = await enforcement(sound)
    assert (shown.confirmed, shown.error) == (Wanted.STOPPED, None)
    assert await sound.kinds() == []


async def test_a_domain_that_is_left_to_people_is_found(sound: Ward) -> None:
    drifting = Drifting(sound.place, enforce=False, actuators=ACTUATORS)
    domain, made = SendingDomain("app-1", "z.example"), await sound.place.list_id(Made.DOMAIN_LIST)
    await sound.world.client.add_values(made, [domain.name])
    await drifting.sweep()
    await drifting.long_ago()
    await sound.world.client.remove_values(made, [domain.name])

    await drifting.sweep()

    assert [(one.kind, domain.id in one.sentence) for one in await sound.findings()] == [("taken_out", True)]
