"""What people's acts do to the circuits of sending domains.

A domain is acted upon together with its accounts or by itself:

    reset domain:X                 its accounts, and its circuit where that is not simply `sending`
    reset application:X, --all     the same of all domains there
    reset domain:X --only-domain   its circuit alone: the accounts keep what was counted
    trip domain:X                  its accounts, one by one
    trip domain:X --limit          its accounts, one by one
    trip domain:X --only-domain    its circuit alone: one entry in the list of stopped domains
    probe domain:X                 its accounts, one by one
    probe domain:X --only-domain   its circuit alone: one of its accounts is tested now, cooled down or not
    mode ... enforce               what stands pending of those domains is listed, or taken by --apply-pending
    mode domain:X stopped          its accounts, one by one, those to come included
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.domain.acts.acts import AccountEffect, ActKind, Effect, Refusal, RefusedError
from breaker.domain.acts.decisions import decide
from breaker.domain.acts.selectors import Scope
from breaker.domain.circuits.circuit import Mode, apply
from breaker.domain.circuits.domain_circuit import DomainCircuit, DomainLimits, Interval
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.platform.commands import plan_domain
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.ports import SendingDomain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.acts.acts import Act
    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.circuit import Verdict
    from breaker.ports import Account, Clock, Domains, LockedDomains

GROUPS = (Scope.DOMAIN, Scope.APPLICATION, Scope.ALL)
"""The selectors that speak of domains too."""

_WEEK = 7 * 86_400.0
_NAMED = 5
_OF_PENDING = (ActKind.MODE, ActKind.GUARD_APPROVE)
_OF_DOMAINS = (ActKind.TRIP, ActKind.RESET, ActKind.PROBE)
_OF_ACCOUNTS = (ActKind.TRIP, ActKind.LIMIT, ActKind.PROBE)


class DomainOperator:
    """Carries out people's acts on domains.

    Args:
        domains: The circuits.
        clock: The time.
        protected: Returns whom no more than so much may happen to automatically: said where their domain is stopped.
    """

    def __init__(
        self, domains: Domains, clock: Clock, protected: Callable[[], ProtectedAccounts] = lambda: NOBODY
    ) -> None:
        """Keep the parts."""
        self._domains = domains
        self._clock = clock
        self._protected = protected

    async def meant(self, act: Act, selector: Selector, applications: Sequence[str]) -> list[SendingDomain]:
        """Return the domains that an act on a selector is about.

        Args:
            act: The act.
            selector: Whom it speaks of.
            applications: The applications that have accounts of it.

        Raises:
            RefusedError: The act is about domains alone, and the selector is none.
        """
        if act.only_domain and (selector.scope is not Scope.DOMAIN or act.kind not in _OF_DOMAINS):
            raise RefusedError(
                f"{selector} is no sending domain: only-domain goes with trip, reset or probe of domain:X"
            )
        name = selector.name if selector.scope is Scope.DOMAIN else None
        if act.only_domain and act.kind is not ActKind.RESET:
            return [SendingDomain(application, selector.name) for application in applications]
        if selector.scope not in GROUPS or act.kind in _OF_ACCOUNTS or act.mode is Mode.STOPPED:
            return []
        everywhere = selector.scope is not Scope.APPLICATION
        async with self._domains.transaction() as transaction:
            return list(await transaction.open(() if everywhere else applications, name))

    async def plan(self, act: Act, domains: Collection[SendingDomain]) -> list[AccountEffect]:
        """Return what an act would do; nothing is changed."""
        effects: list[AccountEffect] = []
        async with self._domains.transaction() as transaction:
            standing = await transaction.standing(sorted(domains))
            for domain in sorted(domains):
                circuit = standing.get(domain) or DomainCircuit()
                decided = self._decide(act, circuit)
                effects.append(await self._effect(transaction, domain, circuit, decided, None))
        return effects

    async def carry_out(self, act: Act, domains: Collection[SendingDomain]) -> list[AccountEffect]:
        """Do it, and return what was done."""
        if not domains:
            return []
        async with self._domains.transaction() as transaction:
            locked = await transaction.lock(sorted(domains))
            return [await self._act_on(transaction, act, domain, circuit) for domain, circuit in locked.items()]

    async def unconfirmed(self, domains: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those that the platform was not read back for."""
        if not domains:
            return []
        async with self._domains.transaction() as transaction:
            standing = await transaction.standing([SendingDomain(*one) for one in domains])
        return [(*domain,) for domain, circuit in standing.items() if not circuit.confirmed]

    def _decide(self, act: Act, circuit: DomainCircuit) -> Verdict | Refusal:
        return decide(act, circuit.circuit, enforceable=True, now=self._clock.now())

    async def _act_on(
        self, transaction: LockedDomains, act: Act, domain: SendingDomain, before: DomainCircuit
    ) -> AccountEffect:
        now = self._clock.now()
        decided = self._decide(act, before)
        if isinstance(decided, Refusal):
            return await self._effect(transaction, domain, before, decided, None)
        context = {"act": act.kind.value, "reason": act.reason, **({"false_stop": True} if act.false_stop else {})}
        number = await transaction.record_verdict(domain, decided, context)
        after = replace(before, circuit=apply(before.circuit, decided, number))
        if act.kind is ActKind.RESET:
            closed = tuple(one if one.ends_at is not None else one._replace(ends_at=now) for one in before.intervals)
            after = replace(after, restarted_at=now, intervals=closed)
        elif after.circuit.wanted is Wanted.STOPPED and before.circuit.wanted is not Wanted.STOPPED:
            pending = before.circuit.pending
            # What was held was seen within the window before it.
            begins_at = pending.at - DomainLimits().window if act.kind in _OF_PENDING and pending else now
            earlier = tuple(one for one in before.intervals if one.begins_at != begins_at)
            after = replace(after, intervals=(*earlier, Interval(begins_at, None)))
        await transaction.save(domain, after)
        if after.circuit.epoch != before.circuit.epoch:
            kinds = plan_domain(
                after.circuit.wanted,
                probing=after.circuit.state is State.PROBING,
                stand_ins=await transaction.has_stand_ins(domain, before=after.circuit.epoch),
            )
            await transaction.order(domain, after.circuit.epoch, number, kinds, now)
        return await self._effect(transaction, domain, before, decided, number)

    async def _effect(
        self,
        transaction: LockedDomains,
        domain: SendingDomain,
        circuit: DomainCircuit,
        decided: Verdict | Refusal,
        verdict: int | None,
    ) -> AccountEffect:
        """Return what is done to a domain; a stop says how many accounts it is of, and who of them is protected."""
        state = circuit.circuit.state
        if isinstance(decided, Refusal):
            return AccountEffect(domain.id, None, state, state, decided.effect, decided.why)
        why = decided.why
        if decided.to is State.STOPPED:
            accounts = await transaction.accounts(domain, self._clock.now() - _WEEK)
            why = " ".join(filter(None, (why, _whom(accounts, self._protected()))))
        return AccountEffect(domain.id, None, decided.before, decided.to, Effect.CHANGED, why, verdict)


def _whom(accounts: Sequence[Account], protected: ProtectedAccounts) -> str:
    """Say whom a domain's stop stops against what protects them, or nothing."""
    barred = [(one, by) for one in accounts if (by := protected.bars(one, State.STOPPED))]
    if not barred:
        return ""
    named = ", ".join(f"{one.address or one.id} (owner {by.owner})" for one, by in barred[:_NAMED])
    more = f" and {len(barred) - _NAMED:,} more" if len(barred) > _NAMED else ""
    return f"One entry stops all of its {len(accounts):,} accounts, those that are protected too: {named}{more}."
