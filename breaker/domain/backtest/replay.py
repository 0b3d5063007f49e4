"""Outcomes that were recorded, counted and judged as the daemon counts and judges them, without a database.

The loop is open: outcomes go on after a stop, since what was recorded does not stop for it. There is no mode, no guard
and no feed that may be blind: every verdict is applied. What the fleet guard would have held is a figure of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from breaker.domain.backtest.account import BITS, Replayed, Step
from breaker.domain.backtest.accounts import Accounts
from breaker.domain.backtest.others import Others
from breaker.domain.circuit import apply, judge, may_recover, recover
from breaker.domain.detectors import Signal
from breaker.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.backtest.fleet_guard import FleetGuard
    from breaker.domain.backtest.others import Preset
    from breaker.domain.circuit import Verdict
    from breaker.domain.counters import WindowSizes
    from breaker.domain.outcomes import DeliveryEvent
    from breaker.domain.profile import Profile
    from breaker.domain.profiles import Profiles
    from breaker.domain.sends import Rules

_DAY = 86_400


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

    Attributes:
        accounts: What became of everybody.
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
    accounts: Accounts = field(init=False)
    counted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    latest: float = 0.0

    def __post_init__(self) -> None:
        """Know nobody yet."""
        self.accounts = Accounts(self._make, self._merge)

    def take(self, event: DeliveryEvent, now: float) -> None:
        """Take in one event.

        Args:
            event: What became of a message.
            now: When that became known, Unix seconds.
        """
        application_id, grant_id, sender, message_id, sent_at, _, kind, recipients, _ = event
        self.latest = max(self.latest, now)
        rules = self.rules
        misfit = rules.misfit(sent_at, now)
        if misfit is not None:
            self.outcomes[misfit] += len(recipients)
            return
        account = self.accounts.of(application_id, grant_id, sender, now)
        kept = account.kept
        known = kept.known
        for recipient in recipients:
            domain = recipient.domain
            if domain in rules.simulator_domains:
                self.outcomes["simulator"] += 1
                continue
            name, first_sent_at, before = int.from_bytes(rules.key(message_id, recipient.address)[:8]), sent_at, 0
            if name in known:
                name, first_sent_at, before = kept.find(name, sent_at)
            after = rules.grown(before, kind, recipient)
            if after == before:
                self.outcomes["repeated"] += 1
                continue
            known[name] = first_sent_at << BITS | after
            self.counted += 1
            self._count(account, name, first_sent_at, before, after, domain, now)
        if len(known) > kept.prune_at:
            kept.prune(now - rules.retention - _DAY)

    def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Take in that a grant was deleted."""
        self.accounts.deleted(application_id, grant_id, at)

    def known(self, application_id: str, grant_id: str, address: str | None, now: float) -> None:
        """Take in that a grant was created."""
        self.accounts.of(application_id, grant_id, address, now)

    def end(self) -> None:
        """Let the clocks of others run to the end of the record."""
        for account in self.accounts:
            if account.others is not None:
                account.others.end(self.latest)

    def _count(  # noqa: PLR0913, PLR0917 - an account, a send, what became of it, and when
        self, account: Replayed, name: int, sent_at: int, before: int, after: int, domain: str, now: float
    ) -> None:
        kept, counters = account.kept, account.counters
        if now >= account.turns_bad_at and account.known_before is None:
            account.known_before = kept.bounces.total
        account.last_at = now
        change = counters.record(sent_at, before, after, self.rules.counting)
        kept.place(name, sent_at, change)
        if counters.crowded:
            since = int(now - self.rules.retention) // _DAY * _DAY
            counters.recount_from(kept.bounces, kept.complaints, kept.feedback, since)
        profile = account.profile or self._look_up_profile(account)
        for memory, observe in account.fed:
            counters.evidence[memory] = observe(counters.evidence.get(memory, 0), change, domain)
        _, hard_bounces, _, _, complaints, _, _, _ = change
        if hard_bounces > 0 or complaints > 0:
            self._judge(account, profile, Signal.BOUNCE if hard_bounces else Signal.COMPLAINT, now)
        elif account.circuit.state is State.WARNED and may_recover(account.circuit, now) and profile.is_calm(counters):
            self._apply(account, recover(account.circuit, now), now)
        of_bounces, of_complaints = account.lines
        total = kept.bounces.total
        if hard_bounces or total >= of_bounces.wakes_at:
            of_bounces.look(now, total, bad=hard_bounces > 0)
        if complaints or kept.complaints.total >= of_complaints.wakes_at:
            of_complaints.look(now, total, bad=complaints > 0)
        if account.others is not None:
            account.others.take(now, sent_at, change)

    def _look_up_profile(self, account: Replayed) -> Profile:
        profile = account.profile = self.profiles.of(account)
        account.fed = tuple((one.memory, one.observe) for one in profile.sequential)
        return profile

    def _judge(self, account: Replayed, profile: Profile, signal: Signal, now: float) -> None:
        suspicion = profile.suspect(account.counters, signal)
        if suspicion is None:
            return
        account.asked[suspicion.step] = now
        self._apply(account, judge(account.circuit, suspicion, account.counters, now, None), now)

    def _apply(self, account: Replayed, verdict: Verdict | None, now: float) -> None:
        if verdict is None:
            return
        account.circuit = apply(account.circuit, verdict, 0)
        known = account.kept.bounces.total
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
        into.take_over(gone, self.rules.counting)
