"""A guarded application: a real database, the simulated platform, and acts on its accounts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.pool import connection_pool
from breaker.domain.circuits.circuit import act, apply
from breaker.domain.outcomes.outcomes import Counting
from breaker.domain.platform.commands import Actuator, plan
from breaker.domain.windows.counters import WindowSizes
from breaker.flows.carry_out import Pace, Sender, Surroundings
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.fixtures import Names
from breaker.ports import InventoryItem
from breaker.ports import Sender as MailSender
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    import asyncpg

    from breaker.domain.circuits.states import Cause
    from breaker.ports import Account, Clock, Command, Platform

BOTH = frozenset({Actuator.BLOCK, Actuator.QUARANTINE})
LIMITING = BOTH | {Actuator.LIMIT}
NAMES = Names("installation-1")
SIZES = WindowSizes()


@dataclass(frozen=True, slots=True)
class Guarded:
    """The database's side of a guarded application."""

    pool: asyncpg.Pool
    clock: Clock
    identities: Identities
    circuits: PostgresCircuits
    inventory: PostgresInventory
    leases: PostgresLeases
    adoption: PostgresAdoption
    confirmations: asyncio.Queue[tuple[str, float]] = field(default_factory=asyncio.Queue)
    elsewhere: list[str] = field(default_factory=list)

    def outbox(self, holder: str = "daemon-1") -> PostgresOutbox:
        return PostgresOutbox(self.pool, holder)

    def sender(  # noqa: PLR0913 - what a test may have otherwise
        self,
        platform: Platform,
        holder: str = "daemon-1",
        *,
        quarantine: str | None = None,
        quota: int | None = None,
        blocks: bool = True,
        pace: Pace | None = None,
    ) -> Sender:
        """Return an outbox worker; `quarantine` is the workspace configured for all stopped accounts."""
        surroundings = Surroundings(
            application_id=APPLICATION,
            holder=holder,
            platform=platform,
            outbox=self.outbox(holder),
            leases=self.leases,
            inventory=self.inventory,
            names=NAMES,
            clock=self.clock,
            random=lambda: 0.0,
            quarantine_for=lambda _home: quarantine,
            quarantines=() if quarantine is None else (quarantine,),
            blocks=lambda _account: blocks,
            quota=lambda: quota,
            elsewhere=self.elsewhere.append,
            confirmed=self._confirmed,
        )
        return Sender(surroundings, pace=pace or Pace(first_delay=0.001, longest_delay=0.01))

    async def confirmed_by(self, count: int, *senders: Sender) -> list[tuple[str, float]]:
        """Run senders until so many commands were confirmed, and return them with the seconds that each took."""
        running = [asyncio.create_task(sender.run()) for sender in senders]
        try:
            async with asyncio.timeout(30):
                return [await self.confirmations.get() for _ in range(count)]
        finally:
            for task in running:
                task.cancel()
            for task in running:
                with suppress(asyncio.CancelledError):
                    await task

    def _confirmed(self, command: Command, seconds: float) -> None:
        self.confirmations.put_nowait((command.kind, seconds))

    async def know(self, grant_id: str | None, address: str | None) -> int:
        """Return the number of an account."""
        sender = MailSender(APPLICATION, grant_id, address)
        return (await self.identities.numbers_of([sender], self.clock.now()))[sender]

    async def act(self, number: int, cause: Cause, actuators: Collection[Actuator] = BOTH) -> None:
        """Decide about an account as a person, and order what it takes."""
        now = self.clock.now()
        async with self.circuits.transaction() as locked:
            account, circuit, counters = (await locked.load([number]))[number]
            verdict = act(circuit, cause, now, "tester", "test")
            assert verdict is not None
            verdict_id = await locked.record_verdict(account, verdict, {})
            changed = apply(circuit, verdict, verdict_id)
            await locked.save(account, changed, counters)
            await locked.order(account, changed.epoch, verdict_id, plan(changed.wanted, actuators), now)

    async def account(self, number: int) -> Account:
        async with self.circuits.transaction() as locked:
            return (await locked.load([number]))[number][0]

    async def standing(self, number: int) -> tuple[str, str | None]:
        """Return an account's state and what the platform was read back for."""
        row = await self.pool.fetchrow("SELECT state, confirmed FROM circuits WHERE account = $1", number)
        return row["state"], row["confirmed"]

    async def commands(self, number: int) -> list[tuple[str, str | None, str | None]]:
        """Return an account's commands: kind, how each ended, and its error."""
        rows = await self.pool.fetch("SELECT kind, ended, error FROM commands WHERE account = $1 ORDER BY id", number)
        return [(row["kind"], row["ended"], row["error"]) for row in rows]

    async def make_due(self) -> None:
        """Let every delay be over."""
        await self.pool.execute("UPDATE commands SET next_attempt_at = 0 WHERE ended_at IS NULL")

    async def set_up(self, platform: Platform, *, limiting: bool = True) -> tuple[str, str]:
        """Make lists and rules, attach the rules everywhere, and return the ids of the list and the rule that stop.

        Args:
            platform: Where.
            limiting: Whether with what limits; an older installation has none.
        """
        now = self.clock.now()
        ids: dict[Made, str] = {}
        for rule in (RULES[Made.RULE], RULES[Made.LIMIT_RULE])[: 1 + limiting]:
            for one in (LISTS[made] for made in rule.lists if made in {Made.LIST, Made.LIMIT_LIST}):
                ids[one.made] = (await platform.create_list(NAMES.of(one), one.type)).id
            ids[rule.made] = (await platform.create_rule(NAMES.of(rule), rule.content(ids))).id
        for made, number in ids.items():
            name = NAMES.of((LISTS | RULES)[made])
            await self.inventory.add(APPLICATION, InventoryItem(made, number, {"name": name}, now))
        rules = [number for made, number in ids.items() if made in RULES]
        for workspace in await platform.workspaces():
            await platform.attach_rules(workspace.id, rules)
            await self.inventory.add(APPLICATION, InventoryItem("attachment", workspace.id, {"rules": rules}, now))
        return ids[Made.LIST], ids[Made.RULE]


@asynccontextmanager
async def guarded(database_url: str, *, pooled: bool = False) -> AsyncIterator[Guarded]:
    """Give the parts of a daemon that the platform's side needs."""
    async with connection_pool(database_url, 10, pooled=pooled) as pool:
        identities = Identities(pool, SIZES, Counting())
        yield Guarded(
            pool,
            SystemClock(),
            identities,
            PostgresCircuits(pool, SIZES),
            PostgresInventory(pool),
            PostgresLeases(pool),
            PostgresAdoption(pool, identities, SIZES),
        )
