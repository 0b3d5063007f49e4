"""History and block of an address end 30 days after its grant was deleted, and not a minute before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.gone import PostgresGone
from breaker.domain.circuits.states import Cause
from breaker.domain.outcomes.identity import ADDRESS_FOLLOWS
from breaker.flows.let_gone_go import WHY, LetGoneGo
from tests.drift.conftest import BLOCKING
from tests.outbox.test_carry_out import finish
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Verdict
    from breaker.ports import Account
    from tests.drift.conftest import Drifting

A = "a@x.example"


async def let_go(drifting: Drifting) -> list[str | None]:
    """Look once, carry out what is ordered, and return who was let go."""
    store = drifting.place.store
    told: list[str | None] = []

    async def may_act(_account: Account) -> bool:
        return drifting.enforce

    def note(account: Account, _verdict: Verdict) -> None:
        told.append(account.address)

    await LetGoneGo(
        application_id=APPLICATION,
        gone=PostgresGone(store.pool),
        circuits=store.circuits,
        may_act=may_act,
        clock=store.clock,
        told=note,
    )()
    await finish(store.sender(drifting.place.world.client), store)
    return told


async def gone(drifting: Drifting, cause: Cause, ago: float) -> int:
    """Hold an account whose grant was deleted so long ago."""
    store, application = drifting.place.store, drifting.place.world.application
    grant = application.add_grant(A)
    number = await store.know(grant.id, A)
    await store.act(number, cause, BLOCKING)
    await finish(store.sender(drifting.place.world.client), store)
    application.grants.remove(grant.id)
    await store.outbox().note_gone(number, store.clock.now() - ago)
    return number


def listed(drifting: Drifting) -> list[str]:
    return [value for one in drifting.place.world.application.lists for value in one.items]


async def test_until_then_the_block_stays(drifting: Drifting) -> None:
    number = await gone(drifting, Cause.TRIPPED, ADDRESS_FOLLOWS - 60)

    assert await let_go(drifting) == []
    assert listed(drifting) == [A]
    assert await drifting.place.store.standing(number) == ("stopped", "stopped")


async def test_then_it_ends_with_a_verdict_and_the_next_grant_begins_anew(drifting: Drifting) -> None:
    number, store = await gone(drifting, Cause.TRIPPED, ADDRESS_FOLLOWS + 60), drifting.place.store

    assert await let_go(drifting) == [A]
    assert await let_go(drifting) == []
    assert listed(drifting) == []
    assert await store.standing(number) == ("sending", "sending")
    verdict = await store.pool.fetchrow("SELECT to_state, detector, author, why FROM verdicts ORDER BY id DESC LIMIT 1")
    assert tuple(verdict) == ("sending", "platform", None, WHY)

    drifting.place.world.application.add_grant(A)
    await drifting.sweep_placements()
    await drifting.sweep()
    states = await store.pool.fetch(
        "SELECT address, state FROM accounts JOIN circuits USING (account) ORDER BY account"
    )
    assert [tuple(row) for row in states] == [(None, "sending"), (A, "sending")]


async def test_a_limited_account_ends_likewise(drifting: Drifting) -> None:
    number = await gone(drifting, Cause.LIMITED_BY_PERSON, ADDRESS_FOLLOWS + 60)

    assert await let_go(drifting) == [A]
    assert (listed(drifting), await drifting.place.store.standing(number)) == ([], ("sending", "sending"))


async def test_where_breaker_may_not_act_it_stays(drifting: Drifting) -> None:
    number = await gone(drifting, Cause.TRIPPED, ADDRESS_FOLLOWS + 60)
    drifting.enforce = False

    assert await let_go(drifting) == []
    assert (listed(drifting), await drifting.place.store.standing(number)) == ([A], ("stopped", "stopped"))
