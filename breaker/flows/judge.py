"""Judge: what a bad outcome that was just counted leads to, and what has to be done for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import HeldBy, Mode, apply, because, hold, judge, may_recover, recover, with_cause
from breaker.domain.circuits.states import SEVERITY, WANTED, State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.pooled import Pooled
from breaker.domain.outcomes.causes import FEWEST, LOOKED_AT, shared_cause
from breaker.domain.platform.commands import plan
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts, parted
from breaker.flows.pool_evidence import memberships
from breaker.ports import NoHolds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.detectors.detectors import Suspicion
    from breaker.domain.outcomes.causes import Bad
    from breaker.domain.platform.commands import Actuator
    from breaker.domain.profiles.profile import Profile
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.profiles.protected import Protected
    from breaker.domain.windows.counters import Counters
    from breaker.ports import Account, Holds, LedgerTransaction, Modes


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict that was given, with what it concerns: for the log, the metrics and the outbox's wake-up.

    Args:
        id: The verdict's id.
        account: Whom it concerns.
        verdict: The verdict.
        mode: The mode in force.
    """

    id: int
    account: Account
    verdict: Verdict
    mode: Mode


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an account is judged by.

    Args:
        counters: Its counters, without what its sending domain is to blame for.
        latest: Reads the latest bad outcomes of a signal, so many at most, without the same.
    """

    counters: Counters
    latest: Callable[[Signal, int], Awaitable[Sequence[Bad]]]


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides about accounts inside the transaction that counted their outcomes.

    Args:
        profiles: The detectors of each account.
        modes: How far Breaker may go with each account.
        actuators_of: The ways to stop that are on for an account.
        pooled: Returns what the accounts of a group say about each other.
        holds: What keeps all of them from being changed.
        given: Where verdicts are noted, to be told once the transaction is committed.
        protected: Returns whom no more than so much may happen to.
    """

    profiles: Profiles
    modes: Modes
    actuators_of: Callable[[Account], Collection[Actuator]]
    pooled: Callable[[], Pooled] = Pooled
    holds: Holds = field(default_factory=NoHolds)
    given: list[Given] = field(default_factory=list)
    protected: Callable[[], ProtectedAccounts] = lambda: NOBODY

    async def consider(  # noqa: PLR0913, PLR0917 - the account in its three parts, where it stands, and why it is asked
        self,
        transaction: LedgerTransaction,
        account: Account,
        circuit: Circuit,
        counters: Counters,
        evidence: Evidence,
        signal: Signal,
        now: float,
    ) -> Circuit:
        """Judge an account after a bad outcome; return its circuit, changed where a verdict was given.

        Of a protected account, what may happen is decided first, and what may not is held beside it.
        """
        suspicion, follows_from = self._suspect(account, self.profiles.of(account), evidence.counters, signal)
        if suspicion is None:
            return circuit
        for step, held_for in parted(suspicion.step, self.protected().bars(account, suspicion.step)):
            asked = replace(suspicion, step=step)
            circuit = await self._decide(
                transaction, account, circuit, counters, evidence, asked, follows_from, held_for, now
            )
        return circuit

    async def _decide(  # noqa: PLR0913, PLR0917 - as above, and what is suspected
        self,
        transaction: LedgerTransaction,
        account: Account,
        circuit: Circuit,
        counters: Counters,
        evidence: Evidence,
        suspicion: Suspicion,
        follows_from: Mapping[str, object],
        protected: Protected | None,
        now: float,
    ) -> Circuit:
        """Decide about a suspicion; where the account is protected from it, the verdict is held in any mode."""
        in_force = await self.modes.in_force(account, now)
        held = HeldBy.EXEMPT if protected else _HOLDING.get(in_force.mode)
        verdict = judge(circuit, suspicion, counters, now, held)
        if verdict is None:
            return circuit
        if held_by := await self._held_by(transaction, account, circuit, verdict):
            verdict = hold(verdict, circuit, held_by)
            if verdict is None:
                return circuit
        looked_at = min(LOOKED_AT, max(FEWEST, suspicion.count))
        latest = await evidence.latest(suspicion.signal, looked_at)
        verdict = with_cause(verdict, shared_cause(latest, account.domain))
        context = {
            **self.profiles.of(account).describe(),
            **follows_from,
            "mode": in_force.mode,
            "mode_source": in_force.source,
        }
        if protected is not None:
            verdict = because(verdict, protected.sentence)
            context["protected"] = protected.describe()
        number = await transaction.record_verdict(account, verdict, context)
        changed = apply(circuit, verdict, number)
        # Stored at once, so that the fleet guard counts it when the next account of the same batch is judged.
        await transaction.save(account, changed, counters)
        if verdict.applied and WANTED[verdict.to] is not circuit.wanted:
            kinds = plan(changed.wanted, self.actuators_of(account), away=account.is_away)
            kinds = kinds if account.enforceable else ()
            if kinds or not account.enforceable:
                await transaction.order(account, changed.epoch, number, kinds, now)
        self.given.append(Given(number, account, verdict, in_force.mode))
        return changed

    async def relieve(
        self, transaction: LedgerTransaction, account: Account, circuit: Circuit, counters: Counters, now: float
    ) -> Circuit:
        """End the warning of an account that is calm again; return its circuit, changed where it was.

        On the platform nothing follows, so it is done in every mode.
        """
        profile = self.profiles.of(account)
        if not may_recover(circuit, now) or not profile.is_calm(counters):
            return circuit
        if self.holds.held_by(account.application_id, account.id, now):
            return circuit
        verdict = recover(circuit, now)
        if verdict is None:
            return circuit
        in_force = await self.modes.in_force(account, now)
        context = {**profile.describe(), "mode": in_force.mode, "mode_source": in_force.source}
        number = await transaction.record_verdict(account, verdict, context)
        changed = apply(circuit, verdict, number)
        await transaction.save(account, changed, counters)
        self.given.append(Given(number, account, verdict, in_force.mode))
        return changed

    async def _held_by(
        self, transaction: LedgerTransaction, account: Account, circuit: Circuit, verdict: Verdict
    ) -> HeldBy | None:
        """Return what keeps a verdict that its mode allows from changing something on the platform, or None."""
        if not verdict.applied or WANTED[verdict.to] is circuit.wanted:
            return None
        if held_by := self.holds.held_by(account.application_id, account.id, verdict.at):
            return held_by
        # What is being probed has its room already, and must not stay free for want of it.
        stops = verdict.to is State.STOPPED and circuit.state is not State.PROBING
        return HeldBy.GUARD if stops and not await transaction.room_for_a_stop(account, verdict.at) else None

    def _suspect(
        self, account: Account, profile: Profile, counters: Counters, signal: Signal
    ) -> tuple[Suspicion | None, Mapping[str, object]]:
        """Return the stronger suspicion of the account's own outcomes and of its neighbours', and what it rests on."""
        own = profile.suspect(counters, signal)
        if signal is not Signal.COMPLAINT or (own and SEVERITY[own.step] >= SEVERITY[State.LIMITED]):
            return own, {}
        pooled = self.pooled()
        found = pooled.suspect(memberships(account))
        if found is None:
            return own, {}
        suspicion, group = found
        suspicion = replace(suspicion, step=profile.step(signal, suspicion.step))
        return suspicion, {"pooled": pooled.describe(group)}


_HOLDING = {Mode.OBSERVE: HeldBy.OBSERVE, Mode.EXEMPT: HeldBy.EXEMPT}
"""The modes that keep a verdict from being applied."""
