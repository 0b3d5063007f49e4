from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.simulator.enforcement import Enforcement, Measure
from breaker.simulator.errors import ApiError
from breaker.simulator.options import EnforcementOptions
from breaker.simulator.state.activity import Happening
from breaker.simulator.state.bounce_classes import BounceKind, kind_of
from breaker.simulator.state.messages import Message, Outgoing
from breaker.simulator.state.standing import Standing
from tests.simulator.client import Loose, World

FEEDBACK, SILENT = "outlook.com", "gmail.com"


def _open(**options: Loose) -> Loose:
    return World.open(enforcement=EnforcementOptions(**{"representative_volume": 1000, **options}))


def _send(world: World, grant_id: str, *, domain: str = FEEDBACK, **counts: int) -> None:
    application = world.application
    good, bad, complaints = (counts.get(name, 0) for name in ("good", "bad", "complaints"))
    for number in range(good + bad + complaints):
        message = application.send(grant_id, [f"a{number}@{domain}"])
        if number < bad:
            application.bounce(message)
        else:
            application.deliver(message)
        if number >= good + bad:
            application.complain(message)


async def test_five_percent_of_the_volume_is_a_silent_review_and_ten_a_pause() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        now = int(world.clock.now())
        _send(world, grant, good=900)
        _send(world, grant, bad=49)
        before = set(world.application.standing.under_review)
        _send(world, grant, bad=1)
        reviewed = await world.client.send(grant, "x@y.example")
        _send(world, grant, bad=50)
        paused = await world.client.send(grant, "x@y.example")

    assert (set(), {grant}) == (before, world.application.standing.under_review)
    assert (reviewed.status, paused.status) == (200, 400)
    assert [
        Measure(now, grant, "under_review", "bounce", 0.05, 950),
        Measure(now, grant, "paused", "bounce", 0.1, 1000),
    ] == world.application.enforcement.books


async def test_a_pause_does_not_end_by_itself_and_nothing_more_is_reported_of_it() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        _send(world, grant, bad=100)
        await world.clock.advance(60 * 86_400)
        with pytest.raises(ApiError, match="suspended"):
            world.application.send(grant, ["x@y.example"])

    assert {grant} == world.application.enforcement.ever("paused")


async def test_the_rate_is_over_the_most_recent_volume_so_old_bounces_are_forgotten() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        _send(world, grant, bad=60)
        _send(world, grant, good=1000)
        rates = world.application.enforcement.rates(grant)

    assert rates == (0.0, 0.0)
    assert [measure.what for measure in world.application.enforcement.books] == ["under_review", "healthy"]


async def test_an_account_is_never_judged_over_less_than_the_assessed_volume() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        _send(world, grant, bad=49)

    assert world.application.enforcement.rates(grant)[0] == 0.049
    assert world.application.enforcement.books == []


async def test_a_bounce_that_is_reported_twice_counts_once() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        message = world.application.send(grant, ["a@y.example"])
        for _ in range(3):
            world.application.bounce(message)

    assert world.application.enforcement.rates(grant)[0] == 0.001


async def test_only_addresses_that_do_not_exist_count() -> None:
    async with _open() as world:
        grant = world.application.add_grant("a@agents.example.com").id
        for bounce_type, diagnostic in (
            ("MailboxFull", "smtp; 452 4.2.2 mailbox full"),
            ("General", "smtp; 550 5.7.26 unauthenticated"),
            ("General", "smtp; 421 4.7.0 try again later"),
            ("ContentRejected", None),
            ("NoEmail", None),
        ):
            message = world.application.send(grant, ["a@y.example"])
            world.application.bounce(message, bounce_type=bounce_type, diagnostic_code=diagnostic)

    assert world.application.enforcement.rates(grant)[0] == 0.001


async def test_complaints_count_only_against_domains_that_report_them() -> None:
    async with _open() as world:
        silent = world.application.add_grant("a@agents.example.com").id
        loud = world.application.add_grant("b@agents.example.com").id
        _send(world, silent, good=2000, complaints=3, domain=SILENT)
        _send(world, loud, good=500, complaints=1)
        one = world.application.standing.under_review.copy()
        _send(world, loud, complaints=4)

    assert {loud} == one
    assert world.application.enforcement.rates(silent)[1] == 0.0
    assert [measure.what for measure in world.application.enforcement.books] == ["under_review", "paused"]
    assert {"complaint"} == {measure.signal for measure in world.application.enforcement.books}


