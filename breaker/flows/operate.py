"""What people do: stop accounts, let them go, say how far Breaker may go with them.

An act is planned first and carried out then, by the same decision (`breaker.domain.acts.decide`). Accounts are locked
in ascending order, some hundred in a transaction, which stores the verdicts, changes the circuits and puts what it
takes on the platform into the outbox, all or nothing; a later batch that fails leaves the earlier ones done, and doing
the act again is safe.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from breaker.domain.acts import (
    AccountEffect,
    Act,
    ActKind,
    Effect,
    NobodyError,
    Refusal,
    RefusedError,
    Report,
    decide,
)
from breaker.domain.circuit import Mode, apply
from breaker.domain.commands import Actuator, plan
from breaker.domain.counters import Counters
from breaker.domain.modes import Level
from breaker.domain.selectors import Scope
from breaker.flows.operate_domains import GROUPS
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from breaker.domain.acts import Automatic
    from breaker.domain.circuit import Circuit, Verdict
    from breaker.domain.selectors import Selector
    from breaker.flows.operate_domains import DomainOperator
    from breaker.ports import Account, Circuits, Clock, Locked, SendingDomain

BATCH = 100
"""Accounts in one transaction: few enough that nobody waits long for their locks."""

_ATTEMPTS = 5
_POLL_SECONDS = 0.25
_CONFIRMED_LATER = (Effect.CHANGED, Effect.UNCHANGED)  # what is so already may still be on its way to the platform
_NAMED = 5
_OF_PENDING = (ActKind.MODE, ActKind.GUARD_APPROVE)


class Directory(Protocol):
    """Who is meant by a selector, and how they stand."""

    async def keys(self, selector: Selector, *, pending: bool = False) -> Sequence[int]:
        """Return the accounts that a selector speaks of, ascending; `pending`: only those with a held verdict."""
        ...

    async def automatic(self, selector: Selector, only: Automatic) -> Sequence[int]:
        """Return those that stand stopped or limited by Breaker's own verdicts, ascending."""
        ...

    async def automatic_domains(self, only: Automatic) -> Collection[tuple[str, str]]:
        """Return the sending domains that stand so, as `(application, name)`."""
        ...

    async def applications(self, selector: Selector) -> Sequence[str]:
        """Return the ids of the applications that a selector touches."""
        ...

    async def circuits(self, accounts: Sequence[int]) -> Sequence[tuple[Account, Circuit]]:
        """Return accounts as they are, unlocked, in ascending order."""
        ...

    async def held_for_complaints(self, accounts: Sequence[int]) -> Collection[int]:
        """Return those that are stopped or limited, and came to be so by complaints."""
        ...

    async def unconfirmed(self, accounts: Sequence[int]) -> Sequence[int]:
        """Return those whose wanted state the platform was not read back for."""
        ...


