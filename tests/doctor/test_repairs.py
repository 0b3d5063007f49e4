"""What somebody else changes of the rules is put right in enforce, told of in observe, and left after three times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.repairs import PostgresRepairs
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import ConfiguredModes, Level, ModeSetting, acts_in
from breaker.domain.platform.protection import Unprotected
from breaker.flows.designs import Made
from breaker.flows.lease import Lease
from breaker.flows.repair import SPAN, Drift, Drifted, Outcome, Repair
from breaker.flows.watch_protection import WatchProtection
from tests.doctor.ward import ACTUATORS
from tests.guarded import NAMES
from tests.setup.conftest import done
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.doctor.ward import Ward


@dataclass
class Told:
    """Remembers what it is told."""

    told: list[tuple[Drift, str, Outcome]] = field(default_factory=list)

    def drifted(self, _application_id: str, drifted: Drifted, outcome: Outcome) -> None:
        self.told.append((drifted.kind, drifted.name, outcome))


def looking(sound: Ward, told: Told, *, enforce: bool = True, holder: str = "daemon-1") -> WatchProtection:
    async def may_act(_workspace_id: str | None) -> bool:
        return enforce

    repair = Repair(
        application_id=APPLICATION,
        platform=sound.world.client,
        inventory=sound.store.inventory,
        repairs=PostgresRepairs(sound.store.pool),
        may_act=may_act,
        actuators_of=lambda _workspace_id: ACTUATORS,
        lease=Lease(sound.store.leases, f"protection:{APPLICATION}", holder, 60.0),
        clock=sound.store.clock,
        told=told,
    )
    return WatchProtection(
        application_id=APPLICATION,
        names=NAMES,
        platform=sound.world.client,
        inventory=sound.store.inventory,
        placed=PostgresExamination(sound.store.pool),
        actuators_of=lambda _workspace_id: ACTUATORS,
        told=lambda _application_id, _counts: None,
        repair=repair,
    )


async def disable(sound: Ward) -> None:
    rule = await sound.place.rule()
    await sound.world.client.change_rule(replace(rule, content=replace(rule.content, enabled=False)))


async def test_a_sound_installation_is_left_as_it_is(sound: Ward) -> None:
    told = Told()
    sound.world.platform.journal.clear()

    assert await looking(sound, told)() == {}
    assert (told.told, sound.world.changing_calls()) == ([], [])


async def test_a_rule_that_was_disabled_is_enabled_again(sound: Ward) -> None:
    told, rule = Told(), await sound.place.rule()
    await disable(sound)

    assert await looking(sound, told)() == {}
    assert await sound.place.rule() == rule
    assert told.told == [(Drift.RULE_DISABLED, NAMES.block_rule, Outcome.REPAIRED)]


async def test_a_rule_that_was_changed_does_again_what_it_should(sound: Ward) -> None:
    told, rule = Told(), await sound.place.rule(Made.LIMIT_RULE)
    conditions = tuple(one for one in rule.content.conditions if one.operator == "in_list")
    await sound.world.client.change_rule(replace(rule, content=replace(rule.content, conditions=conditions)))

    assert await looking(sound, told)() == {}
    assert await sound.place.rule(Made.LIMIT_RULE) == rule
    assert told.told == [(Drift.RULE_CHANGED, NAMES.limit_rule, Outcome.REPAIRED)]


async def test_rules_that_were_detached_are_attached_beside_the_others(sound: Ward) -> None:
    told, ours = Told(), list(sound.sales.rule_ids)
    theirs = await sound.world.client.create_rule("theirs", (await sound.place.rule()).content)
    sound.sales.rule_ids = [theirs.id]

    assert await looking(sound, told)() == {}
    assert sound.sales.rule_ids == [theirs.id, *ours]
    assert told.told == [(Drift.RULE_DETACHED, "Sales", Outcome.REPAIRED)]


async def test_a_new_workspace_is_given_the_rules_and_that_is_remembered_for_teardown(sound: Ward) -> None:
    told = Told()
    new = sound.world.application.add_workspace("Support")

    await looking(sound, told)()

    assert new.rule_ids == sound.sales.rule_ids
    assert told.told == [(Drift.NEW_WORKSPACE, "Support", Outcome.REPAIRED)]
    assert ("attachment", new.workspace_id) in await sound.place.inventory()


async def test_in_observe_it_is_told_once_and_left(sound: Ward) -> None:
    told = Told()
    await disable(sound)
    look = looking(sound, told, enforce=False)
    sound.world.platform.journal.clear()

    assert [await look() for _ in range(3)] == [{Unprotected.RULE_DISABLED: 3}] * 3
    assert told.told == [(Drift.RULE_DISABLED, NAMES.block_rule, Outcome.REPORTED)]
    assert sound.world.changing_calls() == []


async def test_a_list_that_was_deleted_is_told_of_and_left_to_people(sound: Ward) -> None:
    told = Told()
    await sound.world.client.delete_list(await sound.place.list_id(Made.LIMIT_LIST))

    assert await looking(sound, told)() == {Unprotected.LIST_MISSING: 3}
    assert told.told == [(Drift.LIST_MISSING, NAMES.limit_rule, Outcome.REPORTED)]


async def test_after_three_repairs_within_an_hour_it_yields_until_the_hour_is_over(sound: Ward) -> None:
    told = Told()
    look = looking(sound, told)
    for _ in range(3):
        await disable(sound)
        await look()
    await disable(sound)

    assert [await look() for _ in range(2)] == [{Unprotected.RULE_DISABLED: 3}] * 2
    assert [outcome for _, _, outcome in told.told] == [Outcome.REPAIRED] * 3 + [Outcome.YIELDED]

    await sound.store.pool.execute("UPDATE repairs SET at = at - $1", SPAN)
    assert await look() == {}
    assert told.told[-1] == (Drift.RULE_DISABLED, NAMES.block_rule, Outcome.REPAIRED)


async def test_three_repairs_count_over_daemons_and_objects_apart(sound: Ward) -> None:
    told = Told()
    for number in range(3):
        await disable(sound)
        look = looking(sound, told, holder=f"daemon-{number}")
        await look()
        assert look.repair is not None
        await sound.store.leases.release(f"protection:{APPLICATION}", f"daemon-{number}")
    await disable(sound)
    sound.sales.rule_ids = []

    await looking(sound, told, holder="daemon-9")()

    assert told.told[3:] == [
        (Drift.RULE_DISABLED, NAMES.block_rule, Outcome.YIELDED),
        (Drift.RULE_DETACHED, "Sales", Outcome.REPAIRED),
    ]


async def test_one_daemon_repairs_and_the_others_only_count(sound: Ward) -> None:
    first, second = Told(), Told()
    await looking(sound, first)()
    await disable(sound)

    assert await looking(sound, second, holder="daemon-2")() == {Unprotected.RULE_DISABLED: 3}
    assert second.told == []


async def test_what_was_taken_back_by_teardown_is_not_put_back(sound: Ward) -> None:
    told = Told()
    await done(sound.place.tear_down(quarantines=(sound.cell.workspace_id,)))
    sound.world.platform.journal.clear()

    await looking(sound, told)()

    assert (told.told, sound.world.changing_calls()) == ([], [])


_SET = {("app-1", Level.ACCOUNT, "7"): ModeSetting(Mode.ENFORCE, "", "ada", 0.0, 100.0)}
_SAID = ConfiguredModes(Mode.OBSERVE, {}, {("app-1", "w-1"): Mode.ENFORCE})


@pytest.mark.parametrize(
    ("workspace", "settings", "configured", "now", "acts"),
    [
        ("w-1", {}, _SAID, 0.0, True),
        ("w-2", {}, _SAID, 0.0, False),
        (None, {}, _SAID, 0.0, True),
        (None, {}, ConfiguredModes(), 0.0, False),
        (None, _SET, ConfiguredModes(), 0.0, True),
        (None, _SET, ConfiguredModes(), 100.0, False),
        ("w-1", _SET, ConfiguredModes(), 0.0, False),
        ("w-1", {}, ConfiguredModes(Mode.ENFORCE), 0.0, True),
    ],
)
def test_whether_breaker_acts_in_a_workspace(
    workspace: str | None,
    settings: dict[tuple[str, Level, str], ModeSetting],
    configured: ConfiguredModes,
    now: float,
    acts: bool,
) -> None:
    assert acts_in("app-1", workspace, settings, configured, now) is acts
