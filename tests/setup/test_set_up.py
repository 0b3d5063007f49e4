"""Setting up an application: planned, made once, found again, refused where a person has to decide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import Made, block_rule_content, limit_rule_content
from breaker.flows.fixtures import Names
from breaker.flows.set_up_plan import TRIGGERS, SetUpRefusedError, StepKind
from breaker.ports import InventoryItem, Rule, TryAgainError
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import FREE, ListEnvelope, SimulationOptions
from tests.guarded import NAMES
from tests.setup.conftest import Place, done
from tests.setup.test_tear_down import stopped_account
from tests.simulated import APPLICATION, simulated

if TYPE_CHECKING:
    from tests.guarded import Guarded

OTHER = Names("installation-2")


async def test_everything_is_planned_first_and_nothing_is_changed_by_that(place: Place) -> None:
    sales = place.world.application.add_workspace("Sales")
    sales.rule_ids = [(await place.world.client.create_rule("theirs", block_rule_content("x"))).id]
    place.world.platform.journal.clear()

    planned = await place.set_up().plan()

    assert [step.sentence for step in planned.steps] == [
        f"make the list {NAMES.block_list!r} for the addresses of stopped accounts",
        f"make the outbound rule {NAMES.block_rule!r}, which refuses what the listed accounts send",
        f"make the list {NAMES.limit_list!r} for the addresses of limited accounts",
        f"make the outbound rule {NAMES.limit_rule!r}, which refuses what the listed accounts send and is no reply",
        "attach the rules to the workspace 'Default workspace'",
        "attach the rules to the workspace 'Sales', beside the 1 that it has",
        f"make a webhook that posts to {place.receiver.url}",
    ]
    assert place.world.changing_calls() == []
    assert await place.inventory() == []


async def test_what_is_needed_is_made_and_remembered_and_the_secret_kept(place: Place) -> None:
    sales = place.world.application.add_workspace("Sales")
    theirs = await place.world.client.create_rule("theirs", block_rule_content("x"))
    sales.rule_ids = [theirs.id]

    await done(place.set_up())

    made, limited = await place.world.client.lists()
    rule, limit = [one for one in await place.world.client.rules() if one.id != theirs.id]
    (webhook,) = await place.world.client.webhooks()
    default = place.world.application.workspaces.default
    assert [(one.name, one.type) for one in (made, limited)] == [
        (NAMES.block_list, "address"),
        (NAMES.limit_list, "address"),
    ]
    assert rule == Rule(rule.id, NAMES.block_rule, block_rule_content(made.id))
    assert limit == Rule(limit.id, NAMES.limit_rule, limit_rule_content(limited.id))
    assert (default.rule_ids, sales.rule_ids) == ([rule.id, limit.id], [theirs.id, rule.id, limit.id])
    assert (webhook.url, webhook.triggers, webhook.status) == (place.receiver.url, TRIGGERS, "active")
    assert place.secrets == [next(iter(place.world.application.destinations)).secret]
    assert sorted(await place.inventory()) == sorted(
        [
            ("list", made.id),
            ("rule", rule.id),
            ("limit_list", limited.id),
            ("limit_rule", limit.id),
            ("attachment", default.workspace_id),
            ("attachment", sales.workspace_id),
            ("webhook", webhook.id),
        ]
    )


async def test_a_second_run_has_nothing_to_do(place: Place) -> None:
    await done(place.set_up())
    place.world.platform.journal.clear()

    assert await done(place.set_up()) == []
    assert place.world.changing_calls() == []


async def test_an_empty_database_remembers_what_is_there_and_makes_nothing(place: Place) -> None:
    await done(place.set_up())
    before = sorted(await place.inventory())
    await place.store.pool.execute("DELETE FROM inventory")
    place.world.platform.journal.clear()

    planned = await place.set_up().plan()
    await done(place.set_up())

    assert {step.kind for step in planned.steps} == {StepKind.REMEMBER}
    assert place.world.changing_calls() == []
    assert sorted(await place.inventory()) == before


@pytest.mark.parametrize("survived", range(1, 10))
async def test_a_run_that_broke_off_is_gone_on_with(place: Place, survived: int) -> None:
    for name in ("Sales", "Support"):
        place.world.application.add_workspace(name)
    flow = place.set_up()
    steps = flow.carry_out(await flow.plan())
    for _ in range(survived - 1):
        await anext(steps, None)
    place.world.fault(FaultKind.STATUS, status=503, times=1, executes=True)
    with pytest.raises((TryAgainError, StopAsyncIteration)):
        await anext(steps)

    place.world.platform.faults.clear()
    await done(place.set_up())

    assert len(await place.world.client.lists()) == len(await place.world.client.rules()) == 2
    assert len(await place.world.client.webhooks()) == 1
    assert all(len(one.rule_ids) == 2 for one in await place.world.client.workspaces())
    assert place.secrets[-1] == next(iter(place.world.application.destinations)).secret
    assert await done(place.set_up()) == []


async def test_a_secret_that_is_not_known_here_is_rotated_and_that_is_said(place: Place) -> None:
    await done(place.set_up())
    place.secrets.clear()

    assert await done(place.set_up()) == [
        "rotate the webhook's secret, since it is not known here; the old one is dead at once"
    ]
    assert place.secrets == [next(iter(place.world.application.destinations)).secret]


async def test_what_was_changed_by_hand_is_mended(place: Place) -> None:
    await done(place.set_up())
    rule, limit = await place.rule(), await place.rule(Made.LIMIT_RULE)
    (webhook,) = place.world.application.destinations
    default = place.world.application.workspaces.default
    await place.world.client.change_rule(replace(rule, content=replace(rule.content, enabled=False)))
    await place.world.client.change_rule(
        replace(limit, content=replace(limit.content, conditions=rule.content.conditions))
    )
    await place.world.client.detach_rules(default.workspace_id, [rule.id])
    webhook.trigger_types = ["message.bounced"]
    webhook.status = "failed"

    planned = await place.set_up().plan()
    await done(place.set_up())

    assert [step.kind for step in planned.steps] == [
        StepKind.MEND_RULE,
        StepKind.MEND_RULE,
        StepKind.ATTACH,
        StepKind.CHANGE_WEBHOOK,
    ]
    assert await place.world.client.rules() == [rule, limit]
    assert default.rule_ids == [limit.id, rule.id]
    assert (frozenset(webhook.trigger_types), webhook.status) == (TRIGGERS, "active")
    assert await done(place.set_up()) == []


async def test_what_was_deleted_by_hand_is_forgotten_and_made_anew(place: Place) -> None:
    await done(place.set_up())
    rules = [await place.rule(), await place.rule(Made.LIMIT_RULE)]
    lists = [await place.list_id(), await place.list_id(Made.LIMIT_LIST)]
    (webhook,) = await place.world.client.webhooks()
    for one in lists:
        await place.world.client.delete_list(one)
    await place.world.client.delete_webhook(webhook.id)

    await done(place.set_up())

    anew, limited = await place.list_id(), await place.list_id(Made.LIMIT_LIST)
    assert await place.world.client.rules() == [
        replace(rules[0], content=block_rule_content(anew)),
        replace(rules[1], content=limit_rule_content(limited)),
    ]
    assert len(await place.world.client.webhooks()) == 1
    assert {number for _, number in await place.inventory()}.isdisjoint(lists)
    assert await done(place.set_up()) == []


async def test_an_older_installation_is_given_what_limits_and_keeps_what_stops(place: Place) -> None:
    sales = place.world.application.add_workspace("Sales")
    await done(place.set_up(actuators={Actuator.BLOCK, Actuator.QUARANTINE}))
    await place.store.inventory.add(  # as the first version remembered it
        APPLICATION, InventoryItem("attachment", sales.workspace_id, {"name": "Sales", "rule": sales.rule_ids[0]}, 0.0)
    )
    await stopped_account(place, "a@x.example", sales.workspace_id)
    stopping = [list(one.rule_ids) for one in place.world.application.workspaces]

    sentences = await done(place.set_up())

    limit = (await place.rule(Made.LIMIT_RULE)).id
    copy = NAMES.quarantine(sales.workspace_id)
    assert sentences == [
        f"make the list {NAMES.limit_list!r} for the addresses of limited accounts",
        f"make the outbound rule {NAMES.limit_rule!r}, which refuses what the listed accounts send and is no reply",
        *(
            f"attach the rule {NAMES.limit_rule!r} to the workspace {name!r}, beside the 1 that it has"
            for name in ("Default workspace", "Sales", copy)
        ),
    ]
    assert [one.rule_ids for one in place.world.application.workspaces] == [[*one, limit] for one in stopping]
    assert await done(place.set_up()) == []


async def test_without_the_actuator_nothing_that_limits_is_made(place: Place) -> None:
    await done(place.set_up(actuators={Actuator.BLOCK}))

    assert [one.name for one in await place.world.client.lists()] == [NAMES.block_list]
    assert [one.name for one in await place.world.client.rules()] == [NAMES.block_rule]


async def test_with_room_for_one_rule_only_the_one_that_stops_is_kept_and_the_other_refused(store: Guarded) -> None:
    async with simulated(SimulationOptions(plan=FREE)) as world:
        for number in range(FREE.rules - 1):
            await world.client.create_rule(f"Rule {number}", block_rule_content("x"))
        place = Place(world, store, None)  # type: ignore[arg-type] # it ends before the webhook
        flow = place.set_up(url="https://breaker.example/webhooks/nylas")
        planned = await flow.plan()

        with pytest.raises(SetUpRefusedError, match=r"has 5, and plans allow 5 or 30.*leave `limit` out"):
            assert [step async for step in flow.carry_out(planned)]

        assert planned.notes == (
            "there are 4 rules already, 2 more are needed, and plans allow 5 or 30: there may be no room",
        )
        assert [kind for kind, _ in await place.inventory()] == ["list", "rule"]
        assert [one.name for one in await world.client.lists()] == [NAMES.block_list]


async def test_another_installation_s_things_are_refused_unless_taken_over(place: Place) -> None:
    await done(place.set_up(names=OTHER))
    await place.store.pool.execute("DELETE FROM inventory")
    theirs = await place.world.client.lists()
    with pytest.raises(SetUpRefusedError, match="installation-2"):
        await place.set_up().plan()

    await done(place.set_up(take_over=True))

    assert await place.world.client.lists() == [
        replace(theirs[0], name=NAMES.block_list),
        replace(theirs[1], name=NAMES.limit_list),
    ]
    assert [one.name for one in await place.world.client.rules()] == [NAMES.block_rule, NAMES.limit_rule]
    assert [one.description for one in await place.world.client.webhooks()] == [NAMES.webhook]
    assert await done(place.set_up()) == []


async def test_two_installations_in_one_application_are_not_taken_for_one(place: Place) -> None:
    await done(place.set_up())
    await place.world.client.create_list(OTHER.block_list, "address")

    with pytest.raises(SetUpRefusedError, match="both have a list"):
        await place.set_up(take_over=True).plan()


@pytest.mark.parametrize("what", ["list", "rule"])
async def test_no_room_is_refused_with_the_count_and_nothing_is_left_half_made(store: Guarded, what: str) -> None:
    async with simulated(SimulationOptions(plan=FREE)) as world:
        for number in range(FREE.lists if what == "list" else FREE.rules):
            if what == "list":
                await world.client.create_list(f"List {number}", "address")
            else:
                await world.client.create_rule(f"Rule {number}", block_rule_content("x"))
        lists = await world.client.lists()
        place = Place(world, store, None)  # type: ignore[arg-type] # it ends before the webhook
        flow = place.set_up(url="https://breaker.example/webhooks/nylas")
        planned = await flow.plan()

        with pytest.raises(SetUpRefusedError, match=f"has {5 if what == 'rule' else 10}, and plans allow"):
            assert [step async for step in flow.carry_out(planned)]

        assert "there may be no room" in planned.notes[0]
        assert await world.client.lists() == lists
        assert await place.inventory() == []


async def test_a_webhook_that_the_platform_cannot_reach_is_refused_with_what_to_look_at(place: Place) -> None:
    flow = place.set_up(url=f"{place.receiver.url}/elsewhere")

    with pytest.raises(SetUpRefusedError, match="`breaker serve` has to run"):
        assert [step async for step in flow.carry_out(await flow.plan())]

    assert len(await place.world.client.rules()) == 2


async def test_without_a_public_address_and_without_a_secret_it_is_refused(place: Place) -> None:
    with pytest.raises(SetUpRefusedError, match="BREAKER_PUBLIC_URL"):
        await place.set_up(url=None).plan()


async def test_a_secret_that_cannot_be_kept_is_said_and_another_run_mends_it(place: Place) -> None:
    def refuse(_secret: str) -> None:
        raise OSError(30, "Read-only file system")

    flow = replace(place.set_up(), keep_secret=refuse)
    with pytest.raises(SetUpRefusedError, match="BREAKER_SECRETS_DIR"):
        assert [step async for step in flow.carry_out(await flow.plan())]

    await done(place.set_up())

    assert place.secrets == [next(iter(place.world.application.destinations)).secret]


async def test_somebody_else_s_webhook_to_the_same_address_is_mentioned(place: Place) -> None:
    await place.world.client.create_webhook(place.receiver.url, ["message.bounced"], "by hand")

    planned = await place.set_up().plan()

    assert any("another webhook" in note for note in planned.notes)


async def test_the_nested_envelope_of_rules_changes_nothing(store: Guarded, place: Place) -> None:
    async with simulated(SimulationOptions(rules_envelope=ListEnvelope.NESTED)) as world:
        nested = Place(world, store, place.receiver)
        await done(nested.set_up())

        assert await done(nested.set_up()) == []
