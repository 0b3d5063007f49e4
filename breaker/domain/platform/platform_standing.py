"""What the platform itself did to an account, learnt from how it refused a send.

The platform tells nobody that it paused or restricted an account: the next send is refused, and the text says why.
Statuses are ambiguous (a 403 may be a rule of Breaker's own, or a restriction by the platform's operations), so the
text is read. The texts are from https://developer.nylas.com/docs/v3/agent-accounts/send-limits/, the platform's agent
skills and its blog on errors; where the words are not published, only their sense is looked for:

    400  says that the account is suspended or paused      platform_paused     lasts until support lifts it
    403  "send blocked by abuse restriction"               restricted          lasts until operations lift it
    429  "rate limit exceeded"                             rate_limited        until the quota begins anew, at 00:00 UTC
    503  a rule could not be evaluated; sends fail closed  evaluation_failed   passes by itself
    403  a rule blocked it                                 blocked_by_rule     Breaker's own block: nothing to note
    400  "domain is not verified"                          domain_not_verified a person's affair: nothing to note

What is noted stands beside the state until a delivered send from after it shows that it is over, or a person resets the
account; the two that pass by themselves also end in time. A restriction has a scope (sender, domain, organisation,
application or grant) that the text need not name: where it does not, it is inferred from who else is restricted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.circuit import Verdict, hold
from breaker.domain.circuits.states import WANTED, Cause, follow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.circuits.circuit import Circuit, HeldBy

DETECTOR = "platform"
"""The detector of verdicts that follow what the platform did."""


class SendRefusal(StrEnum):
    """Why the platform refused a send."""

    PLATFORM_PAUSED = "platform_paused"
    RESTRICTED = "restricted"
    RATE_LIMITED = "rate_limited"
    EVALUATION_FAILED = "evaluation_failed"
    BLOCKED_BY_RULE = "blocked_by_rule"
    DOMAIN_NOT_VERIFIED = "domain_not_verified"
    OTHER = "other"


class Scope(StrEnum):
    """Whom something is about."""

    SENDER = "sender"
    GRANT = "grant"
    DOMAIN = "domain"
    APPLICATION = "application"
    ORGANISATION = "organisation"


class Source(StrEnum):
    """How it was learnt."""

    OBSERVATION = "observation"
    """A send path told of an answer."""
    SEND_FAILED = "send_failed"
    """A `message.send_failed` notification."""
    EVALUATION = "evaluation"
    """The platform's receipt of a refused send."""


SEVERITY: Mapping[SendRefusal, int] = {
    SendRefusal.RATE_LIMITED: 1,
    SendRefusal.EVALUATION_FAILED: 2,
    SendRefusal.RESTRICTED: 3,
    SendRefusal.PLATFORM_PAUSED: 4,
}
"""What is noted, and how bad it is: the worse stands beside the state."""

PASSES_WITHIN = 900.0
"""Seconds after which an evaluation that failed is taken to work again, where nothing else was heard."""

_DAY = 86_400.0
_MINUTE = 60.0

PAUSED = re.compile(r"suspend|paus", re.IGNORECASE)
"""What the 400 of a paused account speaks of; its words are not published, so this can be configured."""

_RESTRICTED = re.compile(r"abuse\s+restriction", re.IGNORECASE)
_UNVERIFIED = re.compile(r"domain\s+is\s+not\s+verified", re.IGNORECASE)
_EVALUATION = re.compile(r"\b(rules?|evaluat\w*)\b", re.IGNORECASE)
_FAILED_TO_EVALUATE = re.compile(r"evaluat", re.IGNORECASE)
_RATE = re.compile(r"rate\s+limit|quota", re.IGNORECASE)
_RULE = re.compile(r"\brules?\b", re.IGNORECASE)
_SCOPES = re.compile(r"\b(sender|domain|org(?:ani[sz]ation)?|application|grant)\b", re.IGNORECASE)


def refusal_of(status: int | None, message: str, paused: re.Pattern[str] = PAUSED) -> SendRefusal | None:
    """Return why a send was refused, or None where it was not.

    Args:
        status: The HTTP status, or of a failed send the one that its error names; SMTP's 451 is one too. None where
            nobody names one: then the words alone decide.
        message: The text of the error.
        paused: What the text of a pause speaks of.
    """
    if status is None:
        return _by_words_alone(message, paused)
    if status < 400:  # noqa: PLR2004 - HTTP's
        return None
    # A restriction and a pause are told by their words, whatever status carries them.
    if _RESTRICTED.search(message):
        return SendRefusal.RESTRICTED
    found = {
        400: SendRefusal.DOMAIN_NOT_VERIFIED
        if _UNVERIFIED.search(message)
        else SendRefusal.PLATFORM_PAUSED
        if paused.search(message)
        else None,
        403: SendRefusal.BLOCKED_BY_RULE if _RULE.search(message) else None,
        429: SendRefusal.RATE_LIMITED,
        451: SendRefusal.EVALUATION_FAILED if _EVALUATION.search(message) else None,
        503: SendRefusal.EVALUATION_FAILED if _EVALUATION.search(message) else None,
    }.get(status)
    return found or SendRefusal.OTHER


def _by_words_alone(message: str, paused: re.Pattern[str]) -> SendRefusal:
    for status, words in ((400, paused), (400, _UNVERIFIED), (503, _FAILED_TO_EVALUATE), (403, _RULE), (429, _RATE)):
        if words.search(message):
            return refusal_of(status, message, paused) or SendRefusal.OTHER
    return SendRefusal.RESTRICTED if _RESTRICTED.search(message) else SendRefusal.OTHER


