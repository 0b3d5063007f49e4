"""Keep pins: who joins a group that a person pinned as stopped is stopped in that person's name.

Those who were there when the pin was set were stopped by that act. Accounts made later, and those that came home to the
group, are found by looking. It is a person's stop: no mode holds it, and it takes no room of the fleet guard.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from breaker.domain.acts.acts import Act, ActKind, Effect
from breaker.domain.acts.selectors import Scope, Selector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.acts.acts import Report
    from breaker.domain.circuits.modes import ModeSetting, SetMode
    from breaker.flows.meant import Place
    from breaker.ports import Account, Clock


class Pins(Protocol):
    """The modes that people set."""

    async def refresh(self, *, after: float = ...) -> None:
        """Read them, unless that was done less than `after` seconds ago."""
        ...

    def pinned(self, now: float) -> Sequence[Place]:
        """Return where accounts are pinned as stopped, as it was last read."""
        ...

    def setting(self, account: Account, now: float) -> SetMode | None:
        """Return what holds for an account, as it was last read."""
        ...


class Pinned(Protocol):
    """Accounts for which a pin holds."""

    async def not_stopped(self, places: Sequence[Place], now: float) -> Sequence[Account]:
        """Return those of these places that are not stopped and could be, some thousand at most."""
        ...


class Operator(Protocol):
    """People's acts."""

    async def carry_out(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Do it."""
        ...


class KeepPins:
    """The flow: each call looks once.

    Args:
        pins: The modes that people set.
        pinned: Accounts for which a pin holds.
        operator: Stops them.
        clock: The time.
        acted: Called when somebody was stopped.
    """

    def __init__(
        self, pins: Pins, pinned: Pinned, operator: Operator, clock: Clock, acted: Callable[[], None] = lambda: None
    ) -> None:
        """Wire the parts."""
        self._pins = pins
        self._pinned = pinned
        self._operator = operator
        self._clock = clock
        self._acted = acted

    async def __call__(self) -> int:
        """Look once; return how many were stopped.

        Raises:
            StoreError: The database can't be used; who was stopped before it stays so.
        """
        now = self._clock.now()
        await self._pins.refresh()
        places = self._pins.pinned(now)
        if not places:
            return 0
        joined: dict[tuple[str, ModeSetting], list[Selector]] = defaultdict(list)
        for account in await self._pinned.not_stopped(places, now):
            pin = self._pins.setting(account, now)
            if pin is not None and pin.pins:
                joined[pin.selector, pin.setting].append(Selector(Scope.ACCOUNT, account.id))
        stopped = 0
        for (whose, setting), selectors in joined.items():
            act = Act(ActKind.TRIP, f"{setting.reason} ({whose} is pinned as stopped)", setting.author)
            stopped += (await self._operator.carry_out(act, selectors)).counts[Effect.CHANGED]
        if stopped:
            self._acted()
        return stopped
