"""Replay what was not understood: by a later version, or when what was in the way is gone.

Notifications that were signed and not understood are kept. Each is decoded anew; what is understood by now is counted
exactly once, as history is, and dropped; what is not stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.flows.backfill import count_trying_again
from breaker.flows.follow_grants import follow
from breaker.ports import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.flows.count import Count
    from breaker.flows.follow_grants import GrantChange, Roster
    from breaker.flows.judge import Given
    from breaker.flows.judge_once import JudgeOnce
    from breaker.ports import Clock

_PAGE = 100


class Kept(Protocol):
    """A notification that was kept."""

    @property
    def id(self) -> int:
        """By which it is dropped."""
        ...

    @property
    def received_at(self) -> float:
        """When it came, Unix seconds."""
        ...

    @property
    def body(self) -> bytes:
        """Its unpacked body."""
        ...


class Undecoded(Protocol):
    """The notifications that were kept."""

    async def after(self, application_id: str, number: int, limit: int) -> Sequence[Kept]:
        """Return those that were kept after one of them, the earliest first."""
        ...

    async def drop(self, numbers: Collection[int]) -> None:
        """Drop some."""
        ...


class StillUnknownError(Exception):
    """This version does not understand it either."""


@dataclass(slots=True)
class Replayed:
    """What came of it.

    Args:
        application_id: Whose they were.
        kept: Notifications that were kept.
        understood: Those that are understood by now, and kept no more.
        counted: Outcomes that were counted.
        given: The verdicts, all of them held.
    """

    application_id: str
    kept: int
    understood: int
    counted: int
    given: list[Given]


@dataclass(frozen=True, slots=True)
class ReplayUndecoded:
    """The flow: one call replays all that is kept of one application.

    Args:
        application_id: The application.
        undecoded: What is kept.
        decode: Decodes a body that came at a moment: a delivery event, what is told of a grant, or None where nothing
            is to be done any more; raises `StillUnknownError`.
        count: Counts, and judges nothing.
        judge: Judges in the end.
        roster: Where grants are known.
        clock: The time.
    """

    application_id: str
    undecoded: Undecoded
    decode: Callable[[bytes, float], DeliveryEvent | GrantChange | None]
    count: Count
    judge: JudgeOnce
    roster: Roster
    clock: Clock

    async def __call__(self) -> Replayed:
        """Replay.

        Raises:
            StoreError: The database can't be used now; what was taken in stays so, and the rest is kept.
        """
        done = Replayed(self.application_id, 0, 0, 0, [])
        oldest, last = self.clock.now(), 0
        while page := await self.undecoded.after(self.application_id, last, _PAGE):
            for one in page:
                last = one.id
                done.kept += 1
                try:
                    event = self.decode(one.body, one.received_at)
                    done.counted += await self._take(event)
                except (StillUnknownError, _PoisonousError):
                    continue
                await self.undecoded.drop([one.id])
                done.understood += 1
                oldest = min(oldest, event.occurred_at if event else oldest)
        if done.counted:
            done.given = await self.judge(self.application_id, oldest)
        return done

    async def _take(self, event: DeliveryEvent | GrantChange | None) -> int:
        """Take an event in; return how many outcomes were counted."""
        if event is not None and event.application_id != self.application_id:
            raise StillUnknownError("it says that it is of another application")
        if isinstance(event, DeliveryEvent):
            try:
                report = await count_trying_again(self.count, [event], self.clock.now())
            except StoreUnavailableError:
                raise
            except Exception as error:
                raise _PoisonousError from error  # it was kept for that, and is kept on
            return report.outcomes["counted"]
        if event is not None:
            await follow(self.roster, event, self.clock.now())
        return 0


class _PoisonousError(Exception):
    """The database refuses it for what is in it."""
