"""What is done next about an account that is stopped, limited or probed: one pure decision.

The way back:

    stopped for bounces   cools down, then is probed; a second stop within a week asks a person first
    limited for bounces   the same, with replies passing all the time
    stopped for complaints, by a person, or found blocked   asks a person
    limited by a person   the same
    approved after complaints   stays limited for a week, then is warned for a week, and then simply sends

A probe goes round by round. Only the platform's being read back begins and ends a round, so what a stopped account sent
from its queue is no evidence, and a round can't be open unnoticed. One round is open at a time, since there is one
probe for an account and it is in one phase. What nobody watched is closed before anything else: a daemon that died
with a round open leaves its account free, and its successor does not trust what it finds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import Verdict, apply
from breaker.domain.circuits.states import WANTED, Cause, State, Wanted, follow
from breaker.domain.detectors.detectors import Signal
from breaker.domain.probes.probe import NOTHING_SEEN, Phase, Probe
from breaker.domain.probes.words import bounded, counted, found_bad, lasting, many, needed
from breaker.domain.statistics.sprt import Decision

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.probes.probe import Evidence, Hold, ProbeRules

DETECTOR = "probe"
"""What verdicts of this file name as their detector."""

_NO_EPOCH = -1


class Step(StrEnum):
    """What is done."""

    WAIT = "wait"
    """Nothing; the probe may have learnt something."""
    OPEN = "open"
    """The platform is told to let the account send."""
    CLOSE = "close"
    """The platform is told to hold it again."""
    ACCEPT = "accept"
    """It is let go."""
    FAIL = "fail"
    """It is stopped again, or limited where no more may happen."""
    EASE = "ease"
    """Its new mail is let through again, after complaints."""
    FORGET = "forget"
    """There is nothing to probe."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is taken by, beside the circuit and the probe.

    Args:
        now: Unix seconds.
        confirmed: What the platform was read back to do, or None while that is unknown.
        confirmed_at: When, Unix seconds, or None.
        evidence: What is known of the round's sends.
        between: What should hold the account between rounds: `LIMITED` where that can be done, else `STOPPED`.
        hindrance: Why nothing may be done by itself, as a sentence, or None.
        jitter: A number from 0 to 1, by chance.
        unattended: Whether nobody watched until now.
        too_quiet: Whether it is implausible that no bounces were heard of, so that no probe ends well.
        who: Who may send in a round, as a sentence names it.
        strictest: What a probe leads to that fails: `STOPPED`, or `LIMITED` where no more may happen by itself.
    """

    now: float
    confirmed: Wanted | None
    confirmed_at: float | None
    evidence: Evidence = NOTHING_SEEN
    between: Wanted = Wanted.STOPPED
    hindrance: str | None = None
    jitter: float = 0.0
    unattended: bool = False
    too_quiet: bool = False
    who: str = "it"
    strictest: State = State.STOPPED


@dataclass(frozen=True, slots=True)
class Next:
    """What is decided.

    Args:
        step: What is done.
        probe: The probe after it, or None where it is forgotten.
        why: A sentence for people; empty where nothing is done.
        wanted: What the platform should do from then on, or None where that stays.
        sends: The sends of all rounds that it was decided by.
        bad: Those of them that hard-bounced.
    """

    step: Step
    probe: Probe | None
    why: str = ""
    wanted: Wanted | None = None
    sends: int = 0
    bad: int = 0


def begin(circuit: Circuit, hold: Hold, before: Probe | None, rules: ProbeRules, jitter: float) -> Probe:
    """Return the probe of an account that came to be stopped, limited or probed since it was last looked at.

    Args:
        circuit: Its circuit.
        hold: Why it is so.
        before: The probe that was known of it, which is outdated, or None.
        rules: The rules.
        jitter: A number from 0 to 1, by chance.
    """
    probed = circuit.state is State.PROBING
    failed = hold.before is State.PROBING and not probed
    probe = Probe(
        Phase.ASKING,
        circuit.state,
        circuit.since,
        circuit.epoch,
        stops=max(1, hold.stops),
        failures=(before.failures if before else 0) + failed,
        pace=before.pace if before and before.pace else hold.pace,
        by_person=hold.author is not None if probed else failed and before is not None and before.by_person,
    )
    if probed:
        # Of one that is free already nobody knows since when: it is of no epoch, and closed first.
        epoch = _NO_EPOCH if circuit.wanted is Wanted.SENDING else circuit.epoch
        return replace(probe, phase=Phase.CLOSING, epoch=epoch, ordered_at=circuit.since)
    if circuit.state is State.LIMITED and hold.before is State.STOPPED and hold.author and not hold.by_limiting:
        return replace(probe, phase=Phase.EASING, next_at=circuit.since + rules.limited_for)
    asks = _question(hold, probe, rules)
    return replace(probe, asks=asks) if asks else _cooling(probe, circuit.since, rules, jitter)


def notice(probe: Probe, confirmed: Wanted | None, confirmed_at: float | None) -> Probe:
    """Return a probe with the begin of its round, where the platform was read back and lets the account send.

    It is called before the sends of the round are looked up, and before a decision.
    """
    if probe.phase is not Phase.OPENING or confirmed is not Wanted.SENDING or confirmed_at is None:
        return probe
    heard_at = confirmed_at if probe.heard_at is None else probe.heard_at
    return replace(probe, phase=Phase.OPEN, opened_at=confirmed_at, heard_at=heard_at)


def decide(circuit: Circuit, probe: Probe, facts: Facts, rules: ProbeRules) -> Next:
    """Decide what is done next.

    Args:
        circuit: The account's circuit as it is.
        probe: Its probe, which belongs to that circuit's state.
        facts: What is known.
        rules: The rules.
    """
    if circuit.state is State.PROBING:
        probe = replace(probe, seen=facts.evidence) if probe.opened_at is not None else probe
        decided = _in_rounds(circuit, probe, facts, rules)
        return replace(decided, sends=probe.all_sends, bad=probe.all_bad)
    if circuit.state not in {State.STOPPED, State.LIMITED}:
        return Next(Step.FORGET, None)
    if facts.hindrance or probe.next_at is None or facts.now < probe.next_at:
        return Next(Step.WAIT, probe)
    if facts.confirmed is not circuit.wanted:
        return Next(Step.WAIT, probe)  # what was never held needs no release
    if probe.phase is Phase.EASING:
        why = (
            f"{lasting(rules.limited_for)} have passed since it was approved, without new suspicion. It may write new "
            f"mail again, and is watched for {lasting(rules.watched_for)}."
        )
        return Next(Step.EASE, None, why, Wanted.SENDING)
    cooled = f"The cool-down of {lasting(facts.now - circuit.since)} is over."
    return _open(replace(probe, began_at=facts.now), facts, rules, cooled)


def _in_rounds(circuit: Circuit, probe: Probe, facts: Facts, rules: ProbeRules) -> Next:
    open_ = circuit.wanted is Wanted.SENDING
    if facts.hindrance:
        decided = _close(probe, facts, rules, facts.hindrance) if open_ else _settled(circuit, probe, facts, rules)
    elif open_ and (facts.unattended or probe.epoch != circuit.epoch):
        decided = _close(probe, facts, rules, "Nobody watched it for a while.")
    elif rules.trial.decide(probe.all_bad, probe.all_sends, complete=False) is Decision.BAD:
        decided = _fail(probe, facts, rules, found_bad(probe, rules))
    elif open_:
        decided = _while_open(probe, facts, rules)
    elif probe.phase is Phase.CLOSING:
        decided = _settled(circuit, probe, facts, rules)
    elif facts.now < (probe.next_at or 0.0):
        decided = Next(Step.WAIT, probe)
    else:
        decided = _judge(circuit, probe, facts, rules)
    return decided


def _while_open(probe: Probe, facts: Facts, rules: ProbeRules) -> Next:
    if probe.phase is Phase.OPENING:
        if facts.now - probe.ordered_at < rules.undeliverable:
            return Next(Step.WAIT, probe)
        why = f"The platform could not be told to let it send within {lasting(rules.undeliverable)}."
        return _fail(probe, facts, rules, why, asks=rules.words.deaf)
    heard_at = max(probe.heard_at or 0.0, probe.seen.last_sent_at or 0.0)
    probe = replace(probe, heard_at=heard_at)
    if probe.seen.sends >= probe.permits(rules):
        return _close(probe, facts, rules, "")
    if facts.now - heard_at >= rules.silence:
        asks = f"it sent nothing for {lasting(rules.silence)} though it could: is it still in use?"
        return _fail(probe, facts, rules, f"Nothing was heard of it for {lasting(rules.silence)}.", asks=asks)
    return Next(Step.WAIT, probe)


def _settled(circuit: Circuit, probe: Probe, facts: Facts, rules: ProbeRules) -> Next:
    """Note that the platform was read back and holds the account again."""
    if probe.phase is not Phase.CLOSING:
        return Next(Step.WAIT, probe)
    if facts.confirmed is circuit.wanted:
        closed_at = facts.confirmed_at or facts.now
        waits = rules.settle if probe.opened_at is not None else 0.0
        settling = replace(probe, phase=Phase.SETTLING, closed_at=closed_at, next_at=closed_at + waits)
        return Next(Step.WAIT, settling)
    falls_back = circuit.wanted is Wanted.LIMITED and facts.strictest is State.STOPPED
    if falls_back and facts.now - probe.ordered_at >= rules.fall_back:
        why = "The platform was not seen to limit it between rounds, so it is stopped between them."
        return Next(Step.CLOSE, replace(probe, ordered_at=facts.now), why, Wanted.STOPPED)
    return Next(Step.WAIT, probe)


def _judge(circuit: Circuit, probe: Probe, facts: Facts, rules: ProbeRules) -> Next:
    """Decide what a round that is over leads to, all rounds before it taken together."""
    decision = rules.trial.decide(probe.all_bad, probe.all_sends, complete=True)
    if decision is Decision.HEALTHY and facts.too_quiet:
        return Next(Step.WAIT, probe)
    if decision is Decision.HEALTHY:
        why = (
            f"The probe is accepted: {counted(probe)} {rules.words.bad}, as those of a {rules.words.healthy} "
            f"{rules.words.also}. {rules.words.accepted}"
        )
        return Next(Step.ACCEPT, None, why, Wanted.SENDING)
    if decision is Decision.BAD:
        why = f"The probe is undecided after as many sends as it may have: {counted(probe)} {rules.words.bad}."
        return _fail(probe, facts, rules, why)
    if facts.confirmed is not circuit.wanted:
        return Next(Step.WAIT, probe)
    done = replace(probe, sends=probe.all_sends, bad=probe.all_bad, seen=NOTHING_SEEN)
    if probe.opened_at is None:
        return _open(replace(done, began_at=probe.began_at or facts.now), facts, rules, "")
    beyond = probe.overshoot(rules)
    more = f", {beyond} more than meant" if beyond else ""
    said = f"Round {probe.round} had {many(probe.seen.sends + probe.seen.late, 'send')}{more}. So far {counted(probe)}"
    return _open(done, facts, rules, f"{said} {rules.words.bad}, which does not decide it.")


def _open(probe: Probe, facts: Facts, rules: ProbeRules, said: str) -> Next:
    number = probe.round + 1
    opened = replace(
        probe,
        phase=Phase.OPENING,
        round=number,
        seen=NOTHING_SEEN,
        opened_at=None,
        closed_at=None,
        next_at=None,
        asks=None,
        ordered_at=facts.now,
    )
    why = (
        f"{said} Round {number} is opened: {facts.who} may send until {many(opened.permits(rules), 'send')} are known. "
        f"{needed(opened, rules)} {bounded(rules)}"
    )
    return Next(Step.OPEN, opened, why.strip(), Wanted.SENDING)


def _close(probe: Probe, facts: Facts, rules: ProbeRules, said: str) -> Next:
    closing = replace(probe, phase=Phase.CLOSING, ordered_at=facts.now)
    permitted = probe.permits(rules)
    bad = f"{probe.seen.bad} of them {rules.words.bad}"
    known = f"{many(probe.seen.sends, 'send')} known, {bad}; {permitted} were permitted"
    why = f"{said} Round {probe.round} is closed: {known}.".strip()
    return Next(Step.CLOSE, closing, why, facts.between)


def _fail(probe: Probe, facts: Facts, rules: ProbeRules, said: str, asks: str | None = None) -> Next:
    again, wanted = facts.strictest, WANTED[facts.strictest]
    after = Probe(
        Phase.ASKING,
        again,
        facts.now,
        stops=probe.stops,
        failures=probe.failures + (asks is None),
        pace=probe.pace,
        by_person=probe.by_person,
        asks=asks or _question_after_failure(replace(probe, failures=probe.failures + 1), rules),
    )
    if after.asks:
        return Next(Step.FAIL, after, f"{said} It is {again}, and a person is asked: {after.asks}", wanted)
    after = _cooling(after, facts.now, rules, facts.jitter)
    length = lasting(rules.cool_down_after(after.stops + after.failures))
    return Next(Step.FAIL, after, f"{said} It is {again}; the cool-down is {length} now.", wanted)


def _cooling(probe: Probe, since: float, rules: ProbeRules, jitter: float) -> Probe:
    length = rules.cool_down_after(probe.stops + probe.failures)
    return replace(probe, phase=Phase.COOLING, asks=None, next_at=since + length * (1 + rules.spread * jitter))


def _question(hold: Hold, probe: Probe, rules: ProbeRules) -> str | None:
    """Return what a person has to say before an account is probed, or None."""
    if hold.author is not None:
        return f"{hold.author} {'limited' if hold.by_limiting else 'stopped'} it: may it be probed?"
    if hold.signal is Signal.COMPLAINT:
        return "complaints are too rare for a probe to test them: is their cause removed?"
    if hold.detector == "platform" or hold.signal is None:
        return "it was not stopped by what was counted: may it be probed?"
    if hold.before is not State.PROBING and probe.stops > rules.automatic_stops:
        return f"it was stopped {probe.stops} times within {lasting(rules.within)}: is the cause removed?"
    return _question_after_failure(probe, rules) if probe.failures else None


def _question_after_failure(probe: Probe, rules: ProbeRules) -> str | None:
    if probe.by_person:
        return "the probe that a person asked for failed: is the cause removed?"
    if probe.failures >= rules.automatic_probes:
        return f"{many(probe.failures, 'probe')} failed: is the cause removed?"
    return None


def verdict_of(circuit: Circuit, decided: Next, now: float, rules: ProbeRules) -> Verdict | None:
    """Return a decision as a verdict, or None where nothing is done.

    Args:
        circuit: The circuit that it was decided about.
        decided: The decision.
        now: Unix seconds.
        rules: The rules.
    """
    to = _target(circuit, decided)
    if to is None:
        return None
    sends, bad = decided.sends, decided.bad
    return Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector=DETECTOR,
        epoch=circuit.epoch + (decided.wanted is not None and decided.wanted is not circuit.wanted),
        why=decided.why,
        signal=None if decided.step is Step.EASE else Signal.BOUNCE,
        count=bad if sends else None,
        of=sends or None,
        rate=bad / sends if sends else None,
        threshold=rules.trial.sprt.p1 if decided.step in {Step.ACCEPT, Step.FAIL} else None,
    )


def carried_out(
    circuit: Circuit, decided: Next, verdict: Verdict | None, verdict_id: int, rules: ProbeRules
) -> tuple[Circuit, Probe | None]:
    """Return the circuit and the probe after a decision.

    Args:
        circuit: The circuit that it was decided about.
        decided: The decision.
        verdict: The same as a verdict, or None where nothing is done.
        verdict_id: The verdict's id.
        rules: The rules.
    """
    if verdict is None:
        return circuit, decided.probe
    if verdict.before is verdict.to:
        after = replace(circuit, epoch=verdict.epoch, permitted=decided.wanted)
    else:
        after = apply(circuit, verdict, verdict_id)
        if decided.step is Step.OPEN:
            after = replace(after, permitted=decided.wanted)
        elif decided.step is Step.EASE:
            after = replace(after, watched_until=verdict.at + rules.watched_for)
    probe = decided.probe
    return after, probe and replace(probe, state=after.state, since=after.since, epoch=after.epoch)


def _target(circuit: Circuit, decided: Next) -> State | None:
    step = decided.step
    if step is Step.OPEN and circuit.state is not State.PROBING:
        return follow(circuit.state, Cause.COOLED_DOWN)
    if step in {Step.OPEN, Step.CLOSE}:
        return State.PROBING
    failed = Cause.PROBE_FAILED_LIMITED if decided.wanted is Wanted.LIMITED else Cause.PROBE_FAILED
    cause = {Step.ACCEPT: Cause.PROBE_ACCEPTED, Step.FAIL: failed, Step.EASE: Cause.EASED}.get(step)
    return follow(circuit.state, cause) if cause else None
