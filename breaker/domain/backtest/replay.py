"""Outcomes that were recorded, counted and judged as the daemon counts and judges them, without a database.

The loop is open: outcomes go on after a stop, since what was recorded does not stop for it. There is no mode, no guard
and no feed that may be blind: every verdict is applied. What the fleet guard would have held is a figure of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from breaker.domain.backtest.account import BITS, Replayed
from breaker.domain.backtest.accounts import Accounts
from breaker.domain.backtest.domains import Domains
from breaker.domain.backtest.judge import NO_DOMAIN, Judge
from breaker.domain.backtest.others import Others
from breaker.domain.circuits.states import State
from breaker.domain.outcomes.outcomes import DeliveryEvent, OutcomeKind, OutcomeSet, Recipient
from breaker.domain.windows.timeline import mark_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.backtest.fleet_guard import FleetGuard
    from breaker.domain.backtest.judge import OfDomain
    from breaker.domain.backtest.others import Preset
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.outcomes.sends import Rules
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.windows.counters import WindowSizes

_DAY = 86_400
_FEEDBACK = int(OutcomeSet.FEEDBACK)
_WAITING = 64
"""Deliveries of an account that wait at most until they are counted together."""


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
    counted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    latest: float = 0.0
    _judge: Judge = field(init=False)
    _delivered: Tally = field(init=False)
    _heard: Tally = field(init=False)

    def __post_init__(self) -> None:
        """Know nobody yet."""
        self.accounts = Accounts(self._make, self._merge)
        self._judge = Judge(self.profiles, self.domains, self.accounts, self.guard, self.feedback)
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
        of_domain = NO_DOMAIN
        if kind is OutcomeKind.BOUNCED and sender:
            of_domain = self._judge.domain(rules, account, event, now)
        for recipient in recipients:
            if recipient.domain in rules.simulator_domains:
                self.outcomes["simulator"] += 1
                continue
            self._take(account, event, recipient, of_domain, now)
        if len(account.kept.known) > account.kept.prune_at:
            account.kept.prune(now - rules.retention - _DAY)

    def delivered(
        self,
        sender: tuple[str, str | None, str | None],
        message_id: str,
        sent_at: int,
        address: str,
        now: float,
    ) -> None:
        """Take in that a message was delivered to one recipient: the same as `take`, in half of the time.

        Args:
            sender: The application, the grant and the address in From.
            message_id: The platform's id of the message.
            sent_at: When the message was sent, Unix seconds.
            address: The recipient's address, lower case.
            now: When that became known, Unix seconds.
        """
        rules = self.rules
        _, at, domain = address.rpartition("@")
        name = int.from_bytes(rules.key(message_id, address)[:8])
        account = self.accounts.known.get(sender)
        if (
            account is None
            or not at
            or name in account.kept.known
            or domain in rules.simulator_domains
            or not now - rules.retention <= sent_at <= now + rules.ahead
        ):
            kind, recipients = OutcomeKind.DELIVERED, (Recipient(address),)
            self.take(DeliveryEvent(*sender, message_id, sent_at, now, kind, recipients, ""), now)
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
        (account.place or self._judge.look_up(account)).count(sent_at, 1, 1)
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
                self._judge.relieve(account, now)

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
        self, account: Replayed, event: DeliveryEvent, recipient: Recipient, of_domain: OfDomain, now: float
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
            change = self._judge.refused(account, refusals[name], change, intervals)
        evidence = account.counters.evidence
        for memory, observe in account.fed:
            evidence[memory] = observe(evidence.get(memory, 0), change, recipient.domain)
        if change.hard_bounces > 0 or change.complaints > 0:
            self._judge.account(account, change, sent_at, intervals, now)
            if change.complaints > 0 and recipient.domain:
                self._judge.learn(account, recipient.domain)
        elif account.circuit.state is State.WARNED:
            self._judge.relieve(account, now)

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
        (account.place or self._judge.look_up(account)).count(sent_at, change.sends, change.delivered)
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
