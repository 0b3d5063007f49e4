"""Judge domains: whether the refusals of a batch are one trouble of a sending domain, before its accounts are judged.

Refusals are few, so what is needed is read when one comes, once for a domain in a batch, and no counter is kept that
batches would have to take turns at. What is decided stands in `breaker.domain.circuits.domain_circuit`.

A block of a domain stops every account of it, so it is applied only where each of them may be stopped: one that is
observed, exempt or protected holds it, and one for which `block_domain` is off makes it a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import PENDING_LASTS, HeldBy, Mode, apply
from breaker.domain.circuits.domain_circuit import (
    DomainCircuit,
    DomainLimits,
    Interval,
    decide,
    failure,
    shared_refusals,
)
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.platform.commands import Actuator, plan_domain
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.flows.designs import Made
from breaker.ports import NoHolds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.circuits.domain_circuit import Failure, Refusal
    from breaker.domain.profiles.protected import Protected
    from breaker.ports import Account, Holds, LedgerTransaction, LockedDomains, Modes, SendingDomain

_HELD = frozenset({State.STOPPED, State.PROBING})
_WEEK = 7 * 86_400.0
_TOO_OLD = 86_400.0
"""Seconds after which a refused send tells nothing of its domain's present: it comes from a backfill."""
_READ = 500
"""Refusals read at most, the latest; a domain that has more fails by far fewer."""


@dataclass(frozen=True, slots=True)
class GivenDomain:
    """A verdict about a domain that was given, for the log, the metrics and the outbox's wake-up.

    Args:
        id: The verdict's id.
        domain: The domain.
        verdict: The verdict.
        mode: The mode that its accounts have in common, else the one that holds the verdict.
    """

    id: int
    domain: SendingDomain
    verdict: Verdict
    mode: Mode


@dataclass(slots=True)
class Fresh:
    """What a batch brings of a domain and has not written down yet.

    Args:
        refusals: The refusals.
        sends: How many of its sends were not known before.
    """

    refusals: list[Refusal] = field(default_factory=list)
    sends: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """A failing domain, and all of its accounts."""

    failure: Failure
    accounts: Sequence[Account]


