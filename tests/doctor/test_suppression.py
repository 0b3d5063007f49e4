"""The List and the rule of suppressed recipients: missed by the doctor, repaired like the others, no account's lack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import Made
from breaker.flows.repair import Drift, Outcome, Repair
from tests.doctor.test_repairs import Told, looking
from tests.doctor.ward import ACTUATORS
from tests.guarded import NAMES
from tests.setup.conftest import done

if TYPE_CHECKING:
    from breaker.flows.watch_protection import WatchProtection
    from tests.doctor.ward import Ward

ALL = (*ACTUATORS, Actuator.SUPPRESS)
ON = "suppression = {enabled = true}"


def suppressing(sound: Ward, told: Told, *, enforce: bool = True) -> WatchProtection:
    watch = looking(sound, told, enforce=enforce)
    assert isinstance(watch.repair, Repair)
    repair = replace(watch.repair, actuators_of=lambda _workspace_id: ALL)
    return replace(watch, actuators_of=lambda _workspace_id: ALL, repair=repair)


async def test_suppression_that_was_never_set_up_is_found_until_it_is(sound: Ward) -> None:
    sound.configure(more=ON)
    before = await sound.findings()
    await done(sound.place.set_up(url=f"{sound.said['public_url']}/webhooks/nylas", actuators=ALL))

    assert [(one.kind, one.fix) for one in before] == [("never_set_up", "breaker setup")] * 2
    assert all(one.sentence.startswith("`[suppression]` configured, and never set up") for one in before)
    assert await sound.findings() == []


async def test_its_rule_is_attached_again_and_nobody_is_called_unprotected_for_want_of_it(sound: Ward) -> None:
    await done(sound.place.set_up(url=f"{sound.said['public_url']}/webhooks/nylas", actuators=ALL))
    rule = await sound.place.rule(Made.SUPPRESSION_RULE)
    await sound.world.client.detach_rules(sound.sales.workspace_id, [rule.id])
    told = Told()

    observed = await suppressing(sound, told, enforce=False)()
    await suppressing(sound, told)()

    name = sound.sales.name
    assert observed == {}
    assert told.told == [
        (Drift.RULE_DETACHED, name, Outcome.REPORTED),
        (Drift.RULE_DETACHED, name, Outcome.REPAIRED),
    ]
    assert rule.id in sound.sales.rule_ids
    assert rule.name == f"Breaker: refuse mail to suppressed recipients [{NAMES.installation}]"
