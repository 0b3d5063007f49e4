"""A database that was lost while rounds were open: who is where accounts are probed is held, and not let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import Actuator, plan
from breaker.flows.adopt import Sweep
from tests.guarded import BOTH, NAMES
from tests.outbox.test_carry_out import finish
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.copies.conftest import Homes


def sweep(homes: Homes) -> Sweep:
    return Sweep(
        application_id=APPLICATION,
        names=NAMES,
        platform=homes.world.client,
        inventory=homes.store.inventory,
        adoption=homes.store.adoption,
        clock=homes.store.clock,
    )


async def test_a_round_that_is_known_is_left_alone(homes: Homes) -> None:
    number = await homes.stop("a@x.example", await homes.home("Sales", await homes.policy(90)))
    await homes.round(number, Wanted.SENDING)
    await homes.store.pool.execute("UPDATE circuits SET confirmed_at = 0")

    swept = await sweep(homes)()

    assert swept.adopted == ()
    assert await homes.store.standing(number) == ("probing", "sending")


async def test_a_round_that_nobody_knows_of_is_adopted_as_stopped_and_its_account_taken_home(homes: Homes) -> None:
    sales = await homes.home("Sales", await homes.policy(90))
    number = await homes.stop("a@x.example", sales)
    await homes.round(number, Wanted.SENDING)
    for table in ("commands", "inventory"):
        await homes.store.pool.execute(f"DELETE FROM {table}")
    await homes.store.pool.execute(
        "UPDATE circuits SET state = 'sending', permitted = NULL, epoch = 0, confirmed = 'sending', confirmed_at = 0"
    )
    await homes.store.pool.execute("UPDATE accounts SET workspace_id = NULL, home_workspace_id = NULL")

    swept = await sweep(homes)()
    adopted = await homes.store.standing(number)
    async with homes.store.circuits.transaction() as locked:
        account, circuit, _ = (await locked.load([number]))[number]
        verdict = await homes.store.pool.fetchval("SELECT max(id) FROM verdicts")
        kinds = plan(circuit.wanted, BOTH - {Actuator.QUARANTINE}, away=True)
        await locked.order(account, circuit.epoch, verdict, kinds, homes.store.clock.now())
    await finish(homes.sender(), homes.store)

    assert (swept.adopted, adopted) == (("a@x.example",), ("stopped", None))
    assert homes.place("a@x.example") is sales  # which the copy was made for; another one is just like it
    assert await homes.store.standing(number) == ("stopped", "stopped")
