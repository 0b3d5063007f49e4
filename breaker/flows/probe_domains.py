"""Probe domains: a sending domain that was stopped comes back by what one of its accounts' sends meet.

As with accounts (`breaker.flows.probe`), one daemon at a time probes an application by a lease, and nothing that
matters rests on that: each step is one transaction with the domain's row locked, which stores the verdict, the circuit,
the probe, who stands in for the domain and what the platform is to be told. A crash comes before a step or after it.

That one account alone can send rests on the order in which the platform is told (`domain.platform.commands`): a round
opens once all others were read back in the list of stopped accounts, and they stay there between rounds; closing it
begins with the domain's own entry. What becomes known in between (an account that is new, a list that was replaced)
closes the round, and so does whatever keeps Breaker from acting: a hold, a blind feed, an account that is observed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.platform.commands import plan_domain
from breaker.domain.probes.domain_probe import DomainProbe, Traffic, choose, not_held, rules_for_domains, stand_ins
from breaker.domain.probes.probe import NOTHING_SEEN, Phase
from breaker.domain.probes.probing import Facts, Next, Step, begin, carried_out, decide, notice, verdict_of
from breaker.domain.probes.words import NOT_ENFORCED
from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures
from breaker.ports import Account, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.circuits.domain_circuit import DomainCircuit
    from breaker.domain.probes.domain_probe import Member
    from breaker.domain.probes.probe import Probe, ProbeRules
    from breaker.flows.lease import Lease
    from breaker.ports import (
        Clock,
        Confirmation,
        DomainProbes,
        Holds,
        Inventory,
        LockedDomainProbes,
        Modes,
        SendingDomain,
    )

log = structlog.get_logger(__name__)

_HELD = frozenset({State.STOPPED, State.PROBING})
_NEEDED = frozenset({Made.LIST, Made.DOMAIN_LIST, Made.RULE})


@dataclass(frozen=True, slots=True)
class DomainStep:
    """A step that was committed, for the log, the metrics and the outbox's wake-up.

    Args:
        id: The verdict's id.
        domain: The domain.
        verdict: The verdict.
        step: What was done.
        account: The address of the account that may send, or could in the last round; None before the first.
    """

    id: int
    domain: SendingDomain
    verdict: Verdict
    step: Step
    account: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A domain as it was found in a transaction."""

    domain: SendingDomain
    circuit: DomainCircuit
    known: DomainProbe | None
    confirmation: Confirmation
    members: Sequence[Member]

    @property
    def is_open(self) -> bool:
        circuit = self.circuit.circuit
        return circuit.state is State.PROBING and circuit.wanted is Wanted.SENDING

    def member(self, key: int | None) -> Member | None:
        return next((one for one in self.members if one.key == key), None)


def _untold(_step: DomainStep) -> None:
    """Tell nobody."""