@dataclass(frozen=True, slots=True)
class JudgeDomains:
    """Decides about domains inside the transaction that counts what they sent.

    Args:
        limits: When a domain fails.
        modes: How far Breaker may go with each account.
        actuators_of: The ways to stop that are on for an account.
        holds: What keeps all domains from being changed.
        given: Where verdicts are noted, to be told once the transaction is committed.
        protected: Returns whom no more than so much may happen to.
    """

    limits: DomainLimits
    modes: Modes
    actuators_of: Callable[[Account], Collection[Actuator]]
    holds: Holds = field(default_factory=NoHolds)
    given: list[GivenDomain] = field(default_factory=list)
    protected: Callable[[], ProtectedAccounts] = lambda: NOBODY

    async def consider(
        self, transaction: LedgerTransaction, fresh: Mapping[SendingDomain, Fresh], now: float
    ) -> Mapping[SendingDomain, DomainCircuit]:
        """Judge the domains of a batch.

        Args:
            transaction: The batch's; all of its accounts are locked.
            fresh: What the batch brings, of every domain that something bounced of.
            now: Unix seconds.

        Returns:
            The circuits as they stand now; a domain without one never failed.
        """
        domains = transaction.domains
        standing = dict(await domains.standing(sorted(fresh)))
        failing: dict[SendingDomain, _Found] = {}
        for domain in sorted(fresh):
            if fresh[domain].refusals:
                found = await self._find(domains, domain, standing.get(domain) or DomainCircuit(), fresh[domain], now)
                if found is not None:
                    failing[domain] = found
        if failing:
            # All rows first, so that the fleet guard's lock is the last one that is taken.
            for domain, circuit in (await domains.lock(sorted(failing))).items():
                standing[domain] = await self._decide(transaction, domain, circuit, failing[domain], now)
        return standing

    async def _find(
        self, domains: LockedDomains, domain: SendingDomain, circuit: DomainCircuit, fresh: Fresh, now: float
    ) -> _Found | None:
        """Return the failure of a domain, where it has one that calls for a verdict."""
        until = max(one.sent_at for one in fresh.refusals)
        since = max(until - self.limits.window, circuit.restarted_at)
        if circuit.circuit.state in _HELD or until < max(now - _TOO_OLD, since):
            return None
        if await self._stands(domains, domain, circuit, now):
            return None
        known = await domains.refusals(domain, since, until, _READ)
        refusals = [*known, *(one for one in fresh.refusals if since <= one.sent_at)]
        candidates = shared_refusals(refusals, self.limits)
        if not candidates:
            return None
        sends = await domains.sends(domain, since, until) + fresh.sends
        accounts = await domains.accounts(domain, now - _WEEK)
        for shared in candidates:
            found = failure(shared, sends, max(len(accounts), shared.accounts), self.limits)
            if found is not None:
                return _Found(found, accounts)
        return None

    async def _stands(self, domains: LockedDomains, domain: SendingDomain, circuit: DomainCircuit, now: float) -> bool:
        """Tell whether a held verdict says all there is to say, so that nothing has to be read for another one."""
        pending = circuit.circuit.pending
        if pending is None or pending.to is not State.STOPPED or now - pending.at >= PENDING_LASTS:
            return False
        accounts = await domains.accounts(domain, now - _WEEK)
        return await self._held(domain, accounts, now) is not None

    async def _held(self, domain: SendingDomain, accounts: Sequence[Account], now: float) -> HeldBy | None:
        """Return what keeps the domain of some accounts from being stopped; one that nobody knows may not be."""
        modes = {(await self.modes.in_force(account, now)).mode for account in accounts}
        if Mode.EXEMPT in modes or self._protected_of(accounts):
            return HeldBy.EXEMPT
        if Mode.OBSERVE in modes or not modes:
            return HeldBy.OBSERVE
        return self.holds.held_by(domain.application_id, None, now)

    def _protected_of(self, accounts: Sequence[Account]) -> Sequence[Protected]:
        """Return what protects some accounts from being stopped, each once."""
        protected = self.protected()
        return list(dict.fromkeys(one for each in accounts if (one := protected.bars(each, State.STOPPED))))

    async def _can_block(self, domains: LockedDomains, domain: SendingDomain, accounts: Sequence[Account]) -> bool:
        on = all(Actuator.BLOCK_DOMAIN in self.actuators_of(account) for account in accounts)
        return on and await domains.is_made(domain.application_id, Made.DOMAIN_LIST)

    async def _decide(
        self, transaction: LedgerTransaction, domain: SendingDomain, before: DomainCircuit, found: _Found, now: float
    ) -> DomainCircuit:
        domains = transaction.domains
        held_by = await self._held(domain, found.accounts, now)
        can_block = await self._can_block(domains, domain, found.accounts)
        circuit = before.circuit
        verdict = decide(domain.name, circuit, found.failure, now, held_by=held_by, can_block=can_block)
        if verdict is None:
            return before
        stops = verdict.applied and verdict.to is State.STOPPED
        if stops and not await transaction.room_for_a_domain_stop(domain, now):
            stops = False
            verdict = decide(domain.name, circuit, found.failure, now, held_by=HeldBy.GUARD, can_block=can_block)
            if verdict is None:
                return before
        number = await domains.record_verdict(domain, verdict, self._context(found))
        after = replace(before, circuit=apply(circuit, verdict, number))
        if stops:
            begins_at = float(found.failure.shared.first_at)
            earlier = tuple(one for one in before.intervals if one.begins_at != begins_at)
            after = replace(after, confirmed=False, intervals=(*earlier, Interval(begins_at, None)))
        await domains.save(domain, after)
        if stops:
            left_over = await domains.has_stand_ins(domain, before=verdict.epoch)
            await domains.order(domain, verdict.epoch, number, plan_domain(Wanted.STOPPED, stand_ins=left_over), now)
        self.given.append(GivenDomain(number, domain, verdict, _MODES.get(verdict.held_by, Mode.ENFORCE)))
        return after

    def _context(self, found: _Found) -> dict[str, object]:
        shared = found.failure.shared
        barred = self._protected_of(found.accounts)
        return {
            "domains": self.limits.describe(),
            "accounts": shared.accounts,
            "accounts_of_domain": len(found.accounts),
            "recipient_domains": shared.recipient_domains,
            "first_at": shared.first_at,
            "text": shared.text,
            **({"protected": [one.describe() for one in barred]} if barred else {}),
        }


_MODES: Mapping[HeldBy | None, Mode] = {HeldBy.OBSERVE: Mode.OBSERVE, HeldBy.EXEMPT: Mode.EXEMPT}
