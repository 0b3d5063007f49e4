"""Let gone go: a block ends with the history of an address whose grant was deleted and that nobody took over.

History and block follow an address for 30 days after its grant was deleted. Whoever has the address after that is
somebody else, so what is left of it in Breaker's lists is taken out, where Breaker may act; nobody can send by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.circuit import act, apply
from breaker.domain.circuits.states import Cause, Wanted
from breaker.domain.outcomes.identity import ADDRESS_FOLLOWS
from breaker.domain.platform.commands import plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from breaker.domain.circuits.circuit import Verdict
    from breaker.ports import Account, Circuits, Clock

WHY = "Its grant was deleted 30 days ago, and no other has its address: its history and its block end."


class Gone(Protocol):
    """Accounts whose grant is gone."""

    async def held(self, application_id: str, before: float) -> Sequence[int]:
        """Return those that are stopped or limited, and whose grant was deleted before a moment; some hundred at most.

        Those that something is under way for are left out.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGoneGo:
    """Lets the gone accounts of one application go.

    Args:
        application_id: The application.
        gone: Who they are.
        circuits: Accounts and their circuits.
        may_act: Tells whether Breaker may act for an account by itself.
        clock: The time.
        told: Told of each account, and the verdict's id.
    """

    application_id: str
    gone: Gone
    circuits: Circuits
    may_act: Callable[[Account], Awaitable[bool]]
    clock: Clock
    told: Callable[[Account, Verdict], None]

    async def __call__(self) -> None:
        """Look once.

        Raises:
            StoreError: The database can't be used now.
        """
        now = self.clock.now()
        numbers = await self.gone.held(self.application_id, now - ADDRESS_FOLLOWS)
        for number in numbers:
            await self._let_go(number, now)

    async def _let_go(self, number: int, now: float) -> None:
        async with self.circuits.transaction() as locked:
            loaded = await locked.load([number])
            if number not in loaded:
                return
            account, circuit, counters = loaded[number]
            if circuit.wanted is Wanted.SENDING or not await self.may_act(account):
                return
            verdict = act(circuit, Cause.RESET, now, "", "")
            if verdict is None:
                return
            verdict = replace(verdict, detector="platform", author=None, why=WHY)
            number = await locked.record_verdict(account, verdict, {})
            after = apply(circuit, verdict, number)
            await locked.save(account, after, counters)
            await locked.order(account, after.epoch, number, plan(after.wanted, ()), now)
        self.told(account, verdict)