@dataclass(slots=True, kw_only=True)
class DomainProber:
    """The flow: each call is one look at all domains of an application about which something is due.

    Args:
        application_id: The application.
        probes: How far domains have come.
        modes: How far Breaker may go with each account.
        holds: What keeps all of them from being changed.
        too_quiet: Tells of an application and a moment whether it is implausible that no bounces were heard of.
        inventory: What Breaker has made on the platform.
        rules: Returns how accounts come back.
        enabled: Tells whether probing is switched on.
        lease: Held by the daemon that probes.
        clock: The time.
        random: Returns a number from 0 to 1, for cool-downs that differ.
        told: Told of each step.
    """

    application_id: str
    probes: DomainProbes
    modes: Modes
    holds: Holds
    too_quiet: Callable[[str, float], bool]
    inventory: Inventory
    rules: Callable[[], ProbeRules]
    enabled: Callable[[], bool] = lambda: True
    lease: Lease
    clock: Clock
    random: Callable[[], float]
    told: Callable[[DomainStep], None] = _untold
    _attending: bool = field(init=False, default=False)
    _can_hold_others: bool = field(init=False, default=False)

    async def __call__(self) -> int:
        """Look once, and return how many steps were taken.

        Raises:
            StoreError: The database can't be used now; what was decided before stays.
        """
        self._attending = self._attending and self.lease.held
        if not await self.lease.ensure():
            return 0
        due = await self.probes.due(self.application_id, self.clock.now())
        if due or not self._attending:
            self._can_hold_others = (await known_fixtures(self.inventory, self.application_id)).ids.keys() >= _NEEDED
        taken = 0
        if not self._attending:
            taken += await self.close_all()
            self._attending = True
        for domain in due:
            if not self.lease.held:
                break
            with suppress(TryTransactionAgainError):  # the next look finds what somebody else decided
                taken += await self._step(domain, unattended=False)
        return taken

    async def close_all(self) -> int:
        """Close the rounds that are open, as one does that nobody watched; return how many."""
        closed = 0
        for domain in await self.probes.open(self.application_id):
            with suppress(TryTransactionAgainError):
                closed += await self._step(domain, unattended=True)
        return closed

    async def leave(self) -> int:
        """Close the rounds that are open, and give the lease back; return how many there were."""
        if not self.lease.held:
            return 0
        self._attending = False
        try:
            return await self.close_all()
        finally:
            await self.lease.give_back()

    async def _step(self, domain: SendingDomain, *, unattended: bool) -> int:
        rules = rules_for_domains(self.rules())
        async with self.probes.transaction() as locked:
            circuit = (await locked.domains.lock([domain]))[domain]
            known, confirmation = await locked.probe_of(domain)
            current = await self._current(locked, domain, circuit, known, rules)
            if current is None:
                return 0
            members = await locked.members(domain, self.clock.now())
            seen = _Seen(domain, circuit, known, confirmation, members)
            decided, probe, account = await self._decide(locked, seen, current, rules, unattended=unattended)
            verdict = verdict_of(circuit.circuit, decided, self.clock.now(), rules)
            if verdict is None:
                after = replace(current, probe=decided.probe) if decided.probe else None
                if after != known:
                    await locked.keep(domain, after)
                done = None
            else:
                verdict = replace(verdict, cause=current.cause)
                if decided.step is Step.FAIL:
                    # Also where the domain is blocked already, there is something to tell: who stood in for it.
                    verdict = replace(verdict, epoch=circuit.circuit.epoch + 1)
                after = DomainProbe(probe, account, current.cause)
                done = await self._carry_out(locked, seen, after, decided, verdict)
        self._asked(domain, known, decided.probe)
        if done is None:
            return 0
        _log(done)
        self.told(done)
        return 1

    async def _current(
        self,
        locked: LockedDomainProbes,
        domain: SendingDomain,
        circuit: DomainCircuit,
        known: DomainProbe | None,
        rules: ProbeRules,
    ) -> DomainProbe | None:
        """Return the probe of the state that the domain is in by now, or the last one where it is in none."""
        if circuit.circuit.state not in _HELD or (known is not None and known.probe.belongs_to(circuit.circuit)):
            return known
        held = await locked.held_for(domain, circuit.circuit, rules.within)
        probe = begin(circuit.circuit, held.hold, known.probe if known else None, rules, self.random())
        return DomainProbe(probe, known.account if known else None, held.cause)

    async def _decide(
        self,
        locked: LockedDomainProbes,
        seen: _Seen,
        current: DomainProbe,
        rules: ProbeRules,
        *,
        unattended: bool,
    ) -> tuple[Next, Probe, int | None]:
        """Return what is done next, the probe that it was decided by, and the account that may send then."""
        now, probe, account = self.clock.now(), current.probe, current.account
        evidence = NOTHING_SEEN
        if seen.circuit.circuit.state is State.PROBING:
            probe = notice(probe, seen.confirmation.wanted, seen.confirmation.at)
            if probe.opened_at is not None and account is not None:
                evidence = await locked.evidence(seen.domain, account, probe.opened_at, probe.closed_at)
                probe = replace(probe, seen=evidence)
        hindrance = await self._hindrance(locked, seen, current)
        facts = Facts(
            now=now,
            confirmed=seen.confirmation.wanted,
            confirmed_at=seen.confirmation.at,
            evidence=evidence,
            hindrance=hindrance,
            jitter=self.random(),
            unattended=unattended,
            too_quiet=self.too_quiet(self.application_id, now),
        )
        decided = decide(seen.circuit.circuit, probe, facts, rules)
        if decided.step is not Step.OPEN:
            return decided, probe, account
        chosen = await self._choose(locked, seen)
        if chosen is None:
            log.info("no account of a stopped domain is free to probe it", domain=seen.domain.name)
            return Next(Step.WAIT, probe), probe, account
        member, traffic = chosen
        # Said again, now that it is known of whom.
        probe = replace(probe, pace=float(traffic.sends))
        facts = replace(facts, who=f"{member.address} alone")
        return decide(seen.circuit.circuit, probe, facts, rules), probe, member.key

    async def _hindrance(self, locked: LockedDomainProbes, seen: _Seen, current: DomainProbe) -> str | None:
        """Return why no account may be free, or stay so, or None."""
        if not self.enabled():
            return "Probing is switched off."
        if not self._can_hold_others:
            return "There is no list of stopped accounts on the platform that could hold the others."
        modes = [mode for one in seen.members if one.grant_id and (mode := await self._mode_of(one)) is not None]
        for mode in (Mode.OBSERVE, Mode.EXEMPT):
            if mode in modes:
                return NOT_ENFORCED.format(mode).replace("Its", "An account's")
        held_by = self.holds.held_by(self.application_id, None, self.clock.now())
        if held_by is HeldBy.BLIND:
            return "What is heard of the platform is not to be trusted now."
        if held_by:
            return f"Everything is held by {held_by}."
        return await self._round_hindrance(locked, seen, current) if seen.is_open else None

    async def _round_hindrance(self, locked: LockedDomainProbes, seen: _Seen, current: DomainProbe) -> str | None:
        """Return why a round has to be closed, or None."""
        member = seen.member(current.account)
        if member is None or not member.is_fit or await self._mode_of(member) is not Mode.ENFORCE:
            return "The account that may send is not free any more."
        epoch = seen.circuit.circuit.epoch
        held = {one for one, asked in (await locked.stand_ins(seen.domain)).items() if asked == epoch}
        if new := not_held(seen.members, current.account, held):
            return (
                f"Nothing on the platform holds {len(new):,} of its other accounts: they are new, or were let go there."
            )
        if current.probe.phase is Phase.OPEN and seen.confirmation.wanted is not Wanted.SENDING:
            return "What the platform does is not known any more."
        return None

    async def _choose(self, locked: LockedDomainProbes, seen: _Seen) -> tuple[Member, Traffic] | None:
        allowed = [one for one in seen.members if one.is_fit and await self._mode_of(one) is Mode.ENFORCE]
        begins = [one.begins_at for one in seen.circuit.intervals if one.ends_at is None]
        failed_at = min(begins, default=seen.circuit.circuit.since)
        traffic = await locked.traffic(seen.domain, [one.key for one in allowed], failed_at)
        return choose((one, traffic.get(one.key, Traffic())) for one in allowed)

    async def _mode_of(self, member: Member) -> Mode:
        account = Account(
            member.key,
            self.application_id,
            member.grant_id,
            member.address,
            member.workspace_id,
            member.home_workspace_id,
        )
        return (await self.modes.in_force(account, self.clock.now())).mode

    async def _carry_out(
        self, locked: LockedDomainProbes, seen: _Seen, probe: DomainProbe, decided: Next, verdict: Verdict
    ) -> DomainStep:
        domain, before = seen.domain, seen.circuit
        rules = rules_for_domains(self.rules())
        member = seen.member(probe.account)
        number = await locked.domains.record_verdict(domain, verdict, _context(probe, member, rules))
        circuit, follows = carried_out(before.circuit, decided, verdict, number, rules)
        after = replace(before, circuit=circuit)
        if decided.step is Step.ACCEPT:
            closed = [one if one.ends_at is not None else one._replace(ends_at=verdict.at) for one in before.intervals]
            after = replace(after, restarted_at=verdict.at, intervals=tuple(closed))
        await locked.domains.save(domain, after)
        await locked.keep(domain, replace(probe, probe=follows) if follows else None)
        if circuit.epoch != before.circuit.epoch:
            if decided.step is Step.OPEN and probe.account is not None:
                await locked.let_stand_in(domain, stand_ins(seen.members, probe.account), circuit.epoch)
            kinds = plan_domain(
                circuit.wanted,
                probing=circuit.state is State.PROBING,
                stand_ins=await locked.domains.has_stand_ins(domain, before=circuit.epoch),
            )
            await locked.domains.order(domain, circuit.epoch, number, kinds, verdict.at)
        return DomainStep(number, domain, verdict, decided.step, member.address if member else None)

    def _asked(self, domain: SendingDomain, before: DomainProbe | None, after: Probe | None) -> None:
        known = before.probe.asks if before else None
        if after is not None and after.phase is Phase.ASKING and after.asks != known:
            log.warning("a person is asked whether a sending domain may be probed", domain=domain.name, asks=after.asks)


def _context(probe: DomainProbe, member: Member | None, rules: ProbeRules) -> dict[str, object]:
    """Return what a verdict rests on, the round in question included."""
    one, test = probe.probe, rules.trial.sprt
    return {
        "trial": {
            "p0": test.p0,
            "p1": test.p1,
            "alpha": test.alpha,
            "beta": test.beta,
            "round_sends": rules.trial.round_sends,
            "most_sends": rules.trial.most_sends,
        },
        "round": {
            "number": one.round,
            "account": member.address if member else None,
            "opened_at": one.opened_at,
            "closed_at": one.closed_at,
            "sends": one.seen.sends,
            "bad": one.seen.bad,
            "late": one.seen.late,
            "overshoot": one.overshoot(rules),
        },
        "stops": one.stops,
        "failures": one.failures,
    }


def _log(done: DomainStep) -> None:
    level = log.warning if done.step is Step.FAIL else log.info
    level(
        "probe of a domain",
        verdict=done.id,
        application=done.domain.application_id,
        domain=done.domain.name,
        account_address=done.account,
        step=done.step,
        **{"from": done.verdict.before, "to": done.verdict.to},
        count=done.verdict.count,
        of=done.verdict.of,
        why=done.verdict.why,
    )
