from __future__ import annotations

import re
from dataclasses import replace

import pytest

from breaker.domain.circuits.circuit import Circuit, HeldBy, Pending, Verdict, apply
from breaker.domain.circuits.states import State
from breaker.domain.platform.platform_standing import (
    Example,
    PlatformStanding,
    Scope,
    SendRefusal,
    Source,
    infer_scopes,
    joined,
    refusal_of,
    scope_in,
    standing_of,
    stop,
)

NOW = 1_763_640_000.0  # 2025-11-20T12:00:00Z
MIDNIGHT = 1_763_683_200.0


@pytest.mark.parametrize(
    ("status", "message", "refusal"),
    [
        (200, "", None),
        (202, "", None),
        (400, "Sending paused for this account. The account is suspended from sending email.", "platform_paused"),
        (400, "the account has been suspended by the underlying infrastructure", "platform_paused"),
        (400, "Sending is PAUSED", "platform_paused"),
        (400, "domain is not verified", "domain_not_verified"),
        (400, "to is required and must contain valid email addresses", "other"),
        (403, "send blocked by abuse restriction", "restricted"),
        (403, "Send blocked by abuse restriction (scope: domain)", "restricted"),
        (403, "message blocked by an outbound rule", "blocked_by_rule"),
        (403, "insufficient_scopes", "other"),
        (429, "rate limit exceeded", "rate_limited"),
        (429, "", "rate_limited"),
        (503, "outbound rules could not be evaluated, please try again", "evaluation_failed"),
        (503, "upstream connect error", "other"),
        (451, "4.7.1 rule evaluation failed, try again later", "evaluation_failed"),
        (451, "4.7.1 greylisted", "other"),
        (500, "account paused", "other"),
        (401, "Unauthorized", "other"),
        (None, "sending paused", "platform_paused"),
        (None, "send blocked by abuse restriction", "restricted"),
        (None, "blocked by an outbound rule", "blocked_by_rule"),
        (None, "rule evaluation failed", "evaluation_failed"),
        (None, "the daily quota is used up", "rate_limited"),
        (None, "", "other"),
    ],
)
def test_why_a_send_was_refused_is_read_from_status_and_text(
    status: int | None, message: str, refusal: str | None
) -> None:
    assert refusal_of(status, message) == refusal


def test_the_words_of_a_pause_can_be_said_otherwise() -> None:
    words = re.compile("frozen")

    assert refusal_of(400, "this mailbox is frozen", words) is SendRefusal.PLATFORM_PAUSED
    assert refusal_of(None, "this mailbox is frozen", words) is SendRefusal.PLATFORM_PAUSED
    assert refusal_of(400, "sending paused", words) is SendRefusal.OTHER


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        ("send blocked by abuse restriction", None),
        ("send blocked by abuse restriction on sender", Scope.SENDER),
        ("send blocked by abuse restriction (scope: domain)", Scope.DOMAIN),
        ("Send blocked by abuse restriction: org", Scope.ORGANISATION),
        ("send blocked by abuse restriction of the Organization", Scope.ORGANISATION),
        ("send blocked by abuse restriction for this application", Scope.APPLICATION),
        ("grant: send blocked by abuse restriction", None),
        ("message blocked by an outbound rule of the domain", None),
    ],
)
def test_the_scope_of_a_restriction_is_what_stands_behind_its_words(message: str, scope: Scope | None) -> None:
    assert scope_in(message) is scope


def seen(
    refusal: SendRefusal, at: float = NOW, message: str = "", retry_after: float | None = None
) -> PlatformStanding:
    return standing_of(refusal, Example(400, "invalid_request_error", message, at), Source.OBSERVATION, retry_after)


