"""Probe: accounts that were stopped come back by evidence, a round at a time.

One daemon at a time probes an application, by a lease. That spares work; that no account ever has two rounds open does
not rest on it. Every step is one transaction that locks the account's circuit, reads how far its probe has come,
decides (`domain.probes.probing`), and stores the verdict, the circuit, the probe and what the platform is to be told.
Whoever else decides about the account, a second prober included, comes before or after that and never in between. So
too for crashes: each step is done or was never begun, and what was ordered is in the outbox.

Outcomes of a round are read from the ledger when they are needed, and are no matter of the counting. What a round may
go beyond what it permits is what an account sends while outcomes are on their way, until the next look, and until the
platform was told: its pace times that time. It is told with each round.

While no daemon looks, an open round stays open, since nothing on the platform ends it. Whoever takes the lease cannot
know for how long nobody did, and closes all rounds before it does anything else.

A quota bounds that, where one is configured. For the time of a round the account is in a copy of its home whose policy
lets it send a few messages a UTC day (`breaker.flows.quota`); rounds begin and end as they do without, and it goes home
at the end of each. What it bounds are messages of up to 50 recipients, each of which is a send here, and it begins anew
at 00:00 UTC: at most the quota times 50 sends go out until then, and twice as many in a round across midnight, whoever
watches. What the account has sent before on the same day counts as well, so that a round may have to wait for midnight;
one that permits more sends than the quota lasts days.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.platform.commands import Actuator, plan
from breaker.domain.probes.probe import NOTHING_SEEN, Phase
from breaker.domain.probes.probing import Facts, Step, begin, carried_out, decide, notice, verdict_of
from breaker.domain.probes.words import NOT_ENFORCED
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.domain.windows.counters import Counters
from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.probes.probe import Evidence, Probe, ProbeRules
    from breaker.domain.probes.probing import Next
    from breaker.flows.lease import Lease
    from breaker.ports import Account, Clock, Confirmation, Due, Holds, Inventory, LockedProbes, Modes, Probes

log = structlog.get_logger(__name__)

_PAGE = 200
_HELD = frozenset({State.STOPPED, State.LIMITED, State.PROBING})


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was committed, for the log, the metrics and the outbox's wake-up.

    Args:
        id: The verdict's id.
        account: Whom it concerns.
        verdict: The verdict.
        step: What was done.
        probe: The probe after it, or None where it is over.
    """

    id: int
    account: Account
    verdict: Verdict
    step: Step
    probe: Probe | None


def _untold(_done: Done) -> None:
    """Tell nobody."""


