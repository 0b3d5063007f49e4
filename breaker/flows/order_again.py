"""Order again: an account that should be stopped or limited, and that nothing is under way for, gets its commands.

That happens where an account could not be stopped when it was decided, since it was known by its address alone, and its
grant has become known; where a teardown took the block back, and another setup followed; and where the actuator that it
takes was off, and was switched on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.platform.commands import Actuator
    from breaker.ports import Account, Circuits


class Unordered(Protocol):
    """Accounts for which nothing is under way though the platform was not read back."""

    async def accounts(self, after: int) -> Sequence[tuple[Account, Wanted, int]]:
        """Return `(account, wanted, verdict)` of those that could be stopped, whose number is beyond `after`.

        The verdict is the one that wants it. Some hundred at most, in the order of their numbers; none at the end.
        """
        ...


async def order_again(
    unordered: Unordered, circuits: Circuits, actuators_of: Callable[[Account], Collection[Actuator]], now: float
) -> int:
    """Order what is missing; return for how many accounts."""
    ordered = after = 0
    while found := await unordered.accounts(after):
        after = found[-1][0].key
        for seen, wanted, verdict in found:
            # What nothing is on for stays unconfirmed, and is not worth a transaction again and again.
            if plan(wanted, actuators_of(seen)):
                ordered += await _order(circuits, seen.key, verdict, actuators_of, now)
    return ordered


async def _order(
    circuits: Circuits,
    number: int,
    verdict: int,
    actuators_of: Callable[[Account], Collection[Actuator]],
    now: float,
) -> bool:
    async with circuits.transaction() as transaction:
        loaded = await transaction.load([number])
        if number not in loaded:
            return False
        account, circuit, _ = loaded[number]
        if circuit.wanted is Wanted.SENDING or not account.enforceable:
            return False
        kinds = plan(circuit.wanted, actuators_of(account), away=account.is_away)
        if kinds:
            await transaction.order(account, circuit.epoch, verdict, kinds, now)
        return bool(kinds)
