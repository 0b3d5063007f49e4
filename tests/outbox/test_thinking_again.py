"""A person who thinks again: what lifts is asked about once more, as late as can be, before the platform is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.domain.circuits.states import Cause
from breaker.flows.carry_out import Sender
from tests.outbox.test_carry_out import BLOCK, blocked, finish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from breaker.ports import Command
    from tests.guarded import Guarded
    from tests.simulated import Simulated


class Interrupted(PostgresOutbox):
    """An outbox, just before whose last question something happens, once."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def current(self, commands: Sequence[Command]) -> frozenset[int]:
        happens, self.happens = self.happens, None
        if happens is not None:
            await happens()
        return await super().current(commands)


async def test_who_is_stopped_again_while_his_reset_waits_is_never_let_go(world: Simulated, store: Guarded) -> None:
    await store.set_up(world.client)
    stays, goes = await store.know("g1", "stays@x.example"), await store.know("g2", "goes@x.example")
    plain = store.sender(world.client)
    for number in (stays, goes):
        await store.act(number, Cause.TRIPPED, BLOCK)
    await finish(plain, store)
    for number in (stays, goes):
        await store.act(number, Cause.RESET, BLOCK)
    world.platform.journal.clear()
    outbox = Interrupted(store.pool, "daemon-1")
    outbox.happens = lambda: store.act(stays, Cause.TRIPPED, BLOCK)

    await finish(Sender(replace(plain.at, outbox=outbox), pace=plain.pace), store)

    told = [call.body for call in world.platform.journal.changing() if call.method == "DELETE"]
    assert not any(b"stays@x.example" in body for body in told)
    assert any(b"goes@x.example" in body for body in told)
    assert blocked(world) == ["stays@x.example"]
    assert [await store.standing(one) for one in (stays, goes)] == [("stopped", "stopped"), ("sending", "sending")]
    assert [ended for kind, ended, _ in await store.commands(stays) if kind == "unblock"] == ["superseded"]
