"""Outcomes that were recorded, counted and judged as the daemon counts and judges them, without a database.

The loop is open: outcomes go on after a stop, since what was recorded does not stop for it. There is no mode, no guard
and no feed that may be blind: every verdict is applied. What the fleet guard would have held is a figure of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from breaker.domain.backtest.account import BITS, Replayed, Step
from breaker.domain.backtest.accounts import Accounts
from breaker.domain.backtest.domains import Domains, Name
from breaker.domain.backtest.neighbours import Neighbours
from breaker.domain.backtest.others import Others
from breaker.domain.bounces import enhanced_status, without_addresses
from breaker.domain.causes import Bad
from breaker.domain.circuit import apply, judge, may_recover, recover
from breaker.domain.detectors import Signal
from breaker.domain.domain_circuit import Refusal
from breaker.domain.outcomes import BounceClass, DeliveryEvent, OutcomeKind, OutcomeSet, Recipient
from breaker.domain.states import SEVERITY, State
from breaker.domain.timeline import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from breaker.domain.backtest.domains import ReplayedDomain
    from breaker.domain.backtest.fleet_guard import FleetGuard
    from breaker.domain.backtest.others import Preset
    from breaker.domain.circuit import Verdict
    from breaker.domain.counters import Counters, WindowSizes
    from breaker.domain.detectors import Suspicion
    from breaker.domain.domain_circuit import Interval
    from breaker.domain.outcomes import Tally
    from breaker.domain.profile import Profile
    from breaker.domain.profiles import Profiles
    from breaker.domain.sends import Rules

FEEDBACK_COMPLAINTS, FEEDBACK_ACCOUNTS = 3, 2
"""Complaints that a recipient domain must have sent, and the accounts that they must have been against, for the fleet
to know that it sends feedback."""

_DAY = 86_400
_WEEK = 7 * _DAY
_FEEDBACK = int(OutcomeSet.FEEDBACK)
_WAITING = 64
"""Deliveries of an account that wait at most until they are counted together."""


_OfDomain: TypeAlias = "tuple[tuple[Interval, ...], Mapping[int, Refusal]]"
_NO_DOMAIN: _OfDomain = ((), {})


@dataclass(slots=True)
class Replay:
    """The replay of one record.

    Args:
        rules: What counts.
        profiles: The detectors of each account.
        sizes: The R that are assumed.
        guard: What the fleet guard would have held is counted there, if given.
        presets: The rules of others that are held against the same outcomes.
        turns_bad_at: From when on accounts are bad, by grant or address, where that is known.
        domains: What became of the sending domains.
        feedback: Where recipient domains are put in that turn out to send complaint feedback: the set that `rules` goes
            by. None where nothing is learnt.

    Attributes:
        accounts: What became of everybody.
        neighbours: What the accounts of a domain or an application say about each other.
        counted: How many outcomes were counted.
        outcomes: How many others ended how: `repeated`, `simulator`, `too_old`, `too_far_ahead`.
        latest: When the latest line came, Unix seconds.
    """

    rules: Rules
    profiles: Profiles
    sizes: WindowSizes
    guard: FleetGuard | None = None
    presets: Sequence[Preset] = ()
    turns_bad_at: Mapping[str, float] = field(default_factory=dict)
    domains: Domains = field(default_factory=Domains)
    feedback: set[str] | None = None
    accounts: Accounts = field(init=False)
    neighbours: Neighbours = field(init=False)
    counted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    latest: float = 0.0
    _against: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _delivered: Tally = field(init=False)
    _heard: Tally = field(init=False)

    def __post_init__(self) -> None:
        """Know nobody yet."""
        self.accounts = Accounts(self._make, self._merge)
        self.neighbours = Neighbours(self.profiles.base.budget, self.domains.all)
        self._delivered = self.rules.counting.change(0, OutcomeSet.DELIVERED)
        self._heard = self.rules.counting.change(0, OutcomeSet.DELIVERED | OutcomeSet.FEEDBACK)

    def take(self, event: DeliveryEvent, now: float) -> None:
        """Take in one event.

        Args:
            event: What became of a message.
            now: When that became known, Unix seconds.
        """
        application_id, grant_id, sender, _, sent_at, _, kind, recipients, _ = event
        self.latest = max(self.latest, now)
        rules = self.rules
        misfit = rules.misfit(sent_at, now)
        if misfit is not None:
            self.outcomes[misfit] += len(recipients)
            return
        account = self.accounts.of(application_id, grant_id, sender, now)
        if account.waiting:
            self._catch_up(account)
        of_domain = _NO_DOMAIN
        if kind is OutcomeKind.BOUNCED and sender:
            of_domain = self._judge_domain(account, event, now)
        for recipient in recipients:
            if recipient.domain in rules.simulator_domains:
                self.outcomes["simulator"] += 1
                continue
            self._take(account, event, recipient, of_domain, now)
        if len(account.kept.known) > account.kept.prune_at:
            account.kept.prune(now - rules.retention - _DAY)

    def delivered(  # noqa: PLR0913, PLR0917 - made for speed: most lines are this, and nothing is packed up for it
        self,
        application_id: str,
        grant_id: str | None,
        sender: str | None,
        message_id: str,
        sent_at: int,
        address: str,
        now: float,
    ) -> None:
        """Take in that a message was delivered to one recipient: the same as `take`, in half of the time."""
        rules = self.rules
        _, at, domain = address.rpartition("@")
        name = int.from_bytes(rules.key(message_id, address)[:8])
        account = self.accounts.known.get((application_id, grant_id, sender))
        if (
            account is None
            or not at
            or name in account.kept.known
            or domain in rules.simulator_domains
            or rules.misfit(sent_at, now)
        ):
            kind, recipients = OutcomeKind.DELIVERED, (Recipient(address),)
            event = DeliveryEvent(application_id, grant_id, sender, message_id, sent_at, now, kind, recipients, "")
            self.take(event, now)
            return
        self.latest = max(self.latest, now)
        after = rules.delivered(domain)
        kept = account.kept
        kept.known[name] = sent_at << BITS | after
        self.counted += 1
        if now >= account.turns_bad_at and account.known_before is None:
            account.known_before = kept.sends
        account.last_at = now
        kept.sends += 1
        kept.delivered += 1
        (account.place or self._look_up(account)).count(sent_at, 1, 1)
        account.waiting.append((sent_at, name, after, domain))
        if account.others is not None:
            account.others.take(now, sent_at, self._heard if after & _FEEDBACK else self._delivered)
        of_bounces, of_complaints = account.lines
        if (
            kept.sends >= of_bounces.wakes_at
            or kept.delivered >= of_complaints.wakes_at
            or account.circuit.state is State.WARNED
            or len(account.waiting) >= _WAITING
        ):
            self._catch_up(account)
            of_bounces.look(now, kept.sends, bad=False)
            of_complaints.look(now, kept.sends, bad=False)
            if account.circuit.state is State.WARNED:
                self._relieve(account, now)

    def _learn(self, account: Replayed, recipient_domain: str) -> None:
        """Learn from a complaint whether its recipient's domain sends feedback; that holds for sends from now on."""
        if self.feedback is not None and recipient_domain not in self.feedback:
            against = self._against[recipient_domain]
            against.append(account.name)
            if len(against) >= FEEDBACK_COMPLAINTS and len(set(against)) >= FEEDBACK_ACCOUNTS:
                self.feedback.add(recipient_domain)

    def _catch_up(self, account: Replayed) -> None:
        """Count the deliveries that wait: together, which is much less work, and as if it were one by one."""
        waiting, account.waiting = account.waiting, []
        counters, kept = account.counters, account.kept
        while waiting:
            moments = [sent_at for sent_at, _, _, _ in waiting]
            to_feedback = [after & _FEEDBACK for _, _, after, _ in waiting]
            done = counters.record_delivered(moments, to_feedback)
            part, waiting = waiting[:done], waiting[done:]
            marks = [mark_of(sent_at, name) for sent_at, name, _, _ in part]
            kept.place_delivered(marks, to_feedback[:done])
            if counters.crowded:
                self._recount(account)
            for memory, observe in account.fed:
                evidence = counters.evidence.get(memory, 0)
                for _, _, after, domain in part:
                    evidence = observe(evidence, self._heard if after & _FEEDBACK else self._delivered, domain)
                counters.evidence[memory] = evidence

    def _take(
        self, account: Replayed, event: DeliveryEvent, recipient: Recipient, of_domain: _OfDomain, now: float
    ) -> None:
        name = int.from_bytes(self.rules.key(event.message_id, recipient.address)[:8])
        name, sent_at, before = account.kept.find(name, event.sent_at)
        after = self.rules.grown(before, event.kind, recipient)
        if after == before:
            self.outcomes["repeated"] += 1
            return
        account.kept.known[name] = sent_at << BITS | after
        self.counted += 1
        change = self._count(account, name, sent_at, before, after, now)
        intervals, refusals = of_domain
        if name in refusals:
            change = self._note_refusal(account, refusals[name], change, intervals)
        evidence = account.counters.evidence
        for memory, observe in account.fed:
            evidence[memory] = observe(evidence.get(memory, 0), change, recipient.domain)
        if change.hard_bounces > 0 or change.complaints > 0:
            self._judge(account, change, sent_at, intervals, now)
            if change.complaints > 0 and recipient.domain:
                self._learn(account, recipient.domain)
        elif account.circuit.state is State.WARNED:
            self._relieve(account, now)

    def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Take in that a grant was deleted."""
        self.accounts.deleted(application_id, grant_id, at)

    def known(self, application_id: str, grant_id: str, address: str | None, now: float) -> None:
        """Take in that a grant was created."""
        self.accounts.of(application_id, grant_id, address, now)

    def end(self) -> None:
        """Count what waits, and let the clocks of others run to the end of the record."""
        for account in self.accounts:
            if account.waiting:
                self._catch_up(account)
            if account.others is not None:
                account.others.end(self.latest)

    def _count(  # noqa: PLR0913, PLR0917 - an account, a send, what became of it, and when
        self, account: Replayed, name: int, sent_at: int, before: int, after: int, now: float
    ) -> Tally:
        kept, counters = account.kept, account.counters
        if now >= account.turns_bad_at and account.known_before is None:
            account.known_before = kept.sends
        account.last_at = now
        change = counters.record(sent_at, before, after, self.rules.counting)
        kept.place(name, sent_at, change)
        if counters.crowded:
            self._recount(account)
        (account.place or self._look_up(account)).count(sent_at, change.sends, change.delivered)
        of_bounces, of_complaints = account.lines
        if change.hard_bounces or kept.sends >= of_bounces.wakes_at:
            of_bounces.look(now, kept.sends, bad=change.hard_bounces > 0)
        if change.complaints or kept.delivered >= of_complaints.wakes_at:
            of_complaints.look(now, kept.sends, bad=change.complaints > 0)
        if account.others is not None:
            account.others.take(now, sent_at, change)
        return change

    def _recount(self, account: Replayed) -> None:
        kept = account.kept
        since = int(account.last_at - self.rules.retention) // _DAY * _DAY
        account.counters.recount_from(kept.bounces, kept.complaints, kept.feedback, since)

    def _look_up(self, account: Replayed) -> ReplayedDomain:
        """Look up what goes by an account's address: its detectors, and its domain."""
        account.profile = self.profiles.of(account)
        account.fed = tuple((one.memory, one.observe) for one in account.profile.sequential)
        account.place = self.domains.of(Name(account.application_id, account.domain))
        return account.place

    def _judge(
        self, account: Replayed, change: Tally, sent_at: int, intervals: tuple[Interval, ...], now: float
    ) -> None:
        counters = account.counters
        signal = Signal.BOUNCE if change.hard_bounces > 0 else Signal.COMPLAINT
        judged_by = _without_refused(account, intervals) if intervals else counters
        suspicion = self._suspect(account, judged_by, signal, now)
        if signal is Signal.COMPLAINT:
            self.neighbours.complaint(Name(account.application_id, account.domain), account.name, sent_at)
        if suspicion is not None:
            account.asked[suspicion.step] = now
            self._apply(account, judge(account.circuit, suspicion, counters, now, None), now)

    def _relieve(self, account: Replayed, now: float) -> None:
        """End a warning that nothing is left of."""
        if may_recover(account.circuit, now) and self._profile(account).is_calm(account.counters):
            self._apply(account, recover(account.circuit, now), now)

    def _profile(self, account: Replayed) -> Profile:
        if account.profile is None:
            self._look_up(account)
        return account.profile or self.profiles.base

    def _suspect(self, account: Replayed, counters: Counters, signal: Signal, now: float) -> Suspicion | None:
        """Return the stronger suspicion of the account's own outcomes and of its neighbours'."""
        profile = self._profile(account)
        own = profile.suspect(counters, signal)
        if signal is not Signal.COMPLAINT or (own and SEVERITY[own.step] >= SEVERITY[State.LIMITED]):
            return own
        name = Name(account.application_id, account.domain)
        pooled = self.neighbours.suspect(name, account.name, now)
        return replace(pooled, step=profile.step(signal, pooled.step)) if pooled else own

    def _judge_domain(self, account: Replayed, event: DeliveryEvent, now: float) -> _OfDomain:
        """Judge the sending domain before its account.

        Returns:
            The intervals whose refusals say nothing against the account, and what is a refusal, by name of the send.
        """
        place = _sending_domain(event)
        refused = any(recipient.bounce_class is BounceClass.POLICY for recipient in event.recipients)
        if not place.domain or not (refused or self.domains.of(place).circuit.intervals):
            return _NO_DOMAIN  # nothing to judge, and nothing to leave out
        refusals: dict[int, Refusal] = {}
        new = bounced = 0
        for recipient in self._meant(event):
            name = int.from_bytes(self.rules.key(event.message_id, recipient.address)[:8])
            name, sent_at, outcomes = account.kept.find(name, event.sent_at)
            new += not outcomes
            if self.rules.grown(outcomes, event.kind, recipient) == outcomes:
                continue
            bounced += 1
            if recipient.bounce_class is BounceClass.POLICY:
                refusals[name] = _refusal(account, event, recipient, sent_at)
        if not bounced:
            return _NO_DOMAIN

        def accounts() -> int:
            return sum(
                (one.application_id, one.domain) == place
                and ((one.grant_id is not None and one.deleted_at is None) or one.last_at >= now - _WEEK)
                for one in self.accounts
            )

        before = self.domains.of(place).circuit
        intervals = self.domains.consider(place, [*refusals.values()], new, accounts, now)
        if len(self.domains.of(place).circuit.intervals) > len(before.intervals):
            self._note_stop(place, now)
        return intervals, refusals

    def _meant(self, event: DeliveryEvent) -> Iterator[Recipient]:
        return (one for one in event.recipients if one.domain not in self.rules.simulator_domains)

    def _note_stop(self, place: Name, now: float) -> None:
        """Note of each account of a domain that was just stopped how far it was."""
        for one in self.accounts:
            if (one.application_id, one.domain) == place:
                one.domain_stopped = now, one.kept.sends

    def _note_refusal(
        self, account: Replayed, refusal: Refusal, change: Tally, intervals: tuple[Interval, ...]
    ) -> Tally:
        """Note a refusal for its domain; return what it says against the account."""
        place = Name(account.application_id, refusal.bad.sender_domain or "")
        self.domains.of(place).note(refusal)
        if change.hard_bounces:
            account.refused.append((refusal.sent_at, place.domain))
        covered = any(interval.covers(refusal.sent_at) for interval in intervals)
        return change._replace(hard_bounces=0) if covered else change

    def _apply(self, account: Replayed, verdict: Verdict | None, now: float) -> None:
        if verdict is None:
            return
        account.circuit = apply(account.circuit, verdict, 0)
        known = account.kept.sends
        account.steps.append(Step(now, known, verdict.signal, verdict.detector, verdict.to, verdict.count, verdict.of))
        if verdict.to is State.STOPPED and self.guard is not None:
            self.guard.stop(account, self.accounts, now)

    def _make(self, application_id: str, grant_id: str | None, address: str | None) -> Replayed:
        account = Replayed(application_id, grant_id, address, self.sizes)
        names = (grant_id or "", address or "")
        account.turns_bad_at = next((self.turns_bad_at[one] for one in names if one in self.turns_bad_at), inf)
        if self.presets:
            account.others = Others(self.presets)
        return account

    def _merge(self, gone: Replayed, into: Replayed) -> None:
        for account in (gone, into):
            self._catch_up(account)
        into.take_over(gone, self.rules.counting)


def _sending_domain(event: DeliveryEvent) -> Name:
    return Name(event.application_id, (event.sender or "").rpartition("@")[2])


def _refusal(account: Replayed, event: DeliveryEvent, recipient: Recipient, sent_at: int) -> Refusal:
    text = recipient.diagnostic
    bad = Bad(
        bounce_class=recipient.bounce_class,
        enhanced_status=enhanced_status(text),
        diagnostic=without_addresses(text, recipient.address) if text else None,
        recipient_domain=recipient.domain,
        sender_domain=_sending_domain(event).domain or None,
    )
    return Refusal(id(account), sent_at, bad)


def _without_refused(account: Replayed, intervals: tuple[Interval, ...]) -> Counters:
    """Return what an account is judged by: without the refusals that its domain is to blame for."""
    return account.counters.without(
        [
            sent_at
            for sent_at, domain in account.refused
            if domain == account.domain and any(interval.covers(sent_at) for interval in intervals)
        ]
    )
