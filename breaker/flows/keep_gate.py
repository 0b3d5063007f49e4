"""Keeping the gate's memory: follow what any daemon commits, and know how long ago the database was last in contact."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.ports import StoreError

if TYPE_CHECKING:
    from breaker.domain.standing.gate import Answer, GateMemory, SendKind
    from breaker.ports import CircuitChanges, Clock

LOOK_EVERY = 0.5
"""Seconds between two looks at the database where nothing rings: half of what a commit may take to be obeyed."""

BREATH = 0.05
"""Seconds at least between two looks, so that many commits in a row are read together."""

log = structlog.get_logger(__name__)


class Answered(Protocol):
    """Who is told of answers."""

    def gate_answered(self, answer: Answer) -> None:
        """A send path was told something."""
        ...

    def gate_followed(self, accounts: int, now: float) -> None:
        """The database was read: so many accounts are kept in memory."""
        ...


class KeepGate:
    """Answers send paths from memory, and keeps it fresh.

    Args:
        changes: What is committed.
        memory: Who is not plainly sending.
        clock: The time.
        told: Who is told of it.
    """

    def __init__(self, changes: CircuitChanges, memory: GateMemory, clock: Clock, told: Answered) -> None:
        """Know nothing yet."""
        self._changes = changes
        self._memory = memory
        self._clock = clock
        self._told = told
        self._contact: float | None = None

    @property
    def stale_for(self) -> float:
        """Seconds of the machine's time since the database was last in contact: it is processes that go stale."""
        return 0.0 if self._contact is None else _machine_time() - self._contact

    def answer(self, name: str, kind: SendKind, application_id: str | None = None) -> Answer:
        """Answer whether an account may send now.

        Args:
            name: Its grant id, or its address in lower case.
            kind: What it is about to send.
            application_id: The application meant, or None for whichever knows it.
        """
        answer = self._memory.answer(
            name, kind, self._clock.now(), application_id=application_id, stale_for=self.stale_for
        )
        self._told.gate_answered(answer)
        return answer

    async def read(self) -> None:
        """Take in what was committed since the last time.

        Raises:
            StoreError: The database can't be asked; what was known stays.
        """
        asked_at = _machine_time()
        await self._changes.bring_up_to_date(self._memory)
        self._contact = asked_at
        self._told.gate_followed(len(self._memory), self._clock.now())

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.read()
            except StoreError as error:
                log.warning("the gate can't be brought up to date", stale_for=round(self.stale_for), error=str(error))
                await asyncio.sleep(LOOK_EVERY)
            except Exception:
                log.exception("the gate was not brought up to date, and is tried again")
                await asyncio.sleep(LOOK_EVERY)
            else:
                await asyncio.sleep(BREATH)
                await self._changes.rung(LOOK_EVERY)


def _machine_time() -> float:
    return asyncio.get_running_loop().time()
