"""Count: enter a batch of delivery events into the ledger and the counters, exactly once, and judge what turned bad."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.circuits.domain_circuit import DomainLimits, Refusal
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.pooled import Pooled
from breaker.domain.outcomes.bounces import enhanced_status, without_addresses
from breaker.domain.outcomes.causes import Bad
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind, OutcomeSet, added
from breaker.domain.platform.stop_evidence import has_leaked
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.flows.evidence import LeftOut, evidence_of
from breaker.flows.judge import Judge
from breaker.flows.judge_domains import Fresh, JudgeDomains
from breaker.ports import BadOutcome, Counted, NoHolds, Send, Sender, SendingDomain, TallyKey, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.detectors.detectors import SequentialDetector
    from breaker.domain.outcomes.outcomes import DeliveryEvent, Recipient, Tally
    from breaker.domain.outcomes.sends import Rules
    from breaker.domain.platform.commands import Actuator
    from breaker.domain.platform.suppression import Suppressed, Suppressing
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.windows.counters import Counters
    from breaker.flows.judge import Evidence, Given
    from breaker.flows.judge_domains import GivenDomain
    from breaker.ports import Account, Holds, Ledger, LedgerTransaction, Modes

_HOUR = 3600
_REJECTED = int(OutcomeSet.REJECTED)
_SENDS_READ = 3
"""A recount reads this many times the largest R, since a window of complaints covers delivered sends only."""
_FURTHER_BACK = 4
"""How much more is read where that was too little: few recipients' domains may send feedback."""


