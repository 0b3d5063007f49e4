"""A fleet as the database knows it, made row by row, and the use-cases on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.pool import connection_pool
from breaker.app import Operations, counting, window_sizes, wire_operations
from breaker.config import Settings, load
from breaker.domain.circuits.circuit import HeldBy, Verdict, apply
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.windows.counters import Counters
from breaker.ports import Sender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import asyncpg

    from breaker.domain.circuits.states import State

APPLICATION = "app-1"
NOW = 1_763_640_000.0


class SteppingClock:
    """A clock that only sleeping moves."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass(frozen=True, slots=True)
class Fleet:
    """Accounts in a database, and what can be done with them."""

    pool: asyncpg.Pool
    clock: SteppingClock
    settings: Settings
    operations: Operations
    identities: Identities

    async def know(
        self,
        address: str | None,
        grant_id: str | None = None,
        *,
        application: str = APPLICATION,
        workspace: str | None = None,
        home: str | None = None,
    ) -> int:
        """Return the number of an account, made known if need be."""
        sender = Sender(application, grant_id, address)
        key = (await self.identities.numbers_of([sender], self.clock.now()))[sender]
        await self.pool.execute(
            "UPDATE accounts SET workspace_id = $2, home_workspace_id = $3 WHERE account = $1", key, workspace, home
        )
        return key

    async def set_state(self, key: int, state: State, *, confirmed: bool = True) -> None:
        await self.pool.execute(
            "UPDATE circuits SET state = $2, since = $3, confirmed = $4 WHERE account = $1",
            key,
            state,
            self.clock.now(),
            {"warned": "sending", "probing": "stopped"}.get(state, state) if confirmed else None,
        )

    async def count(self, key: int, *, delivered: int, bounced: int = 0, complaints: int = 0) -> None:
        """Let sends have outcomes, one a second, the bad ones last."""
        counters = Counters(window_sizes(self.settings))
        kinds = (
            [OutcomeSet.DELIVERED] * delivered
            + [OutcomeSet.UNKNOWN_RECIPIENT] * bounced
            + [OutcomeSet.COMPLAINT] * complaints
        )
        for second, outcome in enumerate(kinds, start=int(self.clock.now()) - len(kinds)):
            counters.record(second, 0, int(outcome), counting(self.settings))
        await self.pool.execute(
            "UPDATE circuits SET counters = $2, last_event_at = $3 WHERE account = $1",
            key,
            counters.to_bytes(),
            self.clock.now(),
        )

    async def suspend(self, key: int, to: State, held_by: HeldBy = HeldBy.OBSERVE) -> int:
        """Let a held verdict stand beside an account's state; return its id."""
        async with PostgresCircuits(self.pool, window_sizes(self.settings)).transaction() as locked:
            account, circuit, counters = (await locked.load([key]))[key]
            verdict = Verdict(
                at=self.clock.now(),
                before=circuit.state,
                to=to,
                detector="level",
                epoch=circuit.epoch,
                why="12 of the last 200 sends hard-bounced.",
                held_by=held_by,
            )
            number = await locked.record_verdict(account, verdict, {})
            await locked.save(account, apply(circuit, verdict, number), counters)
        return number

    async def confirm(self) -> None:
        """Let the platform be read back for everything."""
        await self.pool.execute("UPDATE circuits SET confirmed = 'sending', confirmed_at = $1", self.clock.now())

    async def states(self) -> Mapping[str, str]:
        """Return the state of every account by its address or grant."""
        rows = await self.pool.fetch(
            "SELECT coalesce(address, grant_id), state FROM circuits JOIN accounts USING (account) ORDER BY account"
        )
        return dict(rows)

    async def commands(self, key: int) -> list[tuple[str, int]]:
        """Return the kind and epoch of an account's open commands, in their order."""
        rows = await self.pool.fetch(
            "SELECT kind, epoch FROM commands WHERE account = $1 AND ended_at IS NULL ORDER BY step", key
        )
        return [tuple(row) for row in rows]


def settings_of(folder: Path, **flags: object) -> Settings:
    """Return settings that nothing of this machine has a say in."""
    return load(None, {"data_dir": folder, **flags}, {})


@asynccontextmanager
async def fleet(database_url: str, folder: Path, **flags: object) -> AsyncIterator[Fleet]:
    """Give an empty fleet in a migrated database."""
    settings = settings_of(folder, **flags)
    clock = SteppingClock()
    async with connection_pool(database_url, 5) as pool:
        identities = Identities(pool, window_sizes(settings), counting(settings))
        yield Fleet(pool, clock, settings, wire_operations(settings, pool, clock), identities)