def scope_in(message: str) -> Scope | None:
    """Return the scope that the text of a restriction names behind its words, or None."""
    found = _RESTRICTED.search(message)
    word = _SCOPES.search(message, found.end()) if found else None
    if word is None:
        return None
    name = word[1].lower()
    return Scope.ORGANISATION if name.startswith("org") else Scope(name)


class Example(NamedTuple):
    """A refused send, as the platform's support wants to see it.

    Args:
        status: The status, or None where none was named.
        type: The error's type, or empty.
        message: Its text, addresses removed.
        at: When, Unix seconds.
        request_id: The platform's id of the request, or None.
    """

    status: int | None
    type: str
    message: str
    at: float
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlatformStanding:
    """What the platform did to an account.

    Args:
        what: What; one of `SEVERITY`.
        scope: Whom it is about, beside the account, or None while that is not known.
        scope_told: Whether the platform named the scope; else it is inferred.
        since: When it was first seen, Unix seconds.
        seen_at: When it was last seen.
        source: How it was learnt.
        example: The refused send that was seen last.
        until: When it ends by itself, Unix seconds, or None.
        refused: How many refused sends were told of since.
    """

    what: SendRefusal
    scope: Scope | None
    scope_told: bool
    since: float
    seen_at: float
    source: Source
    example: Example
    until: float | None = None
    refused: int = 1


def standing_of(refusal: SendRefusal, example: Example, source: Source, retry_after: float | None) -> PlatformStanding:
    """Return what a refused send says of an account.

    Args:
        refusal: Why it was refused; one of `SEVERITY`.
        example: The refused send.
        source: How it was learnt.
        retry_after: Seconds that the platform asked to wait for, or None.
    """
    scope = scope_in(example.message) if refusal is SendRefusal.RESTRICTED else Scope.GRANT
    told = scope is not None
    until = None
    if refusal is SendRefusal.EVALUATION_FAILED:
        until = example.at + PASSES_WITHIN
    elif refusal is SendRefusal.RATE_LIMITED and retry_after is not None:
        until = example.at + max(retry_after, _MINUTE)
    elif refusal is SendRefusal.RATE_LIMITED:
        until = (example.at // _DAY + 1) * _DAY
    return PlatformStanding(refusal, scope, told, example.at, example.at, source, example, until)


def joined(before: PlatformStanding | None, now: PlatformStanding) -> PlatformStanding:
    """Return what stands beside the state once another refusal was seen: the worse, and of the same its whole time."""
    if before is None or SEVERITY[now.what] > SEVERITY[before.what]:
        return now
    if now.what is not before.what:
        return before
    latest = now if now.seen_at >= before.seen_at else before
    told = now if now.scope_told else before
    ends = [one.until for one in (before, now) if one.until is not None]
    return PlatformStanding(
        what=now.what,
        scope=told.scope,
        scope_told=told.scope_told,
        since=min(before.since, now.since),
        seen_at=latest.seen_at,
        source=latest.source,
        example=latest.example,
        until=max(ends, default=None),
        refused=before.refused + now.refused,
    )


APPLICATION_ACCOUNTS, APPLICATION_DOMAINS, DOMAIN_ACCOUNTS = 3, 2, 2
"""Accounts, and sending domains among them, from which a restriction whose scope nobody names is the application's; and
accounts from which one at a single domain is the domain's."""


def infer_scopes(restricted: Sequence[tuple[int, str]]) -> Mapping[int, Scope]:
    """Return the scope of restrictions in one application whose text names none.

    Args:
        restricted: The restricted accounts of the application, with their sending domains.
    """
    by_domain = Counter(domain for _, domain in restricted)
    if len(restricted) >= APPLICATION_ACCOUNTS and len(by_domain) >= APPLICATION_DOMAINS:
        return {account: Scope.APPLICATION for account, _ in restricted}
    return {
        account: Scope.DOMAIN if by_domain[domain] >= DOMAIN_ACCOUNTS else Scope.GRANT for account, domain in restricted
    }


_WORDS = {
    SendRefusal.PLATFORM_PAUSED: "The platform has paused the account",
    SendRefusal.RESTRICTED: "The platform has restricted the account",
    SendRefusal.RATE_LIMITED: "The platform limits the account's rate or quota",
    SendRefusal.EVALUATION_FAILED: "The platform could not evaluate its rules, and refuses sends for it",
}


def in_words(what: SendRefusal) -> str:
    """Say what the platform did."""
    return _WORDS[what]


def stop(circuit: Circuit, standing: PlatformStanding, now: float, held_by: HeldBy | None) -> Verdict | None:
    """Decide that an account which the platform has paused is stopped by Breaker too.

    Its sends fail in any case; each one that is tried counts against the team, and it must not start again by itself
    the moment that support lifts the pause.

    Args:
        circuit: The account's circuit as it is.
        standing: What the platform did.
        now: Unix seconds.
        held_by: What keeps the account's verdicts from being applied, or None.

    Returns:
        The verdict, or None where it is no pause, or nothing new.
    """
    if standing.what is not SendRefusal.PLATFORM_PAUSED:
        return None
    to = follow(circuit.state, Cause.SUSPECTED_STOP)
    if to is None:
        return None
    status = standing.example.status
    answered = f"was answered {status}" if status else "failed"
    verdict = Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector=DETECTOR,
        epoch=circuit.epoch + (WANTED[to] is not circuit.wanted),
        why=f"{_WORDS[standing.what]}: a send {answered}. Only its support can lift that. The account is stopped.",
        cause=str(SendRefusal.PLATFORM_PAUSED),
    )
    return verdict if held_by is None else hold(verdict, circuit, held_by)
