from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import ActKind
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import Cause
from breaker.domain.probes.probing import Step
from breaker.flows.designs import Made
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import RuleScope
from tests.counting.daemons import SIMPLE
from tests.probing.sending_domain import DAY, DOMAIN, HOUR, SentDomain, address, sending_domain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STOP = ("sending", "stopped", "domain")
OPENED, ROUND = ("stopped", "probing", "probe"), ("probing", "probing", "probe")
ACCEPTED, FAILED = ("probing", "sending", "probe"), ("probing", "stopped", "probe")


@pytest.fixture
async def domain(database_url: str) -> AsyncIterator[SentDomain]:
    async with sending_domain(database_url) as one:
        yield one


async def test_a_domain_of_eighty_accounts_is_one_stop_one_probe_and_all_are_back(database_url: str) -> None:
    async with sending_domain(database_url, 80) as domain:
        await domain.stop()
        assert await domain.listed(Made.DOMAIN_LIST) == {DOMAIN.name}
        prober = domain.prober()
        await domain.cool_down(prober)
        domain.broken = False

        whose = [await domain.round(prober) for _ in range(3)]
        assert domain.free() == []
        await prober()
        await domain.obey()

        assert whose == [1, 1, 1]
        assert domain.free() == list(range(1, 81))
        assert (await domain.listed(Made.LIST), await domain.listed(Made.DOMAIN_LIST)) == (set(), set())
        assert await domain.trail() == [STOP, OPENED, *[ROUND] * 5, ACCEPTED]
        assert await domain.of_accounts() == []
        assert [one.step for one in domain.steps] == [Step.OPEN, Step.CLOSE] * 3 + [Step.ACCEPT]
        row = await domain.row()
        assert (row["state"], row["permitted"], row["confirmed"]) == ("sending", None, "sending")
        assert (await domain.probe(), await domain.stand_ins()) == (None, set())
        changes = [path for _, path in domain.simulated.changing_calls() if path.endswith("/items")]
        assert len(changes) <= 3 + 3 * 3


async def test_in_a_round_one_account_sends_and_all_others_stand_in_for_their_domain(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)

    number = await domain.open(prober)

    assert number == 1
    assert await domain.listed(Made.LIST) == {address(other) for other in range(2, 7)}
    assert await domain.listed(Made.DOMAIN_LIST) == set()
    assert await domain.sweep() == ()
    [opened] = domain.steps
    assert opened.account == address(1)
    assert opened.verdict.why == (
        "The cool-down of 6 h is over. Round 1 is opened: agent-1@agents.example alone may send until 10 sends are "
        "known. A healthy domain needs some 34 more, 34 days at its pace of 1 a day."
    )
    assert opened.verdict.cause == "authentication 5.7.26"


@pytest.mark.parametrize("scope", list(RuleScope))
async def test_it_holds_in_either_reading_of_where_rules_apply(database_url: str, scope: RuleScope) -> None:
    async with sending_domain(database_url, scope=scope) as domain:
        await domain.stop()
        prober = domain.prober()
        await domain.cool_down(prober)
        domain.broken = False

        assert await domain.open(prober) == 1
        await domain.accept_from_here(prober)


async def test_a_domain_that_is_still_refused_is_stopped_within_the_round_and_cools_down_for_longer(
    domain: SentDomain,
) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    number = await domain.open(prober)

    await domain.send(number, 2)
    await prober()
    await domain.obey()

    assert (await domain.state(), domain.free()) == ("stopped", [])
    assert await domain.trail() == [STOP, OPENED, FAILED]
    assert domain.steps[-1].verdict.why == (
        "The probe failed: 2 of 2 sends were refused for authentication or a blocklist, which 20 % explain far better "
        "than 1 %. It is stopped; the cool-down is 12 h now."
    )
    assert (await domain.listed(Made.LIST), await domain.listed(Made.DOMAIN_LIST)) == (set(), {DOMAIN.name})
    assert await domain.stand_ins() == set()
    assert (await domain.row())["confirmed"] == "stopped"
    assert await domain.of_accounts() == []

    domain.broken = False
    domain.later(12 * HOUR - 1)
    await prober()
    assert await domain.state() == "stopped"
    domain.later(1)
    await domain.accept(prober)


