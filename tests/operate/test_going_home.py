"""A person says where accounts go that are away from home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from tests.fleet import Fleet

RESET = Act(ActKind.RESET, "the workspace was deleted", "ada", home="w-support")


async def test_a_reset_takes_an_account_where_a_person_says(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1", workspace="w-quarantine", home="w-gone")
    await known.set_state(key, State.STOPPED)
    planned = await known.operations.operator.plan(RESET, [parse_selector("grant-1")])
    before = await known.pool.fetchval("SELECT home_workspace_id FROM accounts WHERE account = $1", key)

    await known.operations.operator.carry_out(RESET, [parse_selector("grant-1")])

    assert (planned.covered, before) == (1, "w-gone")
    assert await known.pool.fetchval("SELECT home_workspace_id FROM accounts WHERE account = $1", key) == "w-support"
    assert await known.commands(key) == [("return_home", 1), ("unblock", 1), ("unlimit", 1)]
    context = await known.pool.fetchval("SELECT context ->> 'home' FROM verdicts WHERE account = $1", key)
    assert context == "w-support"


async def test_who_is_at_home_stays_there(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1", workspace="w-sales")
    await known.set_state(key, State.STOPPED)

    await known.operations.operator.carry_out(RESET, [parse_selector("grant-1")])

    assert await known.pool.fetchval("SELECT home_workspace_id FROM accounts WHERE account = $1", key) is None
