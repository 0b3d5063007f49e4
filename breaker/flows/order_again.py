"""Order again: an account that should be stopped, and that nothing is under way for, gets its commands after all.

That happens where an account could not be stopped when it was decided, since it was known by its address alone, and its
grant has become known; and where a teardown took the block back, and another setup followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.domain.commands import plan
from breaker.domain.states import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.commands import Actuator
    from breaker.ports import Account, Circuits


class Unordered(Protocol):
    """Accounts for which nothing is under way though the platform was not read back."""

    async def accounts(self) -> Sequence[tuple[int, int]]:
        """Return `(account, verdict)` of those that could be stopped: the verdict is the one that wants it."""
        ...


async def order_again(
    unordered: Unordered, circuits: Circuits, actuators_of: Callable[[Account], Collection[Actuator]], now: float
) -> int:
    """Order what is missing; return for how many accounts."""
    ordered = 0
    for number, verdict in await unordered.accounts():
        async with circuits.transaction() as transaction:
            loaded = await transaction.load([number])
            if number not in loaded:
                continue
            account, circuit, _ = loaded[number]
            if circuit.wanted is Wanted.SENDING or not account.enforceable:
                continue
            kinds = plan(circuit.wanted, actuators_of(account))
            if kinds:
                await transaction.order(account, circuit.epoch, verdict, kinds, now)
                ordered += 1
    return ordered
