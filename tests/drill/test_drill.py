"""A drill in one process: what it does to its canary, what it finds, and that it never leaves it stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.drills import PostgresDrills
from breaker.domain.circuits.states import Cause, Wanted
from breaker.domain.drill import DrillOutcome, RuleScope, Step
from breaker.domain.outcomes.outcomes import Counting, OutcomeKind, OutcomeSet
from breaker.domain.windows.counters import Counters
from breaker.flows.drill import DrillTakenOverError, DrillUnderWayError
from breaker.flows.lease import Lease
from breaker.flows.tear_down import TearDown
from breaker.ports import Condition, Heard, PlatformError, RuleContent, StoreUnavailableError
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import RuleScope as SimulatedScope
from tests.drill.rehearsal import ADDRESS, QUICK, RECIPIENT, rehearsal
from tests.guarded import NAMES, SIZES
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.adapters.postgres.drills.records import PostgresLockedDrills
    from breaker.domain.drill import Drill
    from tests.drill.rehearsal import Rehearsal

SOUND = [(step, True) for step in (Step.CANARY, Step.STOP, Step.REFUSED, Step.RESET, Step.ACCEPTED)]


def steps(drill: Drill) -> list[tuple[Step, bool | None]]:
    return [(one.step, one.passed) for one in drill.steps]


async def test_a_drill_takes_its_canary_through_stop_refusal_reset_and_sending(range_: Rehearsal) -> None:
    drill = await range_.drill()

    assert (drill.outcome, drill.failed_at, steps(drill)) == (DrillOutcome.PASSED, None, SOUND)
    assert [one.says for one in drill.steps] == [
        "It is free, and may be stopped.",
        "The platform was read back: stopped.",
        ("Refused with 403: message blocked by an outbound rule. The platform's receipt names Breaker's rule."),
        "The platform was read back: sending.",
        "Accepted with 200.",
    ]
    assert range_.sends() == [403, 200]
    assert (range_.blocked(), await range_.standing()) == ([], ("sending", "sending"))
    assert range_.told == list(drill.steps)
    assert all(0.0 <= one.seconds < 30.0 for one in drill.steps)
    assert await range_.trail() == [
        ("sending", "stopped", "drill", "Stopped by drill 1, for a minute: ada"),
        ("stopped", "sending", "drill", "Let go by drill 1: it is over"),
    ]
    assert await range_.drills.latest(APPLICATION) == drill
    assert await range_.drills.unfinished(APPLICATION) == []


async def test_neither_the_recipient_nor_the_canary_s_mail_is_kept(range_: Rehearsal) -> None:
    await range_.drill()

    assert RECIPIENT not in str(await range_.rows())


async def test_what_was_counted_of_the_canary_stays_as_it_was(range_: Rehearsal) -> None:
    counters = Counters(SIZES)
    for second in range(50):
        counters.record(second, 0, int(OutcomeSet.DELIVERED), Counting())
    await range_.store.pool.execute("UPDATE circuits SET counters = $1", counters.to_bytes())

    await range_.drill()

    assert await range_.store.pool.fetchval("SELECT counters FROM circuits") == counters.to_bytes()


async def test_a_rule_that_was_detached_is_found_where_the_stopped_canary_sends(range_: Rehearsal) -> None:
    for workspace in range_.world.application.workspaces:
        workspace.rule_ids = []

    drill = await range_.drill()

    assert (drill.outcome, drill.failed_at) == (DrillOutcome.FAILED, Step.REFUSED)
    assert drill.says == "The stopped canary sent mail, 5 of 5 times: Breaker's rule does not hold."
    assert steps(drill)[-1] == (Step.RESET, True)
    assert (range_.blocked(), await range_.standing()) == ([], ("sending", "sending"))
    assert (await range_.rows())[0]["failed_at"] == "refused"


async def test_a_refusal_by_somebody_else_s_rule_says_nothing_of_ours(range_: Rehearsal) -> None:
    client = range_.world.client
    content = RuleContent("outbound", (Condition("from.domain", "is", ("x.example",)),), ("block",), priority=0)
    theirs = await client.create_rule("theirs", content)
    for workspace in await client.workspaces():
        await client.detach_rules(workspace.id, workspace.rule_ids)
        await client.attach_rules(workspace.id, [theirs.id])

    drill = await range_.drill()

    assert drill.failed_at is Step.REFUSED
    assert drill.says == f"Refused by another rule ({theirs.id}), which says nothing of Breaker's."
    assert await range_.standing() == ("sending", "sending")


async def test_a_restriction_is_not_taken_for_the_rule(range_: Rehearsal) -> None:
    range_.world.application.standing.restrictions = {("grant", range_.grant.id)}

    drill = await range_.drill()

    assert drill.failed_at is Step.REFUSED
    assert drill.says.startswith("Refused, but not by a rule (403: send blocked by abuse restriction)")


async def test_a_revoked_key_is_found_at_the_stop_and_the_reset_is_ordered_all_the_same(range_: Rehearsal) -> None:
    range_.world.fault(FaultKind.STATUS, status=401)

    drill = await range_.drill(replace(QUICK, read_back=0.6))

    assert (drill.outcome, drill.failed_at) == (DrillOutcome.FAILED, Step.STOP)
    assert "401" in drill.says
    assert steps(drill) == [(Step.CANARY, True), (Step.STOP, False), (Step.RESET, False)]
    assert await range_.standing() == ("sending", None)
    assert await range_.drills.unfinished(APPLICATION) == []


async def test_a_stop_that_nobody_carries_out_is_found(range_: Rehearsal) -> None:
    await range_.stop_senders()

    drill = await range_.drill(replace(QUICK, read_back=0.3))

    assert drill.failed_at is Step.STOP
    assert drill.says == ("Not read back within 0.3 s: nothing was answered, or no `breaker serve` carries orders out.")
    assert range_.sends() == []
    range_.start_sender()
    await range_.store.make_due()
    await range_.conductor().canary.read_back(range_.number, Wanted.SENDING, 20.0)
    assert (range_.blocked(), await range_.standing()) == ([], ("sending", "sending"))


async def test_nothing_is_done_where_nothing_was_set_up(range_: Rehearsal) -> None:
    for item in await range_.store.inventory.items(APPLICATION):
        await range_.store.inventory.remove(APPLICATION, item.kind, item.platform_id)

    drill = await range_.drill()

    assert (drill.failed_at, steps(drill)) == (Step.CANARY, [(Step.CANARY, False)])
    assert drill.says == "Breaker's list and rule are not set up on the platform: run `breaker setup`."
    assert await range_.trail() == []


async def test_a_canary_that_somebody_stopped_is_left_alone(range_: Rehearsal) -> None:
    await range_.store.act(range_.number, Cause.TRIPPED, range_.actuators)
    await range_.store.confirmations.get()

    drill = await range_.drill()

    assert drill.failed_at is Step.CANARY
    assert drill.says.startswith("It is stopped, and a drill would undo that")
    assert (range_.blocked(), await range_.standing()) == ([ADDRESS], ("stopped", "stopped"))


async def test_what_somebody_else_wants_meanwhile_stands(range_: Rehearsal) -> None:
    conductor = range_.conductor()
    problem, epoch = await conductor.canary.stop(1, range_.number, "ada")
    await range_.store.act(range_.number, Cause.RESET, range_.actuators)
    await range_.store.act(range_.number, Cause.TRIPPED, range_.actuators)

    freed = await conductor.canary.let_go(1, range_.number, epoch, "it is over")

    assert (problem, freed) == (None, False)
    assert (await range_.standing())[0] == "stopped"


async def test_two_processes_do_not_drill_at_the_same_time(range_: Rehearsal) -> None:
    other = range_.conductor("another")
    assert await other.lease.ensure()

    with pytest.raises(DrillUnderWayError):
        await range_.drill()

    assert await range_.rows() == []


async def test_a_send_that_was_not_answered_is_tried_again(range_: Rehearsal) -> None:
    path = f"/v3/grants/{range_.grant.id}/messages/send"
    range_.world.fault(FaultKind.STATUS, method="POST", path=path, status=503, times=1)
    range_.world.fault(FaultKind.DISCONNECT, method="POST", path=path, times=1)

    drill = await range_.drill()

    assert drill.outcome is DrillOutcome.PASSED
    assert [one for one in range_.sends() if one] == [503, 403, 200]


@pytest.mark.parametrize("scope", list(SimulatedScope))
async def test_either_reading_of_the_scope_of_rules_is_found_out(database_url: str, scope: SimulatedScope) -> None:
    async with rehearsal(database_url, scope=scope) as range_:
        before = range_.rules()

        drill = await range_.drill(scope=True)

        assert (drill.outcome, drill.rule_scope) == (DrillOutcome.PASSED, RuleScope(scope))
        assert range_.sends() == ([403, 200, 403] if scope == "application" else [403, 200, 200, 200])
        assert range_.rules() == before
        assert await range_.standing() == ("sending", "sending")
        assert (await range_.drills.latest(APPLICATION)) == drill
        assert await range_.drills.rule_scope(APPLICATION) == (drill.rule_scope, drill.begun_at)


async def test_where_there_is_no_room_for_a_rule_the_scope_stays_unknown_and_nothing_is_wrong(
    range_: Rehearsal,
) -> None:
    range_.world.fault(FaultKind.STATUS, method="POST", path="/v3/rules", status=400)

    drill = await range_.drill(scope=True)

    assert (drill.outcome, drill.rule_scope) == (DrillOutcome.PASSED, None)
    assert steps(drill)[-1] == (Step.SCOPE, None)
    assert drill.steps[-1].says.startswith("It can't be told where rules hold: POST /v3/rules was answered 400")


async def test_the_webhook_has_to_tell_of_the_accepted_send(range_: Rehearsal) -> None:
    limits = replace(QUICK, event=20.0)
    drilling = asyncio.create_task(range_.drill(limits))
    await range_.over(Step.ACCEPTED)
    message = await range_.store.pool.fetchval("SELECT message_id FROM drills")
    now = range_.store.clock.now()
    heard = [
        await range_.drills.hear(APPLICATION, "another's", Heard(OutcomeKind.DELIVERED, now)),
        await range_.drills.hear(APPLICATION, message, Heard(OutcomeKind.DELIVERED, now)),
    ]

    drill = await drilling

    assert (heard, drill.outcome) == ([False, True], DrillOutcome.PASSED)
    assert drill.steps[-1].says == "The webhook told of it: delivered."


async def test_a_webhook_that_tells_nothing_is_a_finding_and_no_failure(range_: Rehearsal) -> None:
    drill = await range_.drill(replace(QUICK, event=0.1))

    assert (drill.outcome, drill.failed_at) == (DrillOutcome.FOUND, Step.EVENT)
    assert drill.says == "Nothing was heard of the accepted send within 0.1 s."


class KilledError(BaseException):
    """The process is gone."""


class Dying(PostgresDrills):
    """The drills of a process that dies at the beginning of a step, after which it does nothing any more."""

    def __init__(self, range_: Rehearsal, step: Step) -> None:
        super().__init__(range_.store.pool, SIZES)
        self._dies_at = step
        self._dead = False

    async def at_step(self, number: int, step: Step) -> None:
        await super().at_step(number, step)
        if step is self._dies_at:
            self._dead = True
            raise KilledError

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLockedDrills]:
        if self._dead:
            raise StoreUnavailableError("it is dead")
        async with super().transaction() as locked:
            yield locked


async def killed_at(range_: Rehearsal, step: Step) -> None:
    """Let a process die at the beginning of a step."""
    account = await range_.store.account(range_.number)
    with pytest.raises(KilledError):
        await range_.conductor("dead", Dying(range_, step))(
            account, RECIPIENT, QUICK, by="ada", nightly=False, scope=True
        )


@pytest.mark.parametrize("step", [Step.STOP, Step.REFUSED, Step.RESET, Step.ACCEPTED, Step.SCOPE])
async def test_what_a_dead_process_left_is_taken_back_by_the_next(range_: Rehearsal, step: Step) -> None:
    await killed_at(range_, step)
    stopped = step in {Step.STOP, Step.REFUSED, Step.RESET}
    assert (await range_.standing())[0] == ("stopped" if stopped else "sending")

    [recovered] = await range_.conductor("next").recover()

    assert (recovered.outcome, recovered.failed_at) == (DrillOutcome.ABANDONED, step)
    await range_.conductor().canary.read_back(range_.number, Wanted.SENDING, 20.0)
    assert (range_.blocked(), await range_.standing()) == ([], ("sending", "sending"))
    assert await range_.drills.unfinished(APPLICATION) == []
    assert (await range_.drill()).outcome is DrillOutcome.PASSED


async def test_a_dead_process_s_rule_is_taken_back_by_the_next(range_: Rehearsal) -> None:
    await killed_at(range_, Step.SCOPE)
    content = RuleContent("outbound", (Condition("from.address", "is", (ADDRESS,)),), ("block",))
    await range_.world.client.create_rule(NAMES.drill_rule, content)
    assert NAMES.drill_rule in range_.rules()

    await range_.conductor("next").recover()

    assert NAMES.drill_rule not in range_.rules()


async def test_a_rule_that_can_t_be_taken_back_yet_is_later(range_: Rehearsal) -> None:
    fault = range_.world.fault(FaultKind.STATUS, method="DELETE", path="/v3/rules", status=500)

    drill = await range_.drill(scope=True)

    assert (drill.outcome, drill.failed_at) == (DrillOutcome.FOUND, Step.SCOPE)
    assert NAMES.drill_rule in range_.rules()
    with pytest.raises(PlatformError):
        await range_.conductor("next").recover()
    range_.world.platform.faults.remove(fault.id)
    await range_.conductor("next").recover()
    assert NAMES.drill_rule not in range_.rules()
    assert await range_.drills.unfinished(APPLICATION) == []
    assert (await range_.rows())[0]["outcome"] == "found"


async def test_a_process_that_stood_still_does_not_go_on_with_what_another_has_ended(range_: Rehearsal) -> None:
    conductor = range_.conductor()
    conductor.lease = Lease(range_.store.leases, f"drill:{APPLICATION}", "still", 0.5)
    conductor.told = lambda _drill, _step: time.sleep(0.6)  # the whole process
    account = await range_.store.account(range_.number)

    with pytest.raises(DrillTakenOverError):
        await conductor(account, RECIPIENT, QUICK, by="ada", nightly=False, scope=False)

    assert range_.sends() == []
    await range_.conductor().recover()
    assert (await range_.standing())[0] == "sending"
    assert [(row["outcome"], row["failed_at"]) for row in await range_.rows()] == [("abandoned", "canary")]


async def test_a_rule_that_a_drill_left_is_taken_back_by_a_teardown_too(range_: Rehearsal) -> None:
    fault = range_.world.fault(FaultKind.STATUS, method="DELETE", path="/v3/rules", status=500)
    await range_.drill(scope=True)
    range_.world.platform.faults.remove(fault.id)
    store = range_.store
    tear_down = TearDown(
        application_id=APPLICATION,
        names=NAMES,
        platform=range_.world.client,
        inventory=store.inventory,
        outbox=store.outbox(),
        adoption=store.adoption,
        clock=store.clock,
    )

    done = [step.sentence async for step in tear_down.carry_out(await tear_down.plan())]

    assert "delete the rule that a drill left behind" in done
    assert range_.rules() == []


async def test_a_drill_that_is_told_to_end_lets_its_canary_go_first(range_: Rehearsal) -> None:
    await range_.stop_senders()
    drilling = asyncio.create_task(range_.drill(replace(QUICK, read_back=60.0)))
    await range_.over(Step.CANARY)
    assert (await range_.standing())[0] == "stopped"

    drilling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drilling

    assert (await range_.standing())[0] == "sending"
    assert [verdict[3] for verdict in await range_.trail()][-1] == "Let go by drill 1: it was broken off"