@dataclass(slots=True, kw_only=True)
class Prober:
    """The flow: each call is one look at all accounts of an application about which something is due.

    Args:
        application_id: The application.
        probes: How far accounts have come.
        modes: How far Breaker may go with each.
        holds: What keeps all of them from being changed.
        too_quiet: Tells of an application and a moment whether it is implausible that no bounces were heard of.
        inventory: What Breaker has made on the platform.
        actuators_of: The ways to stop that are on for an account.
        rules: Returns the rules.
        enabled: Tells whether probing is switched on.
        lease: Held by the daemon that probes.
        clock: The time.
        random: Returns a number from 0 to 1, for cool-downs that differ.
        told: Told of each step.
        protected: Returns whom no more than so much may happen to.
    """

    application_id: str
    probes: Probes
    modes: Modes
    holds: Holds
    too_quiet: Callable[[str, float], bool]
    inventory: Inventory
    actuators_of: Callable[[Account], Collection[Actuator]]
    rules: Callable[[], ProbeRules]
    enabled: Callable[[], bool] = lambda: True
    lease: Lease
    clock: Clock
    random: Callable[[], float]
    told: Callable[[Done], None] = _untold
    protected: Callable[[], ProtectedAccounts] = lambda: NOBODY
    _attending: bool = field(init=False, default=False)
    _can_limit: bool = field(init=False, default=False)

    async def __call__(self) -> int:
        """Look once, and return how many steps were taken.

        Raises:
            StoreError: The database can't be used now; what was decided before stays.
        """
        self._attending = self._attending and self.lease.held
        if not await self.lease.ensure():
            return 0
        await self._look_at_fixtures()
        taken = 0
        if not self._attending:
            taken += await self.close_all()
            self._attending = True
        after = 0
        while found := await self.probes.due(self.application_id, after, self.clock.now(), _PAGE):
            after = found[-1].account.key
            for one in found:
                if not self.lease.held:
                    return taken
                taken += await self._look_at(one)
        return taken

    async def close_all(self) -> int:
        """Close the rounds that are open, as one does that nobody watched; return how many."""
        closed = 0
        for number in await self.probes.open(self.application_id):
            with suppress(TryTransactionAgainError):
                closed += await self._step(number, None, unattended=True)
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

    async def _look_at_fixtures(self) -> None:
        made = (await known_fixtures(self.inventory, self.application_id)).ids
        self._can_limit = Made.LIMIT_LIST in made and Made.LIMIT_RULE in made

    async def _look_at(self, due: Due) -> int:
        hindrance = await self._hindrance(due)
        if hindrance and not due.outdated and not due.moving:
            return 0
        try:
            return await self._step(due.account.key, hindrance, unattended=False)
        except TryTransactionAgainError:
            return 0  # somebody else decided about it; the next look finds what

    async def _hindrance(self, due: Due) -> str | None:
        """Return why nothing may be done by itself about an account, or None."""
        now = self.clock.now()
        if not self.enabled():
            return "Probing is switched off."
        if due.domain_stopped:
            return "Its sending domain is stopped."
        if due.platform_refuses:
            return "The platform itself has paused or restricted it."
        mode = (await self.modes.in_force(due.account, now)).mode
        if mode is not Mode.ENFORCE:
            return NOT_ENFORCED.format(mode)
        held_by = self.holds.held_by(self.application_id, due.account.id, now)
        if held_by is HeldBy.BLIND:
            return "What is heard of the platform is not to be trusted now."
        return f"Everything is held by {held_by}." if held_by else None

    async def _step(self, number: int, hindrance: str | None, *, unattended: bool) -> int:
        rules = self.rules()
        async with self.probes.transaction() as locked:
            loaded = (await locked.load([number])).get(number)
            if loaded is None:
                return 0
            account, circuit, counters = loaded
            known, confirmation = await locked.probe_of(account)
            probe = known
            if circuit.state in _HELD and (probe is None or not probe.belongs_to(circuit)):
                hold = await locked.held_for(account, circuit, rules.within)
                probe = begin(circuit, hold, known, rules, self.random())
            if probe is None:
                return 0
            seen = NOTHING_SEEN
            if circuit.state is State.PROBING:
                probe = notice(probe, confirmation.wanted, confirmation.at)
            if circuit.state is State.PROBING and probe.opened_at is not None:
                seen = await locked.evidence(account, probe.opened_at, probe.closed_at)
                probe = replace(probe, seen=seen)
            facts = self._facts(account, confirmation, seen, hindrance, unattended=unattended)
            # Whom a person had probed, they had stopped or let be stopped: a failure takes it back there.
            if not probe.by_person and self.protected().bars(account, State.STOPPED):
                facts = replace(facts, strictest=State.LIMITED)
            decided = decide(circuit, probe, facts, rules)
            verdict = verdict_of(circuit, decided, facts.now, rules)
            if verdict is None:
                if decided.probe != known:
                    await locked.keep(account, decided.probe)
                done = None
            else:
                done = await self._carry_out(locked, account, circuit, counters, (probe, decided, verdict))
        self._asked(account, known, decided.probe)
        if done is None:
            return 0
        _log(done)
        self.told(done)
        return 1

    async def _carry_out(
        self,
        locked: LockedProbes,
        account: Account,
        circuit: Circuit,
        counters: Counters,
        what: tuple[Probe, Next, Verdict],
    ) -> Done:
        probe, decided, verdict = what
        rules = self.rules()
        number = await locked.record_verdict(account, verdict, _context(probe, rules))
        after, follows = carried_out(circuit, decided, verdict, number, rules)
        # What stopped it would suspect it again at its first bounce, before the test could say anything.
        if decided.step is Step.ACCEPT or (decided.step is Step.OPEN and probe.round == 0):
            counters = Counters(counters.sizes, restarted_at=verdict.at)
        await locked.save(account, after, counters)
        await locked.keep(account, follows)
        if after.epoch != circuit.epoch:
            kinds = plan(
                after.wanted,
                self.actuators_of(account),
                away=account.is_away,
                quota=decided.step is Step.OPEN and rules.quota is not None,
            )
            await locked.order(account, after.epoch, number, kinds, verdict.at)
        return Done(number, account, verdict, decided.step, follows)

    def _facts(
        self,
        account: Account,
        confirmation: Confirmation,
        seen: Evidence,
        hindrance: str | None,
        *,
        unattended: bool,
    ) -> Facts:
        now = self.clock.now()
        limits = self._can_limit and Actuator.LIMIT in self.actuators_of(account)
        return Facts(
            now=now,
            confirmed=confirmation.wanted,
            confirmed_at=confirmation.at,
            evidence=seen,
            between=Wanted.LIMITED if limits else Wanted.STOPPED,
            hindrance=hindrance,
            jitter=self.random(),
            unattended=unattended,
            too_quiet=self.too_quiet(self.application_id, now),
        )

    def _asked(self, account: Account, before: Probe | None, after: Probe | None) -> None:
        if after is None or after.phase is not Phase.ASKING or (before is not None and before.asks == after.asks):
            return
        log.warning(
            "a person is asked whether an account may be probed",
            application=self.application_id,
            account=account.id,
            account_address=account.address,
            asks=after.asks,
        )


def _context(probe: Probe, rules: ProbeRules) -> dict[str, object]:
    """Return what a verdict rests on, the round in question included."""
    test = rules.trial.sprt
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
            "number": probe.round,
            "opened_at": probe.opened_at,
            "closed_at": probe.closed_at,
            "sends": probe.seen.sends,
            "bad": probe.seen.bad,
            "late": probe.seen.late,
            "overshoot": probe.overshoot(rules),
        },
        "stops": probe.stops,
        "failures": probe.failures,
    }


def _log(done: Done) -> None:
    level = log.warning if done.step is Step.FAIL else log.info
    level(
        "probe",
        verdict=done.id,
        account=done.account.id,
        account_address=done.account.address,
        step=done.step,
        **{"from": done.verdict.before, "to": done.verdict.to},
        count=done.verdict.count,
        of=done.verdict.of,
        why=done.verdict.why,
    )
