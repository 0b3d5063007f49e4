"""What people do: stop accounts, let them go, say how far Breaker may go with them.

An act is planned first and carried out then, by the same `breaker.domain.acts.decisions.decide`. Accounts are locked
in ascending order, some hundred in a transaction, which stores the verdicts, changes the circuits and puts what it
takes on the platform into the outbox, all or nothing; a later batch that fails leaves the earlier ones done, and doing
the act again is safe.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from breaker.domain.acts.acts import AccountEffect, Act, ActKind, Effect, Refusal, Report
from breaker.domain.acts.decisions import decide
from breaker.domain.circuits.circuit import apply
from breaker.domain.platform.commands import Actuator, plan
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.domain.windows.counters import Counters
from breaker.flows.meant import OF_PENDING, meant_by
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.circuits.modes import ModeSetting, SetMode
    from breaker.flows.meant import Directory, Place
    from breaker.flows.operate_domains import DomainOperator
    from breaker.ports import Account, Circuits, Clock, Locked

BATCH = 100
"""Accounts in one transaction: few enough that nobody waits long for their locks."""

_ATTEMPTS = 5
_POLL_SECONDS = 0.25
_CONFIRMED_LATER = (Effect.CHANGED, Effect.UNCHANGED)  # what is so already may still be on its way to the platform


class ModeSettings(Protocol):
    """The modes that people set."""

    async def refresh(self, *, after: float = ...) -> None:
        """Read them, unless that was done less than `after` seconds ago."""
        ...

    def setting(
        self, account: Account, now: float, besides: Mapping[Place, ModeSetting] | None = ...
    ) -> SetMode | None:
        """Return what holds for an account of what was last read, and of what is said `besides`; or None."""
        ...

    async def change(self, targets: Sequence[Place], act: Act, now: float) -> None:
        """Set a mode, or take it away, and tell the audit trail, all or nothing."""
        ...


class Operator:
    """Carries out people's acts.

    Args:
        circuits: Accounts and their circuits.
        directory: Who is meant.
        modes: The modes that people set.
        domains: Acts on the circuits of sending domains.
        clock: The time.
        actuators: Which ways to stop are on for an account.
        protected: Returns whom no more than so much may happen to automatically: said of each account that is changed.
    """

    def __init__(  # noqa: PLR0913 - its parts
        self,
        circuits: Circuits,
        directory: Directory,
        modes: ModeSettings,
        domains: DomainOperator,
        clock: Clock,
        *,
        actuators: Callable[[Account], Collection[Actuator]],
        protected: Callable[[], ProtectedAccounts] = lambda: NOBODY,
    ) -> None:
        """Wire the parts; nothing is asked before an act."""
        self._circuits = circuits
        self._directory = directory
        self._modes = modes
        self._domains = domains
        self._clock = clock
        self._actuators = actuators
        self._protected = protected

    async def plan(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Return what an act would do; nothing is changed.

        Raises:
            RefusedError: A selector speaks of nobody, or the act contradicts itself.
        """
        meant = await meant_by(act, selectors, self._directory, self._domains)
        report = meant.report
        await self._modes.refresh(after=0.0)
        setting = act.setting(self._clock.now())
        besides = dict.fromkeys(meant.places, setting) if setting else None
        for effect in await self._domains.plan(act, meant.domains):
            report.add(effect)
        for batch in _batches(meant.accounts):
            angered = await self._held_for_complaints(act, batch)
            for account, circuit in await self._directory.circuits(batch):
                for_complaints = account.key in angered
                decided = self._decide(act, account, circuit, for_complaints=for_complaints, besides=besides)
                report.add(self._effect(account, circuit, decided, None))
        return report

    async def carry_out(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Do it, and return what was done.

        Raises:
            RefusedError: As for `plan`; nothing was changed.
        """
        meant = await meant_by(act, selectors, self._directory, self._domains)
        report = meant.report
        if meant.places:
            await self._modes.change(meant.places, act, self._clock.now())
        await self._modes.refresh(after=0.0)
        for effect in await self._domains.carry_out(act, meant.domains):
            report.add(effect)
        report.unconfirmed_domains += meant.domains
        for batch in _batches(meant.accounts):
            for account, effect in await self._act_on_batch(act, batch, report.counts[Effect.CHANGED]):
                report.add(effect)
                if account.enforceable and effect.effect in _CONFIRMED_LATER:
                    report.unconfirmed.append(account.key)
        return report

    async def wait(
        self, report: Report, seconds: float, told: Callable[[int], None] = lambda _: None
    ) -> Sequence[int | tuple[str, str]]:
        """Wait until the platform was read back for everything in a report.

        Args:
            report: What was done.
            seconds: How long at most, by the operator's clock.
            told: Told again and again how many are still unconfirmed.

        Returns:
            The keys of the accounts, and the domains, that are still unconfirmed.
        """
        give_up_at = self._clock.now() + seconds
        accounts: Sequence[int] = report.unconfirmed
        domains: Sequence[tuple[str, str]] = report.unconfirmed_domains
        while accounts or domains:
            accounts = await self._directory.unconfirmed(accounts) if accounts else ()
            domains = await self._domains.unconfirmed(domains)
            told(len(accounts) + len(domains))
            if not (accounts or domains) or self._clock.now() >= give_up_at:
                break
            await self._clock.sleep(min(_POLL_SECONDS, seconds))
        return [*accounts, *domains]

    async def _act_on_batch(
        self, act: Act, accounts: Sequence[int], before: int
    ) -> list[tuple[Account, AccountEffect]]:
        for _ in range(_ATTEMPTS - 1):
            with suppress(TryTransactionAgainError):
                return await self._transact(act, accounts, before)
        return await self._transact(act, accounts, before)

    async def _held_for_complaints(self, act: Act, accounts: Sequence[int]) -> Collection[int]:
        return await self._directory.held_for_complaints(accounts) if act.kind is ActKind.PROBE else ()

    async def _transact(self, act: Act, accounts: Sequence[int], before: int) -> list[tuple[Account, AccountEffect]]:
        """Act on a batch; `before` it, so many accounts were changed."""
        angered = await self._held_for_complaints(act, accounts)
        done: list[tuple[Account, AccountEffect]] = []
        async with self._circuits.transaction() as locked:
            for known in (await locked.load(accounts)).values():
                after = before / act.pace if act.pace else 0.0
                effect = await self._act_on(locked, act, known, known[0].key in angered, after)
                before += effect.effect is Effect.CHANGED
                done.append((known[0], effect))
        return done

    async def _act_on(
        self,
        locked: Locked,
        act: Act,
        known: tuple[Account, Circuit, Counters],
        for_complaints: bool,
        after_seconds: float,
    ) -> AccountEffect:
        now = self._clock.now()
        account, circuit, counters = known
        decided = self._decide(act, account, circuit, for_complaints=for_complaints)
        if isinstance(decided, Refusal):
            return self._effect(account, circuit, decided, None)
        context: dict[str, object] = {"act": act.kind.value, "reason": act.reason}
        if act.kind in OF_PENDING and circuit.pending:
            context["applies"] = circuit.pending.verdict
        if act.false_stop:
            context["false_stop"] = True
        if act.automatic:
            context["automatic"] = {"detector": act.automatic.detector, "since": act.automatic.since}
        if act.home is not None:
            context["home"] = act.home
            await locked.note_home(account, act.home)
        verdict = await locked.record_verdict(account, decided, context)
        after = apply(circuit, decided, verdict)
        if act.kind is ActKind.RESET or (act.kind is ActKind.PROBE and for_complaints):
            counters = Counters(counters.sizes, restarted_at=now)
        await locked.save(account, after, counters)
        if after.epoch != circuit.epoch:
            kinds = plan(after.wanted, self._actuators(account), away=account.is_away)
            commands = kinds if account.enforceable else ()
            await locked.order(account, after.epoch, verdict, commands, now, now + after_seconds)
        return self._effect(account, circuit, decided, verdict)

    def _effect(
        self, account: Account, circuit: Circuit, decided: Verdict | Refusal, verdict: int | None
    ) -> AccountEffect:
        """Return what is done to an account; of a protected one it says whose it is, though people's acts are done."""
        protected = self._protected().of(account)
        said = " ".join(filter(None, (decided.why, protected.sentence if protected else "")))
        if isinstance(decided, Refusal):
            said = said if decided.effect is Effect.PENDING else decided.why
            return AccountEffect(account.id, account.address, circuit.state, circuit.state, decided.effect, said)
        return AccountEffect(account.id, account.address, decided.before, decided.to, Effect.CHANGED, said, verdict)

    def _decide(
        self,
        act: Act,
        account: Account,
        circuit: Circuit,
        *,
        for_complaints: bool,
        besides: Mapping[Place, ModeSetting] | None = None,
    ) -> Verdict | Refusal:
        now = self._clock.now()
        return decide(
            act,
            circuit,
            enforceable=account.enforceable,
            now=now,
            for_complaints=for_complaints,
            can_limit=Actuator.LIMIT in self._actuators(account),
            set_mode=self._modes.setting(account, now, besides),
        )


def _batches(keys: Sequence[int]) -> Iterator[list[int]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, BATCH)):
        yield batch
