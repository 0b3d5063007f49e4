"""Whom a configuration would stop or limit at the next bad outcome: asked before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.app.operations import operations
from breaker.flows.foresee import foresee

if TYPE_CHECKING:
    from breaker.config import Settings
    from breaker.flows.foresee import Foreseen
    from breaker.ports import ModeInForce


@dataclass(frozen=True, slots=True)
class WouldAct:
    """An account that a configuration would act on.

    Args:
        foreseen: Who, why and how.
        mode: How far Breaker may go with it.
    """

    foreseen: Foreseen
    mode: ModeInForce


async def would_act(settings: Settings) -> list[WouldAct]:
    """Return the active accounts that stand otherwise now, and would be limited or stopped at their next bad outcome.

    Raises:
        UnavailableError: The database can't be used.
    """
    async with operations(settings) as available:
        available.in_force.count_fleet(await available.fleet.active())
        now = available.clock.now()
        return [
            WouldAct(one, await available.modes.in_force(one.account, now))
            async for one in foresee(
                available.active, available.in_force.profiles, now, protected=available.in_force.protected
            )
        ]
