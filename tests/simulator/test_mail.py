from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from breaker.simulator.clock import SimulatedClock
from breaker.simulator.mail.diagnostics import refusal, unauthenticated
from breaker.simulator.mail.domains import PROVIDERS, draw_domain, provider_of, sends_feedback
from breaker.simulator.mail.fates import Fate, fate_of
from breaker.simulator.mail.world import Mail, MailOptions
from breaker.simulator.platform import SimulatedPlatform
from breaker.simulator.state.activity import EventFilter
from breaker.simulator.state.bounce_classes import kind_of
from breaker.simulator.webhooks.notifications import Family

if TYPE_CHECKING:
    from breaker.simulator.application import Application

SENDER = "agent@agents.example.com"
HOUR, DAY = 3600, 86_400


class Correspondence:
    """An account, the world of mail, and what is heard, without any socket."""

    def __init__(self, *, seed: int = 1, **options: object) -> None:
        self.clock = SimulatedClock()
        self.platform = SimulatedPlatform(self.clock, seed)
        self.application: Application = self.platform.add_application("app-1", "key-1")
        self.mail = Mail(self.platform.agenda, seed, MailOptions(**options))  # type: ignore[arg-type]
        self.mail.attach(self.application)
        self.grant = self.application.add_grant(SENDER)
        self.triggers: list[str] = []
        self.platform.deliveries.taps.append(lambda notification, _: self.triggers.append(notification.trigger))
        self.platform.start_offline()

    async def heard(self, *addresses: str, within: float = 30 * DAY) -> list[tuple[str, int]]:
        """Send one message and return what is heard of it: what, and how many seconds after the sending."""
        message = self.application.send(self.grant.id, addresses)
        await self.clock.advance(within)
        events = self.application.activity.newest_first(EventFilter(0, int(self.clock.now()), message_id=message.id))
        return [
            (event.happening.event_type, event.happening.at - message.sent_at)
            for event in reversed(list(events))
            if event.happening.event_type != "accepted"
        ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("anna.1@outlook.com", ["delivered"]),
        ("slow.1@outlook.com", ["delivered"]),
        ("gone.1@outlook.com", ["bounced"]),
        ("late.1@outlook.com", ["delivered", "bounced"]),
        ("full.1@outlook.com", ["bounced"]),
        ("overfull.1@outlook.com", ["bounced", "delivered"]),
        ("unwanted.1@outlook.com", ["bounced"]),
        ("suppressed.1@outlook.com", ["bounced"]),
        ("angry.1@outlook.com", ["delivered", "complaint"]),
        ("angry.1@gmail.com", ["delivered"]),
        ("mistaken.1@yahoo.com", ["delivered", "complaint"]),
        ("virus.1@outlook.com", ["rejected"]),
        ("lost.1@outlook.com", []),
        ("success@simulator.amazonses.com", ["delivered"]),
        ("bounce@simulator.amazonses.com", ["bounced"]),
        ("complaint+1@simulator.amazonses.com", ["delivered", "complaint"]),
        ("suppressionlist@simulator.amazonses.com", ["bounced"]),
    ],
)
async def test_an_address_tells_what_becomes_of_a_message(address: str, expected: list[str]) -> None:
    heard = await Correspondence(complaints_heard=1.0).heard(address)

    assert [what for what, _ in heard] == expected


@pytest.mark.parametrize(
    ("address", "least", "most"),
    [
        ("anna.1@gmail.com", 0, 900),
        ("gone.1@gmail.com", 0, 900),
        ("slow.1@gmail.com", 300, 2400),
        ("full.1@gmail.com", HOUR, 12 * HOUR),
    ],
)
async def test_outcomes_come_after_realistic_delays(address: str, least: float, most: float) -> None:
    for seed in range(20):
        [(_, delay)] = await Correspondence(seed=seed).heard(address)

        assert least <= delay <= most