@pytest.mark.parametrize(
    ("refusal", "retry_after", "until"),
    [
        (SendRefusal.PLATFORM_PAUSED, None, None),
        (SendRefusal.RESTRICTED, None, None),
        (SendRefusal.RATE_LIMITED, None, MIDNIGHT),
        (SendRefusal.RATE_LIMITED, 600.0, NOW + 600),
        (SendRefusal.RATE_LIMITED, 1.0, NOW + 60),
        (SendRefusal.EVALUATION_FAILED, None, NOW + 900),
    ],
)
def test_only_what_passes_by_itself_has_an_end(
    refusal: SendRefusal, retry_after: float | None, until: float | None
) -> None:
    assert seen(refusal, retry_after=retry_after).until == until


def test_the_worse_stands_beside_the_state() -> None:
    limited, paused = seen(SendRefusal.RATE_LIMITED), seen(SendRefusal.PLATFORM_PAUSED, NOW - 60)

    assert (joined(limited, paused), joined(paused, limited), joined(None, limited)) == (paused, paused, limited)


def test_the_same_again_lasts_since_its_first_time_and_keeps_its_latest_example() -> None:
    first, again = (
        seen(SendRefusal.RESTRICTED, NOW),
        seen(SendRefusal.RESTRICTED, NOW + 60, "abuse restriction: domain"),
    )

    expected = replace(again, since=NOW, refused=2, scope=Scope.DOMAIN, scope_told=True)
    assert joined(first, again) == joined(again, first) == expected


@pytest.mark.parametrize(
    ("restricted", "scopes"),
    [
        ([(1, "x.example")], {1: "grant"}),
        ([(1, "x.example"), (2, "x.example")], {1: "domain", 2: "domain"}),
        ([(1, "x.example"), (2, "y.example")], {1: "grant", 2: "grant"}),
        ([(1, "x.example"), (2, "x.example"), (3, "x.example")], {1: "domain", 2: "domain", 3: "domain"}),
        ([(1, "x.example"), (2, "x.example"), (3, "y.example")], dict.fromkeys((1, 2, 3), "application")),
    ],
)
def test_a_scope_that_nobody_names_is_inferred_from_who_is_restricted(
    restricted: list[tuple[int, str]], scopes: dict[int, str]
) -> None:
    assert infer_scopes(restricted) == scopes


def test_a_paused_account_is_stopped_by_us_too() -> None:
    circuit = Circuit(State.WARNED, NOW - 100, 3)
    example = Example(400, "invalid_request_error", "sending paused", NOW)

    verdict = stop(circuit, standing_of(SendRefusal.PLATFORM_PAUSED, example, Source.SEND_FAILED, None), NOW, None)

    assert verdict == Verdict(
        at=NOW,
        before=State.WARNED,
        to=State.STOPPED,
        detector="platform",
        epoch=4,
        why="The platform has paused the account: a send was answered 400. Only its support can lift that. "
        "The account is stopped.",
        cause="platform_paused",
    )


def test_an_observed_account_has_the_stop_pending_once() -> None:
    circuit, paused = Circuit(State.SENDING, NOW - 100, 3), seen(SendRefusal.PLATFORM_PAUSED)

    verdict = stop(circuit, paused, NOW, HeldBy.OBSERVE)

    assert verdict is not None
    assert (
        verdict.held_by,
        verdict.epoch,
        verdict.why.endswith("Nothing was done: the account is only observed."),
    ) == (
        HeldBy.OBSERVE,
        3,
        True,
    )
    assert stop(apply(circuit, verdict, 7), paused, NOW + 60, HeldBy.OBSERVE) is None
    assert apply(circuit, verdict, 7).pending == Pending(7, State.STOPPED, NOW, HeldBy.OBSERVE)


@pytest.mark.parametrize("refusal", [SendRefusal.RESTRICTED, SendRefusal.RATE_LIMITED, SendRefusal.EVALUATION_FAILED])
def test_nothing_but_a_pause_stops(refusal: SendRefusal) -> None:
    assert stop(Circuit(), seen(refusal), NOW, None) is None


def test_a_stopped_account_is_not_stopped_again() -> None:
    assert stop(Circuit(State.STOPPED, NOW, 1), seen(SendRefusal.PLATFORM_PAUSED), NOW, None) is None