async def test_bounces_of_other_kinds_say_nothing_of_the_domain(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    number = await domain.open(prober)

    await domain.send(number, 12, unknown=12)
    await prober()

    probe = await domain.probe()
    assert probe is not None
    assert (probe["phase"], probe["seen_sends"], probe["seen_bad"]) == ("open", 0, 0)


async def test_a_second_stop_within_a_week_asks_a_person_who_may_have_it_probed(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await domain.accept(prober)
    await domain.stop()
    await domain.cool_down(prober, hours=30 * 24)
    await prober()

    probe = await domain.probe()
    assert probe is not None
    assert (probe["phase"], probe["asks"]) == (
        "asking",
        "it was stopped 2 times within 7 days: is the cause removed?",
    )

    domain.broken = False
    await domain.act(ActKind.PROBE)
    await domain.obey()
    await prober()
    await domain.accept(prober)


async def test_a_person_may_have_it_probed_before_it_has_cooled_down(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await prober()
    domain.broken = False

    await domain.act(ActKind.PROBE)
    await domain.obey()
    await prober()
    await domain.accept(prober)

    assert (await domain.trail())[1] == ("stopped", "probing", "operator")


@pytest.mark.parametrize("obeyed", [False, True])
async def test_a_persons_reset_cuts_the_probe_short_and_lets_all_go(domain: SentDomain, *, obeyed: bool) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await prober()
    if obeyed:
        await domain.obey()
        await prober()

    await domain.act(ActKind.RESET)
    await domain.obey()
    await prober()

    assert (await domain.state(), domain.free()) == ("sending", [1, 2, 3, 4, 5, 6])
    assert (await domain.listed(Made.LIST), await domain.listed(Made.DOMAIN_LIST)) == (set(), set())
    assert (await domain.probe(), await domain.stand_ins()) == (None, set())
    assert (await domain.row())["confirmed"] == "sending"


async def test_a_persons_stop_in_a_round_stops_all_and_asks_before_another_probe(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.open(prober)

    await domain.act(ActKind.TRIP)
    await domain.obey()
    await prober()

    assert (await domain.state(), domain.free(), await domain.stand_ins()) == ("stopped", [], set())
    probe = await domain.probe()
    assert probe is not None
    assert (probe["phase"], probe["asks"]) == ("asking", "ada stopped it: may it be probed?")


async def test_who_is_stopped_by_itself_stays_so_when_its_domain_is_back(domain: SentDomain) -> None:
    await domain.act_on(3, Cause.TRIPPED)
    await domain.obey()
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await domain.open(prober)
    await domain.act_on(4, Cause.TRIPPED)
    await domain.obey()

    await domain.accept_from_here(prober, free=[1, 2, 5, 6])

    assert await domain.listed(Made.LIST) == {address(3), address(4)}
    assert await domain.stand_ins() == set()
    for number in (3, 4):
        await domain.act_on(number, Cause.RESET)
    await domain.obey()
    assert domain.free() == [1, 2, 3, 4, 5, 6]


async def test_a_reset_of_an_account_that_stands_in_does_not_let_it_go(domain: SentDomain) -> None:
    await domain.act_on(3, Cause.TRIPPED)
    await domain.obey()
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await domain.open(prober)

    for number in (2, 3):
        await domain.act_on(number, Cause.RESET)
    await domain.obey()

    assert domain.free() == [1]
    await domain.accept_from_here(prober)


async def test_one_that_is_stopped_by_itself_in_a_round_is_followed_by_another(database_url: str) -> None:
    async with sending_domain(database_url, profile=SIMPLE) as domain:
        await domain.stop()
        prober = domain.prober()
        await domain.cool_down(prober)
        domain.broken = False
        assert await domain.open(prober) == 1
        await domain.send(1, 9)
        await domain.send(1, 12, unknown=12)
        assert await domain.of_accounts() == [("sending", "stopped")]
        await domain.obey()
        await prober()
        await domain.obey()
        assert domain.free() == []
        await prober()
        domain.later(domain.rules.settle)

        assert await domain.open(prober) == 2
        assert await domain.listed(Made.LIST) == {address(number) for number in (1, 3, 4, 5, 6)}
        await domain.send(2, 10)
        await prober()
        await domain.obey()
        await prober()
        domain.later(domain.rules.settle)
        assert await domain.round(prober) == 2
        await prober()
        await domain.obey()

        assert (await domain.state(), domain.free()) == ("sending", [2, 3, 4, 5, 6])
        assert await domain.listed(Made.LIST) == {address(1)}


async def test_an_account_that_is_new_in_a_round_closes_it_and_is_held_in_the_next(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await domain.open(prober)

    await domain.join(7)
    assert domain.free() == [1, 7]
    await prober()
    await domain.obey()

    assert domain.free() == []
    assert "Nothing on the platform holds 1 of its other accounts" in domain.steps[-1].verdict.why
    await prober()
    domain.later(domain.rules.settle)
    assert await domain.open(prober) == 1
    assert address(7) in await domain.listed(Made.LIST)


@pytest.mark.parametrize("kind", ["observed", "blind", "switched off"])
async def test_whatever_keeps_breaker_from_acting_closes_the_round(domain: SentDomain, kind: str) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.open(prober)

    if kind == "observed":
        domain.modes[address(5)] = Mode.OBSERVE
    elif kind == "blind":
        domain.doubts.blind = True
    else:
        prober.enabled = lambda: False
    await prober()
    await domain.obey()
    domain.later(DAY)
    await prober()

    assert (await domain.state(), domain.free()) == ("probing", [])
    assert [one.step for one in domain.steps] == [Step.OPEN, Step.CLOSE]


async def test_no_domain_is_probed_while_one_of_its_accounts_is_only_observed(domain: SentDomain) -> None:
    await domain.stop()
    domain.modes[address(5)] = Mode.OBSERVE
    prober = domain.prober()
    await domain.cool_down(prober)
    await prober()

    assert (await domain.state(), domain.steps) == ("stopped", [])


async def test_nothing_ends_well_while_no_bounces_at_all_are_heard_of(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    domain.doubts.quiet = True
    for _ in range(3):
        await domain.round(prober)
    await prober()
    assert await domain.state() == "probing"

    domain.doubts.quiet = False
    await prober()
    await domain.obey()
    assert domain.free() == [1, 2, 3, 4, 5, 6]


async def test_whoever_takes_over_closes_the_round_that_a_dead_daemon_left_open(domain: SentDomain) -> None:
    await domain.stop()
    dead = domain.prober()
    await domain.cool_down(dead)
    assert await domain.open(dead) == 1

    await domain.prober("daemon-2", lease="another")()
    await domain.obey()

    assert (await domain.state(), domain.free()) == ("probing", [])
    assert "Nobody watched it for a while." in domain.steps[-1].verdict.why


async def test_a_daemon_that_leaves_closes_its_rounds(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.open(prober)

    assert await prober.leave() == 1
    await domain.obey()

    assert domain.free() == []


async def test_a_lost_list_of_stopped_accounts_closes_the_round_before_anybody_is_let_go(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.daemon.pool.execute("DELETE FROM inventory WHERE kind = 'list'")
    await prober()

    assert (await domain.state(), domain.free()) == ("stopped", [])


async def test_a_round_is_closed_where_somebody_takes_an_address_out_of_the_list(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.open(prober)
    assert await domain.watch_stand_ins() == 0
    await domain.simulated.client.remove_values(domain.lists[Made.LIST], [address(4)])
    assert domain.free() == [1, 4]

    domain.later(300)
    assert await domain.watch_stand_ins() == 1
    await prober()
    await domain.obey()
    assert domain.free() == []

    await prober()
    domain.later(domain.rules.settle)
    domain.broken = False
    assert await domain.open(prober) == 1


@pytest.mark.parametrize("executes", [False, True])
@pytest.mark.parametrize(("method", "made"), [("POST", Made.LIST), ("GET", Made.LIST), ("DELETE", Made.DOMAIN_LIST)])
async def test_a_request_that_fails_while_a_round_is_opened_lets_nobody_go_but_its_account(
    domain: SentDomain, method: str, made: Made, *, executes: bool
) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await prober()

    path = f"/v3/lists/{domain.lists[made]}/items"
    fault = domain.simulated.fault(FaultKind.STATUS, status=500, method=method, path=path, executes=executes)
    await domain.sender.once()
    await prober()
    assert set(domain.free()) <= {1}
    assert (await domain.row())["confirmed"] is None
    domain.simulated.platform.faults.remove(fault.id)
    await domain.daemon.pool.execute("UPDATE commands SET next_attempt_at = 0 WHERE ended_at IS NULL")

    await domain.accept(prober)


async def test_an_account_is_not_probed_for_itself_while_its_domain_is(domain: SentDomain) -> None:
    await domain.act_on(3, Cause.TRIPPED)
    await domain.obey()
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    await domain.open(prober)

    [due] = await domain.accounts_due()
    assert (due.account.address, due.domain_stopped) == (address(3), True)
