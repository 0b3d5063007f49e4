"""What is decided about accounts and their sending domains in a replay, in the order in which the daemon decides."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from breaker.domain.backtest.account import Step
from breaker.domain.backtest.domains import Domains, Name
from breaker.domain.backtest.neighbours import Neighbours
from breaker.domain.circuits.circuit import apply, judge, may_recover, recover
from breaker.domain.circuits.domain_circuit import Refusal
from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.bounces import enhanced_status, without_addresses
from breaker.domain.outcomes.causes import Bad
from breaker.domain.outcomes.feedback import ACCOUNTS, COMPLAINTS
from breaker.domain.outcomes.outcomes import BounceClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from breaker.domain.backtest.account import Replayed
    from breaker.domain.backtest.accounts import Accounts
    from breaker.domain.backtest.domains import ReplayedDomain
    from breaker.domain.backtest.fleet_guard import FleetGuard
    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.detectors.detectors import Suspicion
    from breaker.domain.outcomes.outcomes import DeliveryEvent, Recipient, Tally
    from breaker.domain.outcomes.sends import Rules
    from breaker.domain.profiles.profile import Profile
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.windows.counters import Counters

_WEEK = 7 * 86_400

OfDomain: TypeAlias = "tuple[tuple[Interval, ...], Mapping[int, Refusal]]"
"""Intervals whose refusals say nothing against an account, and what is a refusal, by the name of the send."""
NO_DOMAIN: OfDomain = ((), {})


@dataclass(slots=True)
class Judge:
    """Decides, with every verdict applied.

    Args:
        profiles: The detectors of each account.
        domains: The sending domains.
        accounts: The accounts.
        guard: What the fleet guard would have held is counted there, if given.
        feedback: Where recipient domains are put in that turn out to send complaint feedback, if given.
    """

    profiles: Profiles
    domains: Domains
    accounts: Accounts
    guard: FleetGuard | None
    feedback: set[str] | None
    _neighbours: Neighbours = field(init=False)
    _complaints: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Let neighbours be heard by the budget of the whole fleet."""
        self._neighbours = Neighbours(self.profiles.base.budget, self.domains.all)

    def look_up(self, account: Replayed) -> ReplayedDomain:
        """Look up what goes by an account's address: its detectors, and its domain."""
        account.profile = self.profiles.of(account)
        account.fed = tuple((one.memory, one.observe) for one in account.profile.sequential)
        account.place = self.domains.of(Name(account.application_id, account.domain))
        return account.place

    def account(
        self, account: Replayed, change: Tally, sent_at: int, intervals: tuple[Interval, ...], now: float
    ) -> None:
        """Judge an account after a bad outcome.

        Args:
            account: The account.
            change: What the outcome says against it.
            sent_at: When the send was sent, Unix seconds.
            intervals: The intervals of its domain whose refusals say nothing against it.
            now: When the outcome became known.
        """
        counters = account.counters
        signal = Signal.BOUNCE if change.hard_bounces > 0 else Signal.COMPLAINT
        judged_by = _without_refused(account, intervals) if intervals else counters
        suspicion = self._suspect(account, judged_by, signal, now)
        if signal is Signal.COMPLAINT:
            self._neighbours.complaint(Name(account.application_id, account.domain), account.name, sent_at)
        if suspicion is not None:
            account.asked[suspicion.step] = now
            self._apply(account, judge(account.circuit, suspicion, counters, now, None), now)

    def relieve(self, account: Replayed, now: float) -> None:
        """End a warning that nothing is left of."""
        if may_recover(account.circuit, now) and self._profile(account).is_calm(account.counters):
            self._apply(account, recover(account.circuit, now), now)

    def _profile(self, account: Replayed) -> Profile:
        if account.profile is None:
            self.look_up(account)
        return account.profile or self.profiles.base

    def _suspect(self, account: Replayed, counters: Counters, signal: Signal, now: float) -> Suspicion | None:
        """Return the stronger suspicion of the account's own outcomes and of its neighbours'."""
        profile = self._profile(account)
        own = profile.suspect(counters, signal)
        if signal is not Signal.COMPLAINT or (own and SEVERITY[own.step] >= SEVERITY[State.LIMITED]):
            return own
        name = Name(account.application_id, account.domain)
        pooled = self._neighbours.suspect(name, account.name, now)
        return replace(pooled, step=profile.step(signal, pooled.step)) if pooled else own

    def domain(self, rules: Rules, account: Replayed, event: DeliveryEvent, now: float) -> OfDomain:
        """Judge the sending domain before its account.

        Returns:
            The intervals whose refusals say nothing against the account, and what is a refusal, by name of the send.
        """
        place = _sending_domain(event)
        refused = any(recipient.bounce_class is BounceClass.POLICY for recipient in event.recipients)
        if not place.domain or not (refused or self.domains.of(place).circuit.intervals):
            return NO_DOMAIN  # nothing to judge, and nothing to leave out
        refusals: dict[int, Refusal] = {}
        new = bounced = 0
        for recipient in _meant(rules, event):
            name = int.from_bytes(rules.key(event.message_id, recipient.address)[:8])
            name, sent_at, outcomes = account.kept.find(name, event.sent_at)
            new += not outcomes
            if rules.grown(outcomes, event.kind, recipient) == outcomes:
                continue
            bounced += 1
            if recipient.bounce_class is BounceClass.POLICY:
                refusals[name] = _refusal(account, event, recipient, sent_at)
        if not bounced:
            return NO_DOMAIN

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

    def _note_stop(self, place: Name, now: float) -> None:
        """Note of each account of a domain that was just stopped how far it was."""
        for one in self.accounts:
            if (one.application_id, one.domain) == place:
                one.domain_stopped = now, one.kept.sends

    def refused(self, account: Replayed, refusal: Refusal, change: Tally, intervals: tuple[Interval, ...]) -> Tally:
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

    def learn(self, account: Replayed, recipient_domain: str) -> None:
        """Learn from a complaint whether its recipient's domain sends feedback; that holds for sends from now on."""
        if self.feedback is not None and recipient_domain not in self.feedback:
            against = self._complaints[recipient_domain]
            against.append(account.name)
            if len(against) >= COMPLAINTS and len(set(against)) >= ACCOUNTS:
                self.feedback.add(recipient_domain)


def _meant(rules: Rules, event: DeliveryEvent) -> Iterator[Recipient]:
    return (one for one in event.recipients if one.domain not in rules.simulator_domains)


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
