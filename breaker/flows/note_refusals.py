"""Note what the platform did to accounts, from the sends that it refused, and stop those that it paused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.circuit import HeldBy, Mode, apply, because
from breaker.domain.circuits.states import State
from breaker.domain.platform.commands import plan
from breaker.domain.platform.platform_standing import PAUSED, SEVERITY, SendRefusal, refusal_of, standing_of, stop
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.flows.judge import Given
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.platform.commands import Actuator
    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.ports import Account, Circuits, Clock, Holds, Modes, PlatformStandings, Refused

_ATTEMPTS = 5
_HOLDING = {Mode.OBSERVE: HeldBy.OBSERVE, Mode.EXEMPT: HeldBy.EXEMPT}


class UnknownAccountError(Exception):
    """No account is known by the name that a refused send was told of with, or several are."""


class Told(Protocol):
    """Who is told of it."""

    def send_refused(self, refusal: SendRefusal) -> None:
        """A refused send was told of."""
        ...

    def decided(self, given: Sequence[Given]) -> None:
        """Verdicts were committed."""
        ...


class NoteRefusals:
    """Takes in refused sends.

    Args:
        standings: What the platform did.
        circuits: Accounts and their circuits.
        modes: How far Breaker may go with each account.
        holds: What keeps everybody from being changed.
        actuators_of: The ways to stop that are on for an account.
        clock: The time.
        told: Who is told.
        paused: Returns what the text of a pause speaks of.
        protected: Returns whom no more than so much may happen to.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, wired once
        self,
        standings: PlatformStandings,
        circuits: Circuits,
        modes: Modes,
        holds: Holds,
        actuators_of: Callable[[Account], Collection[Actuator]],
        clock: Clock,
        told: Told,
        paused: Callable[[], re.Pattern[str]] = lambda: PAUSED,
        protected: Callable[[], ProtectedAccounts] = lambda: NOBODY,
    ) -> None:
        """Wire the parts."""
        self._standings = standings
        self._circuits = circuits
        self._modes = modes
        self._holds = holds
        self._actuators_of = actuators_of
        self._clock = clock
        self._told = told
        self._paused = paused
        self._protected = protected

    def reason(self, status: int | None, message: str) -> SendRefusal | None:
        """Return why a send was refused, by its status and text, or None where it was not."""
        return refusal_of(status, message, self._paused())

    async def __call__(self, refused: Sequence[Refused]) -> Sequence[UnknownAccountError | None]:
        """Note refused sends; return for each why it was not noted, or None.

        Raises:
            StoreError: The database can't be used; what was noted before it stays.
        """
        called = await self._standings.accounts_called({one.account for one in refused})
        return [await self._note(one, called.get(one.account, ())) for one in refused]

    async def _note(self, one: Refused, called: Sequence[Account]) -> UnknownAccountError | None:
        meant = [account for account in called if one.application_id in {None, account.application_id}]
        if len(meant) != 1:
            return UnknownAccountError(
                "several applications have an account of this name: name the application"
                if meant
                else "no account is known by this name"
            )
        self._told.send_refused(one.refusal)
        if one.refusal in SEVERITY:
            seen = standing_of(one.refusal, one.example, one.source, one.retry_after)
            standing = await self._standings.note(meant[0].key, seen, self._clock.now())
            if standing is not None:
                await self._stop(meant[0], standing)
        elif one.refusal is SendRefusal.DOMAIN_NOT_VERIFIED:
            await self._standings.note_unverified(meant[0].key, one.example.at)
        return None

    async def _stop(self, account: Account, standing: PlatformStanding) -> None:
        for _ in range(_ATTEMPTS - 1):
            with suppress(TryTransactionAgainError):
                return await self._stop_once(account, standing)
        return await self._stop_once(account, standing)

    async def _stop_once(self, account: Account, standing: PlatformStanding) -> None:
        now = self._clock.now()
        in_force = await self._modes.in_force(account, now)
        protected = self._protected().bars(account, State.STOPPED)
        held_by = HeldBy.EXEMPT if protected else _HOLDING.get(in_force.mode)
        if held_by is None and self._holds.held_by(account.application_id, account.id, now) is HeldBy.HOLD:
            held_by = HeldBy.HOLD  # a feed that is silent says nothing against what the platform answered
        async with self._circuits.transaction() as locked:
            loaded = (await locked.load([account.key])).get(account.key)
            if loaded is None:
                return
            known, circuit, counters = loaded
            verdict = stop(circuit, standing, now, held_by)
            if verdict is None:
                return
            context: dict[str, object] = {
                "platform": standing.what,
                "status": standing.example.status,
                "source": standing.source,
                "mode": in_force.mode,
                "mode_source": in_force.source,
            }
            if protected is not None:
                verdict = because(verdict, protected.sentence)
                context["protected"] = protected.describe()
            number = await locked.record_verdict(known, verdict, context)
            after = apply(circuit, verdict, number)
            await locked.save(known, after, counters)
            if after.epoch != circuit.epoch:
                kinds = plan(after.wanted, self._actuators_of(known), away=known.is_away)
                commands = kinds if known.enforceable else ()
                await locked.order(known, after.epoch, number, commands, now)
        self._told.decided([Given(number, known, verdict, in_force.mode)])