class ModeSettings(Protocol):
    """The modes that people set."""

    async def change(self, targets: Sequence[tuple[str, Level, str]], act: Act, now: float) -> None:
        """Set a mode, or take it away, at `(application, level, name)` and tell the audit trail, all or nothing."""
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
    ) -> None:
        """Wire the parts; nothing is asked before an act."""
        self._circuits = circuits
        self._directory = directory
        self._modes = modes
        self._domains = domains
        self._clock = clock
        self._actuators = actuators

    async def plan(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Return what an act would do; nothing is changed.

        Raises:
            RefusedError: A selector speaks of nobody, or the act contradicts itself.
        """
        report, _, domains, accounts = await self._begin(act, selectors)
        for effect in await self._domains.plan(act, domains):
            report.add(effect)
        for batch in _batches(accounts):
            angered = await self._held_for_complaints(act, batch)
            for account, circuit in await self._directory.circuits(batch):
                decided = decide(
                    act,
                    circuit,
                    enforceable=account.enforceable,
                    now=self._clock.now(),
                    for_complaints=account.key in angered,
                    can_limit=Actuator.LIMIT in self._actuators(account),
                )
                report.add(_effect(account, circuit, decided, None))
        return report

    async def carry_out(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Do it, and return what was done.

        Raises:
            RefusedError: As for `plan`; nothing was changed.
        """
        report, targets, domains, accounts = await self._begin(act, selectors)
        if targets:
            await self._modes.change(targets, act, self._clock.now())
        for effect in await self._domains.carry_out(act, domains):
            report.add(effect)
        report.unconfirmed_domains += domains
        for batch in _batches(accounts):
            for account, effect in await self._act_on_batch(act, batch, report.counts[Effect.CHANGED]):
                report.add(effect)
                if account.enforceable and effect.effect in _CONFIRMED_LATER:
                    report.unconfirmed.append(account.key)
        return report

    async def wait(self, report: Report, seconds: float) -> Sequence[int | tuple[str, str]]:
        """Wait until the platform was read back for everything in a report.

        Args:
            report: What was done.
            seconds: How long at most, by the operator's clock.

        Returns:
            The keys of the accounts, and the domains, that are still unconfirmed.
        """
        give_up_at = self._clock.now() + seconds
        accounts: Sequence[int] = report.unconfirmed
        domains: Sequence[tuple[str, str]] = report.unconfirmed_domains
        while accounts or domains:
            accounts = await self._directory.unconfirmed(accounts) if accounts else ()
            domains = await self._domains.unconfirmed(domains)
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
        decided = decide(
            act,
            circuit,
            enforceable=account.enforceable,
            now=now,
            for_complaints=for_complaints,
            can_limit=Actuator.LIMIT in self._actuators(account),
        )
        if isinstance(decided, Refusal):
            return _effect(account, circuit, decided, None)
        context: dict[str, object] = {"act": act.kind.value, "reason": act.reason}
        if act.kind in _OF_PENDING and circuit.pending:
            context["applies"] = circuit.pending.verdict
        if act.false_stop:
            context["false_stop"] = True
        if act.automatic:
            context["automatic"] = {"detector": act.automatic.detector, "since": act.automatic.since}
        verdict = await locked.record_verdict(account, decided, context)
        after = apply(circuit, decided, verdict)
        if act.kind is ActKind.RESET or (act.kind is ActKind.PROBE and for_complaints):
            counters = Counters(counters.sizes, restarted_at=now)
        await locked.save(account, after, counters)
        if after.epoch != circuit.epoch:
            commands = plan(after.wanted, self._actuators(account)) if account.enforceable else ()
            await locked.order(account, after.epoch, verdict, commands, now, now + after_seconds)
        return _effect(account, circuit, decided, verdict)

    async def _begin(
        self, act: Act, selectors: Sequence[Selector]
    ) -> tuple[Report, list[tuple[str, Level, str]], list[SendingDomain], list[int]]:
        """Return an empty report, where a mode is to be set, and the domains and accounts to decide about."""
        if act.apply_pending and act.mode is not Mode.ENFORCE:
            raise RefusedError("pending verdicts are applied with the mode enforce only: nothing was changed")
        covered: set[int] = set()
        pending: set[int] = set()
        targets: dict[tuple[str, Level, str], None] = {}
        domains: set[SendingDomain] = set()
        nobody: list[Selector] = []
        for selector in selectors:
            keys = await self._directory.keys(selector)
            covered.update(await self._directory.automatic(selector, act.automatic) if act.automatic else keys)
            places: list[tuple[str, Level, str]] = []
            if act.kind is ActKind.MODE:
                places = await self._places(selector, keys)
                targets.update(dict.fromkeys(places))
            if act.kind in _OF_PENDING:
                pending.update(await self._directory.keys(selector, pending=True))
            meant: list[SendingDomain] = []
            if act.only_domain or selector.scope in GROUPS:
                meant = await self._domains.meant(act, selector, await self._directory.applications(selector))
                domains.update(await self._undoable(act, meant))
            if not keys and not places and not meant:
                nobody.append(selector)
        if nobody:
            raise NobodyError(_no_account(nobody))
        groups = [f"{level}:{name}" for _, level, name in targets if level is not Level.ACCOUNT]
        report = Report(covered=len(covered), settings=groups)
        accounts = set() if act.only_domain else pending if act.kind in _OF_PENDING else covered
        return report, list(targets), sorted(domains), sorted(accounts)

    async def _undoable(self, act: Act, domains: Sequence[SendingDomain]) -> Collection[SendingDomain]:
        """Return the domains that an act is about, of those that are meant."""
        if act.automatic is None:
            return domains
        standing = await self._directory.automatic_domains(act.automatic)
        return [domain for domain in domains if (domain.application_id, domain.name) in standing]

    async def _places(self, selector: Selector, keys: Sequence[int]) -> list[tuple[str, Level, str]]:
        """Return where the mode of a selector is set, as `(application, level, name)`."""
        if selector.scope is Scope.ACCOUNT:
            return [
                (account.application_id, Level.ACCOUNT, str(account.key))
                for account, _ in await self._directory.circuits(keys)
            ]
        applications = await self._directory.applications(selector)
        if selector.scope in (Scope.APPLICATION, Scope.ALL):
            return [(application, Level.APPLICATION, application) for application in applications]
        return [(application, Level(selector.scope), selector.name) for application in applications]


def _effect(account: Account, circuit: Circuit, decided: Verdict | Refusal, verdict: int | None) -> AccountEffect:
    if isinstance(decided, Refusal):
        return AccountEffect(account.id, account.address, circuit.state, circuit.state, decided.effect, decided.why)
    return AccountEffect(account.id, account.address, decided.before, decided.to, Effect.CHANGED, decided.why, verdict)


def _no_account(selectors: Sequence[Selector]) -> str:
    named = ", ".join(str(selector) for selector in selectors[:_NAMED])
    more = f" and {len(selectors) - _NAMED:,} more" if len(selectors) > _NAMED else ""
    return f"no account is known by {named}{more}; nothing was changed. `breaker status` lists those that are"


def _batches(keys: Sequence[int]) -> Iterator[list[int]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, BATCH)):
        yield batch
