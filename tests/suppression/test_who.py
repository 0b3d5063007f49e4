"""Which outcomes suppress whom, and how an address is known again without being read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind, Recipient
from breaker.domain.platform.suppression import Reason, Suppressed, Suppressing, fingerprint, is_listable
from tests.counting.daemons import DAY, NOW, event

BOTH = Suppressing(frozenset(Reason), 30 * DAY)


@pytest.mark.parametrize(
    ("kind", "bounce_class", "reason"),
    [
        (OutcomeKind.COMPLAINT, None, Reason.COMPLAINT),
        (OutcomeKind.BOUNCED, BounceClass.UNKNOWN_RECIPIENT, Reason.UNKNOWN_RECIPIENT),
        *[(OutcomeKind.BOUNCED, one, None) for one in BounceClass if one is not BounceClass.UNKNOWN_RECIPIENT],
        (OutcomeKind.DELIVERED, None, None),
        (OutcomeKind.REJECTED, None, None),
    ],
)
def test_only_what_says_something_of_the_recipient_suppresses_it(
    kind: OutcomeKind, bounce_class: BounceClass | None, reason: Reason | None
) -> None:
    recipient = Recipient("r@example.org", bounce_class)

    found = BOTH.suppressed(event(kind, "m", "r@example.org", sent_at=NOW - 100), recipient, NOW)

    assert found == (Suppressed("app-1", "r@example.org", reason, NOW - 95) if reason else None)


def test_what_is_configured_not_to_suppress_does_not() -> None:
    bounces = Suppressing(frozenset({Reason.UNKNOWN_RECIPIENT}), 30 * DAY)

    assert bounces.suppressed(event(OutcomeKind.COMPLAINT, "m"), Recipient("r@example.org"), NOW) is None


def test_what_happened_before_the_retention_is_not_kept_and_nothing_lies_in_the_future() -> None:
    bounced = Recipient("r@example.org", BounceClass.UNKNOWN_RECIPIENT)

    old = BOTH.suppressed(event(OutcomeKind.BOUNCED, "m", sent_at=NOW - 31 * DAY), bounced, NOW)
    ahead = BOTH.suppressed(event(OutcomeKind.BOUNCED, "m", sent_at=NOW + 500), bounced, NOW)

    assert (old, ahead and ahead.at) == (None, NOW)


@pytest.mark.parametrize(
    ("address", "listable"),
    [
        ("r@example.org", True),
        ("o'neill+tag@mail.example.org", True),
        ("jürgen@bücher.example", True),
        ("r@localhost", False),
        ("r", False),
        ("", False),
        ("a b@example.org", False),
        ("a@b@example.org", False),
        ("r@example.org\x00", False),
        ("r" * 320 + "@example.org", False),
    ],
)
def test_only_what_is_an_address_is_put_into_a_list(address: str, listable: bool) -> None:
    assert is_listable(address) is listable


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_fingerprint_tells_addresses_apart_and_shows_none(one: str, other: str) -> None:
    key = b"k" * 32

    assert (fingerprint(one, key) == fingerprint(other, key)) is (one == other)
    assert fingerprint(one, key) != fingerprint(one, b"l" * 32)
    assert len(fingerprint(one, key)) == 32