@dataclass(slots=True)
class Report:
    """What became of a batch.

    Args:
        outcomes: How many outcomes ended how: `counted`, `repeated`, `simulator`, `too_old`, `too_far_ahead`.
        kinds: How many of the counted were of which kind.
        given: The verdicts.
        domains: The verdicts about sending domains.
        after_stop: Sends of stopped accounts that left later than the platform's queue explains, each with its time;
            whether the platform had been read back by then is not known here.
        suppressed: How many recipients were suppressed for what.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    given: list[Given] = field(default_factory=list)
    domains: list[GivenDomain] = field(default_factory=list)
    after_stop: list[tuple[Account, int]] = field(default_factory=list)
    suppressed: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Seen:
    """A send of the batch: what the ledger knew of it, and what is known now."""

    sent_at: int
    before: int
    now: int
    entered: bool


@dataclass(slots=True)
class _Outcome:
    """One outcome of the batch, in the order in which it came."""

    event: DeliveryEvent
    recipient: Recipient
    sender: Sender
    account: int
    key: bytes

    @property
    def domain(self) -> SendingDomain:
        """The sending domain, with an empty name where the event names no sender."""
        return SendingDomain(self.event.application_id, (self.event.sender or "").rpartition("@")[2])

    @property
    def is_refusal(self) -> bool:
        return self.event.kind is OutcomeKind.BOUNCED and self.recipient.bounce_class is BounceClass.POLICY


@dataclass(frozen=True, slots=True)
class Count:
    """The flow: one call counts one batch in one transaction.

    Args:
        ledger: Where sends are kept.
        modes: How far Breaker may go with each account.
        profiles: The detectors of each account.
        rules: What counts.
        actuators_of: The ways to stop that are on for an account.
        pooled: Returns what the accounts of a group say about each other.
        domain_limits: When a sending domain fails.
        holds: What keeps everybody from being changed.
        judging: Whether what turns bad is judged at once. History is counted first, and judged as a whole: what was bad
            in between is over, and its sending domain failed long ago, if it did.
        protected: Returns whom no more than so much may happen to.
        suppressing: Which recipients are kept, or None where nobody is.
    """

    ledger: Ledger
    modes: Modes
    profiles: Profiles
    rules: Rules
    actuators_of: Callable[[Account], Collection[Actuator]]
    pooled: Callable[[], Pooled] = Pooled
    domain_limits: DomainLimits = field(default_factory=DomainLimits)
    holds: Holds = field(default_factory=NoHolds)
    judging: bool = True
    protected: Callable[[], ProtectedAccounts] = lambda: NOBODY
    suppressing: Suppressing | None = None

    async def __call__(self, events: Sequence[DeliveryEvent], now: float) -> Report:
        """Count a batch; all of it, or nothing.

        Args:
            events: The events in the order of their arrival.
            now: Unix seconds.

        Raises:
            StoreError: Nothing was counted.
        """
        report = Report()
        fitting = [event for event in events if self._fits(event, now, report)]
        if not fitting:
            return report
        senders = [Sender(event.application_id, event.grant_id, event.sender) for event in fitting]
        accounts = await self.ledger.accounts_of(set(senders), now)
        outcomes = [
            _Outcome(event, recipient, sender, accounts[sender], self.rules.key(event.message_id, recipient.address))
            for event, sender in zip(fitting, senders, strict=True)
            for recipient in event.recipients
            if not self._is_simulator(recipient, report)
        ]
        if not outcomes:
            return report
        await self.ledger.make_room_for({outcome.event.sent_at for outcome in outcomes})
        judge = self.judge(report.given)
        judge_domains = JudgeDomains(
            self.domain_limits, self.modes, self.actuators_of, self.holds, report.domains, self.protected
        )
        async with self.ledger.transaction() as transaction:
            batch = _Batch(self, transaction, judge, report, now)
            await batch.load(outcomes)
            if self.judging:
                await batch.judge_domains(judge_domains, outcomes)
            for outcome in outcomes:
                await batch.take(outcome)
            await batch.save()
        return report

    def judge(self, given: list[Given]) -> Judge:
        """Return what judges accounts, and notes verdicts in a list."""
        return Judge(self.profiles, self.modes, self.actuators_of, self.pooled, self.holds, given, self.protected)

    def _fits(self, event: DeliveryEvent, now: float, report: Report) -> bool:
        misfit = self.rules.misfit(event.sent_at, now)
        if misfit is not None:
            report.outcomes[misfit] += len(event.recipients)
        return misfit is None

    def _is_simulator(self, recipient: Recipient, report: Report) -> bool:
        if recipient.domain in self.rules.simulator_domains:
            report.outcomes["simulator"] += 1
            return True
        return False


class _Batch:
    """A batch in its transaction."""

    def __init__(self, count: Count, transaction: LedgerTransaction, judge: Judge, report: Report, now: float) -> None:
        self._rules = count.rules
        self._ledger = count.ledger
        self._holds = count.holds
        self._judging = count.judging
        self._last_event_at: dict[int, float] = {}
        self._profiles = count.profiles
        self._transaction = transaction
        self._judge = judge
        self._report = report
        self._now = now
        self._accounts: dict[int, Account] = {}
        self._circuits: dict[int, Circuit] = {}
        self._counters: dict[int, Counters] = {}
        self._sequential: dict[int, tuple[SequentialDetector, ...]] = {}
        self._sends: dict[tuple[int, bytes], _Seen] = {}
        self._bad: list[BadOutcome] = []
        self._suppressing = count.suppressing
        self._suppressed: list[Suppressed] = []
        self._left_out: dict[SendingDomain, tuple[Interval, ...]] = {}
        self._tallies: dict[TallyKey, Tally] = {}

    async def load(self, outcomes: Sequence[_Outcome]) -> None:
        """Lock the accounts, and look up which sends the ledger knows."""
        wanted = sorted({outcome.account for outcome in outcomes})
        loaded = await self._transaction.load(wanted)
        outdated = {
            one.account for one in outcomes if one.account not in loaded or not loaded[one.account][0].is_of(one.sender)
        }
        if outdated:
            self._ledger.forget(outdated)
            raise TryTransactionAgainError("accounts were merged, or the database replaced, since they were looked up")
        for number, (account, circuit, counters) in loaded.items():
            self._accounts[number], self._circuits[number], self._counters[number] = account, circuit, counters
            self._sequential[number] = self._profiles.of(account).sequential
        asked: list[Send] = []
        for outcome in outcomes:
            name = (outcome.account, outcome.key)
            if name not in self._sends:
                self._sends[name] = _Seen(outcome.event.sent_at, 0, 0, entered=False)
                asked.append(Send(outcome.account, outcome.key, outcome.event.sent_at, 0))
        for position, (sent_at, known) in (await self._transaction.known(asked)).items():
            send = asked[position]
            self._sends[send.account, send.key] = _Seen(sent_at, known, known, entered=True)

    async def judge_domains(self, judge: JudgeDomains, outcomes: Sequence[_Outcome]) -> None:
        """Judge the sending domains that something bounced of, before their accounts are judged by the same bounces."""
        if not any(outcome.event.kind is OutcomeKind.BOUNCED for outcome in outcomes):
            return
        fresh: dict[SendingDomain, Fresh] = {}
        seen: dict[tuple[int, bytes], int] = {}
        for outcome in outcomes:
            send = self._sends[outcome.account, outcome.key]
            known = seen.get((outcome.account, outcome.key), send.now)
            seen[outcome.account, outcome.key] = grown = self._rules.grown(known, outcome.event.kind, outcome.recipient)
            if grown == known or outcome.event.kind is not OutcomeKind.BOUNCED or not outcome.domain.name:
                continue
            of_domain = fresh.setdefault(outcome.domain, Fresh())
            if outcome.is_refusal:
                of_domain.refusals.append(Refusal(outcome.account, send.sent_at, _bad(outcome)))
        if not fresh:
            return
        for outcome in {(one.account, one.key): one for one in outcomes}.values():
            if outcome.domain in fresh and not self._sends[outcome.account, outcome.key].entered:
                fresh[outcome.domain].sends += 1
        circuits = await judge.consider(self._transaction, fresh, self._now)
        self._left_out = {domain: circuit.left_out(self._now) for domain, circuit in circuits.items()}

    async def take(self, outcome: _Outcome) -> None:
        """Count one outcome, and judge its account where it is a bad one."""
        event, recipient = outcome.event, outcome.recipient
        seen = self._sends[outcome.account, outcome.key]
        before = seen.now
        after = self._rules.grown(before, event.kind, recipient)
        if after == before:
            self._report.outcomes["repeated"] += 1
            return
        seen.now = after
        if not self._judging:
            self._last_event_at[outcome.account] = max(
                self._last_event_at.get(outcome.account, 0.0), min(event.occurred_at, self._now)
            )
        self._report.outcomes["counted"] += 1
        self._report.kinds[event.kind] += 1
        counters = self._counters[outcome.account]
        change = counters.record(seen.sent_at, before, after, self._rules.counting)
        if counters.crowded:
            await self._recount(outcome.account)
        self._add_tally(outcome.account, seen.sent_at, before, after)
        if event.kind in (OutcomeKind.BOUNCED, OutcomeKind.COMPLAINT):
            self._note(outcome, seen.sent_at)
        intervals = self._left_out.get(outcome.domain, ()) if self._left_out else ()
        if intervals and outcome.is_refusal and any(interval.covers(seen.sent_at) for interval in intervals):
            change = change._replace(hard_bounces=0)  # it is counted, and says nothing against the account
        for detector in self._sequential[outcome.account]:
            evidence = counters.evidence.get(detector.memory, 0)
            counters.evidence[detector.memory] = detector.observe(evidence, change, recipient.domain)
        if not self._judging:
            return
        number = outcome.account
        if change.hard_bounces or change.complaints:
            self._circuits[number] = await self._judge.consider(
                self._transaction,
                self._accounts[number],
                self._circuits[number],
                counters,
                await self._evidence(outcome, intervals),
                Signal.BOUNCE if change.hard_bounces else Signal.COMPLAINT,
                self._now,
            )
        elif self._circuits[number].state is State.WARNED:
            self._circuits[number] = await self._judge.relieve(
                self._transaction, self._accounts[number], self._circuits[number], counters, self._now
            )

    async def _evidence(self, outcome: _Outcome, intervals: tuple[Interval, ...]) -> Evidence:
        number = outcome.account
        gaps = tuple(self._holds.gaps(outcome.event.application_id))
        left_out = LeftOut(outcome.domain.name, intervals, gaps)
        return await evidence_of(self._transaction, number, self._counters[number], left_out, self._write_bad)

    async def _write_bad(self) -> None:
        if self._bad:
            await self._transaction.note_bad(self._bad)
            self._bad = []

    async def save(self) -> None:
        """Write what changed."""
        self._note_after_stop()
        await self._write_bad()
        new, changed = self._unsaved()
        if changed:
            await self._transaction.amend(changed)
        counted = [
            Counted(account, self._circuits[number], self._counters[number], self._last_event(number))
            for number, account in self._accounts.items()
        ]
        await self._transaction.enter_and_save(new, self._tallies, counted)
        if self._suppressed:
            await self._transaction.suppress(self._suppressed)
            self._report.suppressed.update(str(one.reason) for one in self._suppressed)

    def _last_event(self, number: int) -> float:
        """Return when an account was last heard of: history makes nobody active who is not."""
        return self._now if self._judging else self._last_event_at.get(number, 0.0)

    def _unsaved(self) -> tuple[list[Send], list[Send]]:
        """Return the sends that the ledger does not have, and those that it has with fewer outcomes."""
        new: list[Send] = []
        changed: list[Send] = []
        for (account, key), seen in self._sends.items():
            if seen.now != seen.before:
                (changed if seen.entered else new).append(Send(account, key, seen.sent_at, seen.now))
                seen.before, seen.entered = seen.now, True
        return new, changed

    async def _recount(self, number: int) -> None:
        """Build an account's windows from the ledger; at once, so that batches make no difference to decisions."""
        new, changed = self._unsaved()
        if new:
            await self._transaction.enter(new)
        if changed:
            await self._transaction.amend(changed)
        counters = self._counters[number]
        limit = _SENDS_READ * max(*counters.sizes.bounce, *counters.sizes.complaint)
        while counters.crowded:
            sends = await self._transaction.sends_of(number, counters.restarted_at, limit)
            counters.recount(sends, self._rules.counting, complete=len(sends) < limit)
            limit *= _FURTHER_BACK

    def _add_tally(self, number: int, sent_at: int, before: int, after: int) -> None:
        key = TallyKey(number, sent_at // _HOUR)
        change = self._rules.counting.change(before, after)
        old = self._tallies.get(key)
        self._tallies[key] = change if old is None else added(old, change)

    def _note_after_stop(self) -> None:
        """Note sends that are new and should not have left; what carried a virus did not."""
        stopped = {number for number, circuit in self._circuits.items() if circuit.state is State.STOPPED}
        if not stopped:
            return
        for (number, _), seen in self._sends.items():
            left = number in stopped and not seen.before and seen.now not in {0, _REJECTED}
            if left and has_leaked(seen.sent_at, self._circuits[number].since):
                self._report.after_stop.append((self._accounts[number], seen.sent_at))

    def _note(self, outcome: _Outcome, sent_at: int) -> None:
        event, recipient, bad = outcome.event, outcome.recipient, _bad(outcome)
        if self._suppressing and (found := self._suppressing.suppressed(event, recipient, self._now)):
            self._suppressed.append(found)
        self._bad.append(
            BadOutcome(
                account=outcome.account,
                key=outcome.key,
                sent_at=sent_at,
                received_at=self._now if self._judging else min(event.occurred_at, self._now),
                occurred_at=event.occurred_at,
                kind=event.kind,
                bounce_class=recipient.bounce_class,
                counted=event.kind is OutcomeKind.COMPLAINT or recipient.bounce_class in self._rules.counting.counted,
                recipient_domain=bad.recipient_domain,
                sender_domain=bad.sender_domain,
                enhanced_status=bad.enhanced_status,
                message_id=event.message_id,
                diagnostic=bad.diagnostic,
            )
        )


def _bad(outcome: _Outcome) -> Bad:
    """Return what may be kept of a bad outcome: no address of the recipient is in it."""
    recipient = outcome.recipient
    text = recipient.diagnostic
    return Bad(
        bounce_class=recipient.bounce_class,
        enhanced_status=enhanced_status(text),
        diagnostic=without_addresses(text, recipient.address) if text else None,
        recipient_domain=recipient.domain,
        sender_domain=outcome.domain.name or None,
    )