async def test_too_many_paused_accounts_restrict_the_whole_application() -> None:
    async with _open(restrict_application_least=2, restrict_application_share=0.5) as world:
        grants = [world.application.add_grant(f"a{number}@agents.example.com").id for number in range(4)]
        for grant in grants[:2]:
            _send(world, grant, bad=100)
        answer = await world.client.send(grants[3], "x@y.example")

    assert answer.error == (403, "forbidden", "send blocked by abuse restriction")


async def test_enforcement_can_be_switched_off() -> None:
    async with _open(enabled=False) as world:
        grant = world.application.add_grant("a@agents.example.com").id
        _send(world, grant, bad=200)

    assert set() == world.application.standing.paused


async def test_the_volume_is_drawn_by_the_seed_between_1000_and_10000() -> None:
    volumes = []
    for seed in (1, 1, 2, 3, 4, 5):
        async with World.open(seed) as world:
            volumes.append(world.platform.representative_volume)

    assert volumes[0] == volumes[1]
    assert len(set(volumes)) == 5
    assert all(1000 <= volume <= 10_000 for volume in volumes)


@pytest.mark.parametrize(
    ("bounce_type", "diagnostic", "kind"),
    [
        ("General", "smtp; 550 5.1.1 no such user", BounceKind("hard", nonexistent=True, enhanced="5.1.1")),
        ("General", "smtp; 550 5.1.10 recipient not found", BounceKind("hard", nonexistent=True, enhanced="5.1.10")),
        ("General", "smtp; 550 5.7.1 refused", BounceKind("hard", nonexistent=False, enhanced="5.7.1")),
        ("General", "smtp; 451 4.3.0 later", BounceKind("soft", nonexistent=False, enhanced="4.3.0")),
        ("General", "smtp; 550 user unknown", BounceKind("hard", nonexistent=True, enhanced=None)),
        ("General", "smtp; 450 busy", BounceKind("soft", nonexistent=False, enhanced=None)),
        ("MailboxFull", "smtp; 552 5.2.2 over quota", BounceKind("soft", nonexistent=False, enhanced="5.2.2")),
        ("MessageTooLarge", None, BounceKind("soft", nonexistent=False, enhanced=None)),
        ("Undetermined", None, BounceKind("undetermined", nonexistent=False, enhanced=None)),
        ("NoEmail", None, BounceKind("hard", nonexistent=True, enhanced=None)),
    ],
)
def test_what_the_platform_takes_a_bounce_for(bounce_type: str, diagnostic: str | None, kind: BounceKind) -> None:
    assert kind == kind_of(bounce_type, diagnostic)


@given(
    volume=st.integers(1, 12),
    steps=st.lists(st.tuples(st.sampled_from(["send", "bounce", "complain"]), st.integers(0, 40)), max_size=120),
)
def test_rates_are_those_of_a_recount_of_the_most_recent_sends(volume: int, steps: list[tuple[str, int]]) -> None:
    options = EnforcementOptions(assessed_volume=1)
    enforcement = Enforcement("app-1", Standing(), options, volume)
    sent: list[Message] = []
    fates: list[set[str]] = []

    def observe(event_type: str, message: Message, recipient: str) -> None:
        kind = BounceKind("hard", nonexistent=True, enhanced=None) if event_type == "bounced" else None
        enforcement.observe(Happening(event_type, 0, message, (recipient,), bounce=kind), 1)

    for what, number in steps:
        if what == "send":
            recipient = f"a{number}@{FEEDBACK if number % 2 else SILENT}"
            sent.append(Message(str(len(sent)), "grant", "a@x.example", "", "", 0, Outgoing(to=(recipient,))))
            fates.append(set())
            observe("accepted", sent[-1], recipient)
        elif sent:
            place = number % len(sent)
            fates[place].add(what)
            outcome = "bounced" if what == "bounce" else "complaint"
            observe(outcome, sent[place], sent[place].recipients[0])
    recent = list(zip(sent, fates, strict=True))[-volume:]
    loud = [fate for message, fate in recent if message.recipients[0].endswith(FEEDBACK)]

    assert enforcement.rates("grant") == (
        sum("bounce" in fate for _, fate in recent) / max(len(recent), 1),
        sum("complain" in fate for fate in loud) / max(len(loud), 1),
    )
