"""What is decided about an account.

A decision is a pure function of the account's circuit, a suspicion or an operator's act, and the context it is taken
in; its value is a `Verdict`, which is stored, logged, counted and shown as it is. Nothing changes a state without one.

A verdict that may not be applied (the account is only observed, the fleet guard holds it, ...) is *held*: the state
stays, and the verdict stands beside it as pending. There is one pending verdict for an account, and a new one only for
a stronger step or after a day, so that an observed account does not fill the audit trail with what is known already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, WANTED, Cause, State, Wanted, follow
from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal
from breaker.domain.windows.headroom import Headroom, headroom

if TYPE_CHECKING:
    from breaker.domain.detectors.detectors import Suspicion
    from breaker.domain.outcomes.causes import SharedCause
    from breaker.domain.windows.counters import Counters

PENDING_LASTS = 86_400.0
"""Seconds after which a held verdict is given anew where the reason for it goes on."""


WARNED_AT_LEAST = 86_400.0
"""Seconds that a warning lasts at least, so that an account does not go to and fro within a working day."""


class HeldBy(StrEnum):
    """Why a verdict was not applied."""

    OBSERVE = "observe"
    GUARD = "guard"
    BLIND = "blind"
    EXEMPT = "exempt"
    HOLD = "hold"


class Mode(StrEnum):
    """How far Breaker may go with an account."""

    OBSERVE = "observe"
    ENFORCE = "enforce"
    STOPPED = "stopped"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Pending:
    """A held verdict that stands beside the state.

    Args:
        verdict: Its id.
        to: The state it asked for.
        at: When it was given, Unix seconds.
        held_by: What held it.
    """

    verdict: int
    to: State
    at: float
    held_by: HeldBy


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit breaker of one account.

    Args:
        state: What is done about it.
        since: Since when, Unix seconds.
        epoch: Grows with every change of what is wanted on the platform.
        pending: The held verdict beside the state, or None.
        permitted: Of `PROBING`: what the platform should do just now, in a round or between rounds.
        watched_until: Of `WARNED`: when the warning may end at the earliest, Unix seconds; 0 where nothing is said.
    """

    state: State = State.SENDING
    since: float = 0.0
    epoch: int = 0
    pending: Pending | None = None
    permitted: Wanted | None = None
    watched_until: float = 0.0

    @property
    def wanted(self) -> Wanted:
        """What the platform should do."""
        return self.permitted or WANTED[self.state]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision, with the numbers that led to it.

    Args:
        at: When it was taken, Unix seconds.
        before: The state it found (`from` in JSON).
        to: The state it asks for.
        detector: What raised the suspicion; `operator` for a person's act, `platform` for what was found there.
        signal: The rate in question, or None.
        window: The R judged, in sends, or None.
        count: Bad outcomes counted, or None.
        of: Sends they were counted over, or None.
        rate: Their quotient, a fraction, or None.
        threshold: The rate, a fraction, that was reached, or None.
        headroom: How far the platform's line was, or None.
        cause: What the bad outcomes share, where that is known.
        epoch: The epoch that the verdict begins if applied, else the one in force.
        held_by: Why it was not applied, or None.
        why: A sentence that a person understands.
        author: Who acted, where a person did.
    """

    at: float
    before: State
    to: State
    detector: str
    epoch: int
    why: str
    signal: Signal | None = None
    window: int | None = None
    count: int | None = None
    of: int | None = None
    rate: float | None = None
    threshold: float | None = None
    headroom: Headroom | None = None
    cause: str | None = None
    held_by: HeldBy | None = None
    author: str | None = None

    @property
    def applied(self) -> bool:
        """Whether the state followed."""
        return self.held_by is None


def judge(
    circuit: Circuit, suspicion: Suspicion, counters: Counters, now: float, held_by: HeldBy | None
) -> Verdict | None:
    """Decide what a suspicion leads to.

    Args:
        circuit: The account's circuit as it is.
        suspicion: What a detector said.
        counters: The account's counters, for the headroom.
        now: Unix seconds.
        held_by: What keeps the account's verdicts from being applied, or None.

    Returns:
        The verdict, or None where it would say nothing new: the step is taken already, or pending already.
    """
    to = follow(circuit.state, SUSPICIONS[suspicion.step])
    if to is None:
        return None
    if held_by is not None and _stands_already(circuit.pending, to, now):
        return None
    moves = held_by is None and WANTED[to] is not circuit.wanted
    return Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector=suspicion.detector,
        signal=suspicion.signal,
        window=suspicion.window,
        count=suspicion.count,
        of=suspicion.of,
        rate=suspicion.rate,
        threshold=suspicion.threshold,
        headroom=headroom(counters, suspicion.signal),
        epoch=circuit.epoch + 1 if moves else circuit.epoch,
        held_by=held_by,
        why=_sentence(suspicion, to, held_by),
    )


def hold(verdict: Verdict, circuit: Circuit, held_by: HeldBy) -> Verdict | None:
    """Return the verdict held after all, or None where the same is pending already."""
    if _stands_already(circuit.pending, verdict.to, verdict.at):
        return None
    why = f"{verdict.why.removesuffix(_STEPS[verdict.to])}{_HELD[held_by]}"
    return replace(verdict, held_by=held_by, epoch=circuit.epoch, why=why)


def with_cause(verdict: Verdict, shared: SharedCause | None) -> Verdict:
    """Return a verdict that names what the bad outcomes behind it share, before it says what is done."""
    if shared is None:
        return verdict
    ends = _HELD[verdict.held_by] if verdict.held_by else _STEPS.get(verdict.to, "")
    why = f"{verdict.why.removesuffix(ends).rstrip()} {shared.sentence} {ends}".rstrip()
    return replace(verdict, cause=shared.name, why=why)


def because(verdict: Verdict, reason: str) -> Verdict:
    """Return a held verdict that says in other words why nothing was done.

    Args:
        verdict: The verdict, which is held.
        reason: A sentence.
    """
    ends = _HELD[verdict.held_by] if verdict.held_by else ""
    return replace(verdict, why=f"{verdict.why.removesuffix(ends)}Nothing was done. {reason}")


def act(circuit: Circuit, cause: Cause, now: float, author: str, reason: str) -> Verdict | None:
    """Decide what a person's act, or what was found on the platform, leads to.

    Args:
        circuit: The account's circuit as it is.
        cause: The act.
        now: Unix seconds.
        author: Who acts, or `platform`.
        reason: Why, in their words.

    Returns:
        The verdict, or None where the act changes nothing in this state.
    """
    to = follow(circuit.state, cause)
    if to is None:
        return None
    found = cause in {Cause.ADOPTED, Cause.ADOPTED_LIMITED}
    return Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector="platform" if found else "operator",
        epoch=circuit.epoch + 1,
        why=f"{_ACTS[cause]}: {reason}" if reason else f"{_ACTS[cause]}.",
        author=None if found else author,
    )


def recover(circuit: Circuit, now: float) -> Verdict | None:
    """Decide that a warning ends, of an account of which all detectors are calm; None where there is none to end yet.

    Args:
        circuit: The account's circuit as it is.
        now: Unix seconds.
    """
    to = follow(circuit.state, Cause.RECOVERED)
    if to is None or not may_recover(circuit, now):
        return None
    why = "Nothing is left of what it was warned for, and a day has passed. The account is trusted again."
    return Verdict(at=now, before=circuit.state, to=to, detector="recovery", epoch=circuit.epoch, why=why)


def may_recover(circuit: Circuit, now: float) -> bool:
    """Tell whether an account has been warned for long enough to be worth a look at how calm it is."""
    long_enough = now >= max(circuit.since + WARNED_AT_LEAST, circuit.watched_until)
    return circuit.state is State.WARNED and long_enough


def apply(circuit: Circuit, verdict: Verdict, verdict_id: int) -> Circuit:
    """Return the circuit after a verdict: moved, or with the verdict pending beside it.

    A probe begins with what is wanted as it was, until its first round is opened.
    """
    if verdict.held_by is not None:
        return replace(circuit, pending=Pending(verdict_id, verdict.to, verdict.at, verdict.held_by))
    permitted = circuit.wanted if verdict.to is State.PROBING else None
    return Circuit(verdict.to, verdict.at, verdict.epoch, None, permitted)


def _stands_already(pending: Pending | None, to: State, now: float) -> bool:
    return pending is not None and SEVERITY[to] <= SEVERITY[pending.to] and now - pending.at < PENDING_LASTS


_BAD: dict[Signal, str] = {Signal.BOUNCE: "hard-bounced", Signal.COMPLAINT: "drew a complaint"}

_STEPS: dict[State, str] = {
    State.WARNED: "The account is warned; it goes on sending.",
    State.LIMITED: "The account may only reply.",
    State.STOPPED: "The account is stopped.",
}

_HELD: dict[HeldBy, str] = {
    HeldBy.OBSERVE: "Nothing was done: the account is only observed.",
    HeldBy.GUARD: "Nothing was done: the fleet guard holds it, since too many accounts would be stopped at once.",
    HeldBy.BLIND: "Nothing was done: the event feed is not to be trusted now.",
    HeldBy.EXEMPT: "Nothing was done: the account is exempt.",
    HeldBy.HOLD: "Nothing was done: automatic changes are on hold.",
}

_ACTS: dict[Cause, str] = {
    Cause.TRIPPED: "Stopped by a person",
    Cause.LIMITED_BY_PERSON: "Limited by a person",
    Cause.RESET: "Reset by a person",
    Cause.APPROVED: "Approved by a person",
    Cause.PROBED_BY_PERSON: "A probe was asked for by a person",
    Cause.EASED: "Eased",
    Cause.ADOPTED: "Found blocked on the platform and adopted as stopped",
    Cause.ADOPTED_LIMITED: "Found in the list of limited accounts on the platform and adopted as limited",
    Cause.COOLED_DOWN: "The cool-down is over",
    Cause.RECOVERED: "Recovered",
    Cause.PROBE_ACCEPTED: "The probe was accepted",
    Cause.PROBE_FAILED: "The probe failed",
    Cause.PROBE_FAILED_LIMITED: "The probe failed",
    Cause.SUSPECTED_WARN: "Suspected",
    Cause.SUSPECTED_LIMIT: "Suspected",
    Cause.SUSPECTED_STOP: "Suspected",
}


def _sentence(suspicion: Suspicion, to: State, held_by: HeldBy | None) -> str:
    line = _percent(PLATFORM_LINES[suspicion.signal])
    if suspicion.group:
        counted = (
            f"{suspicion.count:,} of {suspicion.of:,} deliveries of {suspicion.group} drew complaints, with this one"
        )
        fewer = round(suspicion.threshold * suspicion.of)
        reason = f"where all is well there are hardly ever {fewer}, and the platform's review line is {line}."
    elif suspicion.besides:
        counted = (
            f"{suspicion.besides}, and {suspicion.count:,} of the last {suspicion.of:,} deliveries drew complaints"
        )
        counted = f"{counted[0].upper()}{counted[1:]}"
        reason = f"such signs go before complaints; the platform's review line is {line}."
    elif suspicion.window is None:
        counted = f"{suspicion.count:,} of {suspicion.of:,} neighbouring sends {_BAD[suspicion.signal]}"
        reason = f"so many so close together are no chance; the platform's review line is {line}."
    else:
        counted = f"{suspicion.count:,} of the last {suspicion.of:,} sends {_BAD[suspicion.signal]}"
        reason = f"Breaker acts at {_percent(suspicion.threshold)}, the platform's review line is {line}."
    then = _HELD[held_by] if held_by else _STEPS[to]
    return f"{counted} ({_percent(suspicion.rate)}); {reason} {then}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
