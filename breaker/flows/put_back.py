"""Put back: who was held on the platform and is there no more is shown as unconfirmed, and put back once.

The commands themselves are ordered by `breaker.flows.order_again`, as for everybody whom the platform was not read back
for; who is left to people, or is only observed, is left out there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.platform.lost import Response, respond

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from breaker.ports import Account, Clock, Lost, LostHolds, SendingDomain


class Told(Protocol):
    """Who is told."""

    def lost(self, application_id: str, lost: Lost, response: Response) -> None:
        """Somebody is held no more, and this is done about it."""
        ...

    def found(self, application_id: str, lost: Lost) -> None:
        """Somebody who was missing is held again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Sees to who is missing in one application.

    Args:
        application_id: The application.
        holds: Who is missing, and what was done about it.
        may_act: Tells whether Breaker may act for an account or a domain by itself.
        clock: The time.
        told: Who is told.
    """

    application_id: str
    holds: LostHolds
    may_act: Callable[[Account | SendingDomain], Awaitable[bool]]
    clock: Clock
    told: Told

    async def __call__(self, lost: Sequence[Lost]) -> None:
        """See to these.

        Raises:
            StoreError: The database can't be used now.
        """
        now = self.clock.now()
        back = [one for one in lost if one.listed and one.told and one.held is one.wanted]
        for one in await self.holds.found(self.application_id, back, now) if back else ():
            self.told.found(self.application_id, one)
        responses: dict[Response, list[Lost]] = defaultdict(list)
        for one in lost:
            response = None if one.listed else await self._respond(one)
            if response is not None:
                responses[response].append(one)
        for response, some in responses.items():
            for one in await self.holds.note(self.application_id, some, response, now):
                self.told.lost(self.application_id, one, response)

    async def _respond(self, lost: Lost) -> Response | None:
        put_back, left = lost.put_back_at is not None, lost.left_at is not None
        return respond(told=lost.told, put_back=put_back, left=left, may_act=await self.may_act(lost.about))
