"""The List and the rule of suppressed recipients: made where suppression is on, taken back, refused without room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.set_up_plan import SetUpRefusedError
from tests.guarded import LIMITING, NAMES

if TYPE_CHECKING:
    from tests.setup.conftest import Place

SUPPRESSING = LIMITING | {Actuator.SUPPRESS}
LIST, RULE = NAMES.of(LISTS[Made.SUPPRESSION_LIST]), NAMES.of(RULES[Made.SUPPRESSION_RULE])


async def set_up(place: Place, actuators: frozenset[Actuator] = SUPPRESSING) -> list[str]:
    """Set up; return what was done."""
    one = place.set_up(actuators=actuators)
    return [step.sentence async for step in one.carry_out(await one.plan())]


async def test_an_installation_that_suppresses_nobody_has_none_of_it(place: Place) -> None:
    await set_up(place, LIMITING)

    assert LIST not in {one.name for one in await place.world.client.lists()}
    assert RULE not in {one.name for one in await place.world.client.rules()}


async def test_it_is_made_beside_the_others_and_attached_everywhere(place: Place) -> None:
    await set_up(place, LIMITING)

    done = await set_up(place)
    again = await set_up(place)

    [made] = [one for one in await place.world.client.lists() if one.name == LIST]
    [rule] = [one for one in await place.world.client.rules() if one.name == RULE]
    assert made.type == "address"
    assert rule.content == RULES[Made.SUPPRESSION_RULE].content({Made.SUPPRESSION_LIST: made.id})
    assert all(rule.id in one.rule_ids for one in await place.world.client.workspaces())
    assert f"make the list '{LIST}' for the addresses of recipients that bounced or complained" in done
    assert again == []


async def test_it_is_taken_back_and_nobody_is_said_to_be_released_by_it(place: Place) -> None:
    await set_up(place)
    [made] = [one for one in await place.world.client.lists() if one.name == LIST]
    await place.world.client.add_values(made.id, ["gone@example.org", "angry@example.org"])

    tear_down = place.tear_down()
    planned = await tear_down.plan()
    async for _ in tear_down.carry_out(planned):
        pass

    said = "delete the list of suppressed recipients; 2 recipients in it can be written to again"
    assert [(one.sentence, one.releases) for one in planned if one.made is Made.SUPPRESSION_LIST] == [(said, 0)]
    assert (await place.world.client.lists(), await place.world.client.rules()) == ([], [])


async def test_without_room_it_is_refused_with_the_count_and_what_was_made_for_it_goes(place: Place) -> None:
    for number in range(28):
        await place.world.client.create_rule(f"mine {number}", RULES[Made.RULE].content({Made.LIST: "x"}))

    with pytest.raises(SetUpRefusedError, match=r"the application has 30, .* or switch `\[suppression\]` off"):
        await set_up(place)

    assert LIST not in {one.name for one in await place.world.client.lists()}
