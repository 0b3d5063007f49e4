"""Find out where outbound rules hold, by a rule that is attached nowhere and matches the canary alone, for seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.drill import RuleScope, Sent, scope_of
from breaker.flows.designs import Made
from breaker.ports import Condition, GoneError, InventoryItem, PlatformError, RuleContent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.flows.fixtures import Names
    from breaker.ports import Clock, Inventory, Platform

_TRIES = 3
_BREATH = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FindScope:
    """Makes the rule, has the canary send under it, and takes it back.

    Args:
        application_id: The application.
        platform: The application on the platform.
        inventory: What Breaker has made there.
        names: What this installation's things are called.
        clock: The time.
    """

    application_id: str
    platform: Platform
    inventory: Inventory
    names: Names
    clock: Clock

    async def __call__(self, address: str, send: Callable[[], Awaitable[Sent]]) -> tuple[RuleScope | None, str]:
        """Return where rules hold, or None, and a sentence.

        Args:
            address: The canary's.
            send: Has it send, more than once where the first is accepted, since a rule may need its time.

        Raises:
            PlatformError: The rule could not be taken back yet.
            StoreError: The database can't be used now.
        """
        name = self.names.drill_rule
        content = RuleContent("outbound", (Condition("from.address", "is", (address,)),), ("block",), priority=0)
        became = None
        try:
            rule = await self.platform.create_rule(name, content)
            item = InventoryItem(Made.DRILL_RULE, rule.id, {"name": name}, self.clock.now())
            await self.inventory.add(self.application_id, item)
            became = await send()
        except PlatformError as error:
            problem = f"It can't be told where rules hold: {error}"
        else:
            problem = f"It can't be told where rules hold: the send under the drill's rule was {became}."
        finally:
            # A rule whose making was not answered may be there all the same.
            await self._take_back_trying_again()
        scope = scope_of(became) if became else None
        return scope, scope.says if scope else problem

    async def take_back(self) -> None:
        """Delete the rule, as often as it is there, and forget it.

        Raises:
            PlatformError: It could not be deleted yet.
            StoreError: The database can't be used now.
        """
        for rule in await self.platform.rules():
            if rule.name == self.names.drill_rule:
                try:
                    await self.platform.delete_rule(rule.id)
                except GoneError:
                    continue
        for item in await self.inventory.items(self.application_id):
            if item.kind == Made.DRILL_RULE:
                await self.inventory.remove(self.application_id, item.kind, item.platform_id)

    async def _take_back_trying_again(self) -> None:
        for attempt in range(_TRIES):
            try:
                return await self.take_back()
            except PlatformError:
                if attempt == _TRIES - 1:
                    raise
                await self.clock.sleep(_BREATH)
        return None
