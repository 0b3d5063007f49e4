from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.circuits.circuit import Circuit, HeldBy, judge, with_cause
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.outcomes.bounces import classify, enhanced_status, without_addresses
from breaker.domain.outcomes.causes import Bad, SharedCause, TextClass, shared_cause, text_class
from breaker.domain.outcomes.outcomes import BounceClass
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.simulator.mail.diagnostics import refusal, unauthenticated
from breaker.simulator.mail.domains import PROVIDERS
from breaker.simulator.mail.fates import Fate

DMARC = "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated."


def bad(text: str | None, at: str = "example.com", *, sender: str | None = "agents.example") -> Bad:
    return Bad(classify(text, "General"), enhanced_status(text), text, at, sender)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DMARC, TextClass.AUTHENTICATION),
        ("smtp; 550 5.7.515 Access denied, the required authentication level is not met", TextClass.AUTHENTICATION),
        ("smtp; 550 5.7.509 Access denied, does not pass DMARC verification", TextClass.AUTHENTICATION),
        ("smtp; 554 5.7.9 Message not accepted for policy reasons: authentication failed", TextClass.AUTHENTICATION),
        ("smtp; 550 SPF check failed", TextClass.AUTHENTICATION),
        ("smtp; 550 Rejected by header based anti-spoofing policy", TextClass.AUTHENTICATION),
        ("smtp; 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", TextClass.REFUSAL),
        ("smtp; 554 5.7.1 <address>: Relay access denied", TextClass.REFUSAL),
        ("smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", "blocklist"),
        ("smtp; 550 5.7.1 part of their network is on our block list (S3150).", TextClass.BLOCKLIST),
        ("smtp; 554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.7", TextClass.BLOCKLIST),
        ("smtp; 550 5.7.1 likely unsolicited mail", TextClass.CONTENT),
        ("smtp; 550 5.7.350 Remote server returned message detected as spam", TextClass.CONTENT),
        ("smtp; 552 5.3.4 Message size exceeds fixed limit", TextClass.CONTENT),
        ("smtp; 550 5.1.1 User unknown", TextClass.UNKNOWN_USER),
        ("smtp; 554 5.7.9 Message not accepted for policy reasons.", TextClass.REFUSAL),
        ("smtp; 552 5.2.2 Mailbox full", None),
        (None, None),
    ],
)
def test_a_text_is_told_by_what_it_refuses(text: str | None, expected: TextClass | None) -> None:
    assert text_class(bad(text)) == expected


def test_every_provider_refuses_broken_authentication_in_words_that_are_understood() -> None:
    domains = [domain for one in PROVIDERS for domain in one.domains]
    domains += [f"company-1.{one.name.replace(' ', '-')}.example" for one in PROVIDERS if not one.domains]
    said = [words for domain in domains if (words := unauthenticated(f"a@{domain}"))]

    assert {text_class(bad(words.diagnostic_code)) for words in said} == {TextClass.AUTHENTICATION}


def test_every_provider_says_that_an_address_does_not_exist_in_words_that_are_understood() -> None:
    domains = [domain for one in PROVIDERS for domain in one.domains]

    assert {text_class(bad(refusal(Fate.GONE, f"a@{domain}").diagnostic_code)) for domain in domains} == {
        TextClass.UNKNOWN_USER
    }


def test_a_shared_text_class_comes_first_with_its_status_and_where() -> None:
    six = [bad(DMARC, at=f"company-{number}.example") for number in range(6)]

    assert shared_cause([*six, bad("smtp; 550 5.1.1 User unknown")]) == SharedCause(
        "authentication 5.7.26", "6 of the latest 7 failed authentication by SPF, DKIM or DMARC (5.7.26)."
    )


def test_a_class_that_servers_word_differently_has_no_status() -> None:
    texts = [
        "smtp; 550 5.1.1 User unknown",
        "smtp; 550 5.1.10 RecipientNotFound",
        "smtp; 550 5.5.0 mailbox unavailable",
    ]

    assert shared_cause([bad(text, at=f"{text[-3:]}.example") for text in texts]) == SharedCause(
        "unknown_user", "All of the latest 3 went to addresses that do not exist."
    )


def test_where_they_were_is_said_beside_why() -> None:
    found = shared_cause([bad("smtp; 550 5.1.1 User unknown")] * 7)

    assert found == SharedCause(
        "unknown_user 5.1.1", "All of the latest 7 went to addresses that do not exist (5.1.1), all at example.com."
    )


def test_complaints_share_where_they_come_from() -> None:
    complaint = Bad(None, None, None, "yahoo.com", "agents.example")

    assert shared_cause([complaint] * 3) == SharedCause(
        "recipient_domain yahoo.com", "All of the latest 3 were at yahoo.com."
    )


def test_a_status_alone_is_better_than_nothing() -> None:
    found = shared_cause([bad("smtp; 550 5.0.350 0x800C8101", at=f"{number}.example") for number in range(4)])

    assert found == SharedCause("status 5.0.350", "All of the latest 4 were answered 5.0.350.")


def test_the_sending_domain_explains_only_where_it_is_another_than_the_accounts_own() -> None:
    outcomes = [bad(None, at=f"{number}.example") for number in range(4)]

    assert shared_cause(outcomes, "agents.example") is None
    assert shared_cause(outcomes, "other.example") == SharedCause(
        "sending_domain agents.example", "All of the latest 4 were sent as agents.example."
    )


def test_two_alike_or_three_in_five_share_nothing() -> None:
    unlike = [bad(None, at=f"{number}.example") for number in range(2)]

    assert shared_cause([bad(DMARC)] * 2) is None
    assert shared_cause([*[bad(DMARC)] * 3, *unlike], "agents.example") is None
    assert shared_cause([]) is None


@given(st.lists(st.text("abcdefgh", min_size=6, max_size=12), min_size=3, max_size=9, unique=True))
def test_no_recipient_is_ever_named(names: list[str]) -> None:
    outcomes = []
    for name in names:
        text = f"smtp; 550 5.1.1 <{name}@example.com>: {name} unknown"
        outcomes.append(bad(without_addresses(text, f"{name}@example.com")))
    found = shared_cause(outcomes)

    assert found is not None
    assert not any(name in found.sentence + found.name for name in names)


def test_counted_classes_without_a_text_are_told_by_their_class() -> None:
    assert text_class(Bad(BounceClass.UNKNOWN_RECIPIENT, None, None, "a.example", None)) is TextClass.UNKNOWN_USER
    assert text_class(Bad(BounceClass.UNDETERMINED, None, None, "a.example", None)) is None


@pytest.mark.parametrize("held_by", [None, HeldBy.OBSERVE, HeldBy.GUARD])
def test_a_verdict_says_its_cause_before_what_is_done(held_by: HeldBy | None) -> None:
    suspicion = Suspicion("level", Signal.BOUNCE, State.STOPPED, 1000, 50, 1000, 0.05)
    plain = judge(Circuit(), suspicion, Counters(WindowSizes()), 1.0, held_by)
    assert plain is not None
    told = with_cause(plain, SharedCause("unknown_user 5.1.1", "All of the latest 3 went nowhere."))

    assert told.cause == "unknown_user 5.1.1"
    assert "5 %. All of the latest 3 went nowhere. " in told.why
    assert told.why.replace("All of the latest 3 went nowhere. ", "") == plain.why
    assert with_cause(plain, None) is plain
