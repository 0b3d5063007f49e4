"""The canary of a drill: stopped and let go on the path of every other account, and read back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from breaker.domain.circuits.circuit import apply
from breaker.domain.drill import release, stop, why_not
from breaker.domain.platform.commands import plan
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.circuits.states import Wanted
    from breaker.domain.platform.commands import Actuator
    from breaker.domain.windows.counters import Counters
    from breaker.ports import Account, Clock, Drills, LockedDrills

_ATTEMPTS = 5
_POLL = 0.25
_GONE = "It is not known any more: another account took its place, or the database was replaced."

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCanary:
    """Stops a canary, lets it go, and waits for the platform.

    Args:
        drills: All drills, with the accounts that they change.
        actuators_of: Which ways to stop are on for an account.
        clock: The time.
        ordered: Told when something was ordered of the platform.
        nobody: Returns why nobody would carry out what is ordered, or None.
    """

    drills: Drills
    actuators_of: Callable[[Account], Collection[Actuator]]
    clock: Clock
    ordered: Callable[[], None]
    nobody: Callable[[], Awaitable[str | None]]

    async def stop(self, number: int, account: int, by: str) -> tuple[str | None, int | None]:
        """Stop it, and return the epoch that this begins; else why it can't be drilled now.

        Raises:
            StoreError: The database can't be used now.
        """

        async def work(locked: LockedDrills) -> tuple[str | None, int | None]:
            known = (await locked.load([account])).get(account)
            if known is None:
                return _GONE, None
            who, circuit, _ = known
            canary = await locked.canary(who)
            canary = replace(canary, enforceable=canary.enforceable and who.enforceable)
            problem = why_not(circuit, canary, self.actuators_of(who))
            if problem is not None:
                return problem, None
            verdict = stop(circuit, number, by, self.clock.now())
            await self._change(locked, known, verdict, number)
            await locked.note_stop(number, verdict.epoch)
            return None, verdict.epoch

        if (nobody := await self.nobody()) is not None:
            return nobody, None
        stopped = await self._transact(work)
        self.ordered()
        return stopped

    async def let_go(self, number: int, account: int, stop_epoch: int | None, reason: str) -> bool:
        """Let it go where it is the drill that holds it, and tell whether it was.

        Raises:
            StoreError: The database can't be used now.
        """
        if stop_epoch is None:
            return False

        async def work(locked: LockedDrills) -> bool:
            known = (await locked.load([account])).get(account)
            verdict = known and release(known[1], stop_epoch, number, reason, self.clock.now())
            if not known or not verdict:
                return False
            await self._change(locked, known, verdict, number)
            return True

        freed = await self._transact(work)
        if freed:
            self.ordered()
        return freed

    async def read_back(self, account: int, wanted: Wanted, seconds: float) -> str | None:
        """Return None once the platform was read back to do what is wanted, else what it failed with, by then.

        Raises:
            StoreError: The database can't be used now.
        """
        give_up_at = self.clock.now() + seconds
        while (canary := await self.drills.canary(account)).confirmed is not wanted:
            if self.clock.now() >= give_up_at:
                return canary.error or "nothing was answered, or no `breaker serve` carries orders out"
            await self.clock.sleep(_POLL)
        return None

    async def _change(
        self, locked: LockedDrills, known: tuple[Account, Circuit, Counters], verdict: Verdict, number: int
    ) -> None:
        """Store a verdict and order what it takes; what was counted stays, since a drill is no evidence."""
        account, circuit, counters = known
        verdict_id = await locked.record_verdict(account, verdict, {"drill": number, "reason": verdict.why})
        after = apply(circuit, verdict, verdict_id)
        await locked.save(account, after, counters)
        commands = plan(after.wanted, self.actuators_of(account))
        await locked.order(account, after.epoch, verdict_id, commands, self.clock.now())

    async def _transact(self, work: Callable[[LockedDrills], Awaitable[T]]) -> T:
        for attempt in range(_ATTEMPTS):
            try:
                async with self.drills.transaction() as locked:
                    return await work(locked)
            except TryTransactionAgainError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")
