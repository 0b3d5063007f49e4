"""Protected accounts where something else asks for a stop than their own bounces: a domain, the platform, a probe."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.app import window_sizes
from breaker.domain.circuits.circuit import Circuit, HeldBy, Mode
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.platform_standing import Example, SendRefusal, Source
from breaker.domain.probes.probe import Evidence, Phase, Probe, ProbeRules
from breaker.domain.probes.probing import Facts, Step, carried_out, decide, verdict_of
from breaker.domain.profiles.protected import May, Protected, ProtectedAccounts, parse_pattern
from breaker.flows.designs import Made
from breaker.flows.note_refusals import NoteRefusals
from breaker.ports import NoHolds, Refused
from tests.counting.daemons import APPLICATION, NOW, OneMode, daemon, event
from tests.fleet import fleet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.judge import Given

CEO = ProtectedAccounts([Protected(parse_pattern("ceo@*"), "Board", May.LIMIT)])
DKIM = "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated."


def refused_for_dkim(*senders: str) -> Sequence[DeliveryEvent]:
    return [
        event(
            OutcomeKind.BOUNCED,
            f"r-{sender}",
            f"r@company-{number % 3}.example",
            grant=f"grant-{sender}",
            sender=f"{sender}@agents.example",
            bounce_class=BounceClass.POLICY,
            diagnostic=DKIM,
        )
        for number, sender in enumerate(senders)
    ]


@pytest.mark.parametrize(
    ("senders", "held_by"),
    [(("ceo", "a", "b", "c", "d"), HeldBy.EXEMPT), (("a", "b", "c", "d", "e"), None)],
)
async def test_a_domain_with_a_protected_account_is_not_stopped_by_itself(
    database_url: str, senders: tuple[str, ...], held_by: HeldBy | None
) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, actuators=(Actuator.BLOCK, Actuator.BLOCK_DOMAIN)) as one:
        await one.pool.execute("INSERT INTO applications (id) VALUES ($1) ON CONFLICT DO NOTHING", APPLICATION)
        await one.pool.execute(
            "INSERT INTO inventory (application, kind, platform_id, made_at) "
            "SELECT application, $1, 'list-3', 0 FROM applications",
            Made.DOMAIN_LIST,
        )
        report = await replace(one.count, protected=lambda: CEO)(refused_for_dkim(*senders), NOW)
        context = json.loads(await one.pool.fetchval("SELECT context FROM verdicts WHERE scope IS NOT NULL"))

    [given] = report.domains
    assert (given.verdict.to, given.verdict.held_by) == (State.STOPPED, held_by)
    if held_by:
        assert given.verdict.why.endswith("Nothing was done: the domain, or an account of it, is exempt or protected.")
        assert [one["owner"] for one in context["protected"]] == ["Board"]
    else:
        assert "protected" not in context


async def test_what_the_platform_paused_is_not_stopped_by_us_where_it_is_protected(
    database_url: str, tmp_path: Path
) -> None:
    given: list[Given] = []

    class Told:
        def send_refused(self, refusal: SendRefusal) -> None: ...

        def decided(self, more: Sequence[Given]) -> None:
            given.extend(more)

    async with fleet(database_url, tmp_path) as known:
        for name in ("ceo", "other"):
            await known.know(f"{name}@agents.example", f"grant-{name}")
        note = NoteRefusals(
            PostgresPlatformStandings(known.pool),
            PostgresCircuits(known.pool, window_sizes(known.settings)),
            OneMode(Mode.ENFORCE),
            NoHolds(),
            lambda _: (Actuator.BLOCK,),
            known.clock,
            Told(),
            protected=lambda: CEO,
        )
        paused = Example(400, "bad", "Sending paused for this account.", known.clock.now())
        await note(
            [
                Refused(None, f"grant-{name}", SendRefusal.PLATFORM_PAUSED, paused, Source.OBSERVATION)
                for name in ("ceo", "other")
            ]
        )
        states = await known.states()

    assert states == {"ceo@agents.example": "sending", "other@agents.example": "stopped"}
    assert [(one.account.id, one.verdict.to, one.verdict.held_by) for one in given] == [
        ("grant-ceo", State.STOPPED, HeldBy.EXEMPT),
        ("grant-other", State.STOPPED, None),
    ]
    assert given[0].verdict.why.endswith("owner Board: automatically, it may only be limited.")


PROBED = Circuit(State.PROBING, 1_000.0, 5, permitted=Wanted.SENDING)
OPEN = Probe(
    Phase.OPEN, State.PROBING, 1_000.0, epoch=5, round=1, opened_at=1_000.0, ordered_at=1_000.0, heard_at=1_000.0
)


@pytest.mark.parametrize(
    ("strictest", "wanted", "said"),
    [
        (State.STOPPED, Wanted.STOPPED, "It is stopped; the cool-down is 12 h now."),
        (State.LIMITED, Wanted.LIMITED, "It is limited; the cool-down is 12 h now."),
    ],
)
def test_a_probe_that_fails_takes_an_account_back_to_what_may_happen_to_it(
    strictest: State, wanted: Wanted, said: str
) -> None:
    facts = Facts(2_000.0, Wanted.SENDING, 1_000.0, Evidence(8, 4, 1_900.0), Wanted.LIMITED, strictest=strictest)
    rules = ProbeRules()

    decided = decide(PROBED, OPEN, facts, rules)
    verdict = verdict_of(PROBED, decided, 2_000.0, rules)

    assert decided.step is Step.FAIL
    assert verdict is not None
    assert (verdict.to, verdict.epoch, verdict.why.endswith(said)) == (strictest, 6, True)
    circuit, probe = carried_out(PROBED, decided, verdict, 9, rules)
    assert (circuit.state, circuit.wanted) == (strictest, wanted)
    assert probe is not None
    assert (probe.phase, probe.belongs_to(circuit)) == (Phase.COOLING, True)


def test_between_the_rounds_of_one_that_may_only_be_limited_nothing_more_happens_to_it() -> None:
    between = Circuit(State.PROBING, 1_000.0, 6, permitted=Wanted.LIMITED)
    closing = replace(OPEN, phase=Phase.CLOSING, epoch=6, ordered_at=1_100.0)
    unseen = Facts(2_000.0, None, None, between=Wanted.LIMITED)

    steps = [
        decide(between, closing, replace(unseen, strictest=strictest), ProbeRules()).step
        for strictest in (State.STOPPED, State.LIMITED)
    ]

    assert steps == [Step.CLOSE, Step.WAIT]