async def test_complaints_come_hours_to_days_later_and_some_never() -> None:
    delays = []
    for seed in range(60):
        heard = await Correspondence(seed=seed).heard("angry.1@outlook.com")
        delays += [delay for what, delay in heard if what == "complaint"]

    assert 45 <= len(delays) < 60
    assert 3 * HOUR < sorted(delays)[len(delays) // 2] < 16 * HOUR
    assert max(delays) > DAY


async def test_recipients_of_one_domain_and_fate_share_an_event() -> None:
    world = Correspondence()
    heard = await world.heard("a.1@gmail.com", "b.1@gmail.com", "c.1@yahoo.com", "gone.1@gmail.com")

    assert Counter(what for what, _ in heard) == {"delivered": 3, "bounced": 1}
    assert Counter(world.triggers) == {"message.delivered": 2, "message.bounced": 1}


async def test_every_recipient_may_have_events_of_its_own() -> None:
    world = Correspondence(one_event_each=True)
    await world.heard("a.1@gmail.com", "b.1@gmail.com")

    assert world.triggers == ["message.delivered"] * 2


@pytest.mark.parametrize(
    ("families", "triggers"),
    [
        ((Family.AGENT,), {"message.delivered": 1}),
        ((Family.TRANSACTIONAL,), {"message.transactional.delivered": 1}),
        ((Family.AGENT, Family.TRANSACTIONAL), {"message.delivered": 1, "message.transactional.delivered": 1}),
    ],
)
async def test_outcomes_are_reported_by_the_chosen_families(
    families: tuple[Family, ...], triggers: dict[str, int]
) -> None:
    world = Correspondence(families=families)
    await world.heard("anna.1@gmail.com")

    assert Counter(world.triggers) == triggers


async def test_a_domain_with_broken_authentication_is_refused_by_those_who_care() -> None:
    world = Correspondence(unauthenticated_refused=1.0)
    world.mail.unauthenticated.add("agents.example.com")

    assert [what for what, _ in await world.heard("anna.1@gmail.com")] == ["bounced"]
    assert [what for what, _ in await world.heard("anna.1@comcast.net")] == ["delivered"]
    assert world.application.enforcement.rates(world.grant.id) == (0.0, 0.0)

    world.mail.unauthenticated.clear()

    assert [what for what, _ in await world.heard("anna.1@gmail.com")] == ["delivered"]


async def test_what_becomes_of_one_senders_mail_depends_on_no_other_sender() -> None:
    async def delays(others: int) -> list[tuple[str, int]]:
        world = Correspondence()
        for number in range(others):
            other = world.application.add_grant(f"other{number}@agents.example.com")
            world.application.send(other.id, ["slow.1@gmail.com"])
        return await world.heard("slow.1@gmail.com")

    assert await delays(0) == await delays(5)


def test_recipients_domains_come_in_their_shares() -> None:
    source = random.Random(1)
    drawn = Counter(provider.name for _ in range(20_000) if (provider := provider_of(draw_domain(source))))

    assert drawn.total() == 20_000
    for provider in PROVIDERS:
        assert abs(drawn[provider.name] / 20_000 - provider.share) < 0.012


def test_gmail_sends_no_feedback_and_unknown_domains_do() -> None:
    domains = ("gmail.com", "company-1.google-workspace.example", "outlook.com", "yahoo.com", "y.example")

    assert [sends_feedback(domain) for domain in domains] == [False, False, True, True, True]


@pytest.mark.parametrize(
    "domain", ["gmail.com", "outlook.com", "yahoo.com", "company-1.microsoft-365.example", "x.example"]
)
@pytest.mark.parametrize(
    ("fate", "bounce_class"),
    [
        (Fate.GONE, "hard"),
        (Fate.LATE, "hard"),
        (Fate.FULL, "soft"),
        (Fate.OVERFULL, "soft"),
        (Fate.UNWANTED, "soft"),
        (Fate.SUPPRESSED, "hard"),
    ],
)
def test_every_providers_wording_has_the_class_of_the_fate(domain: str, fate: Fate, bounce_class: str) -> None:
    words = refusal(fate, f"{fate}.1@{domain}")

    assert kind_of(words.bounce_type, words.diagnostic_code).bounce_class == bounce_class


def test_a_refusal_for_authentication_is_no_bad_address() -> None:
    words = unauthenticated("anna@gmail.com")

    assert words is not None
    assert not kind_of(words.bounce_type, words.diagnostic_code).nonexistent
    assert unauthenticated("anna@x.example") is None


def test_an_ordinary_address_has_an_ordinary_fate() -> None:
    addresses = ("gone@x.example", "angry", "anna.gone@x.example", "gonea.1@x.example")

    assert [fate_of(one) for one in addresses] == [Fate.GONE, Fate.ANGRY, Fate.DELIVERED, Fate.DELIVERED]
