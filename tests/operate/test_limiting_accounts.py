"""A person limits accounts: what is ordered, who is refused, and how they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import CANNOT_LIMIT, UNENFORCEABLE, Act, ActKind, Effect, RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State
from tests.fleet import fleet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fleet import Fleet

LIMIT = Act(ActKind.LIMIT, "a new list", "ada")


async def limited(one: Fleet, name: str = "grant-1") -> list[tuple[State, State, Effect, str]]:
    report = await one.operations.operator.carry_out(LIMIT, [parse_selector(name)])
    return [(done.before, done.to, done.effect, done.detail) for done in report.listed]


@pytest.mark.parametrize("before", [State.SENDING, State.WARNED, State.STOPPED])
async def test_a_limit_lets_an_account_only_reply_whatever_was_done_about_it_before(
    database_url: str, tmp_path: Path, before: State
) -> None:
    async with fleet(database_url, tmp_path, actuators="block,limit") as one:
        key = await one.know("agent@x.example", "grant-1")
        await one.set_state(key, before)

        done = await limited(one)

        assert done == [(before, State.LIMITED, Effect.CHANGED, "Limited by a person: a new list")]
        assert await one.commands(key) == [("limit", 1), ("return_home", 1), ("unblock", 1)]
        [entry] = (await one.operations.trail.page()).items
        assert (entry.author, entry.detector, entry.before, entry.to) == ("ada", "operator", before, State.LIMITED)


async def test_where_the_actuator_is_off_a_limit_is_refused_rather_than_noted(
    database_url: str, tmp_path: Path
) -> None:
    async with fleet(database_url, tmp_path, actuators="block") as one:
        key = await one.know("agent@x.example", "grant-1")

        done = await limited(one)

        assert done == [(State.SENDING, State.SENDING, Effect.REFUSED, CANNOT_LIMIT)]
        assert await one.commands(key) == []


async def test_an_account_without_a_grant_cannot_be_limited(known: Fleet) -> None:
    await known.know("agent@x.example")

    assert await limited(known, "agent@x.example") == [(State.SENDING, State.SENDING, Effect.REFUSED, UNENFORCEABLE)]


async def test_an_account_that_is_limited_or_probed_stays_as_it_is(database_url: str, tmp_path: Path) -> None:
    async with fleet(database_url, tmp_path, actuators="block,limit") as one:
        key = await one.know("agent@x.example", "grant-1")
        await one.set_state(key, State.LIMITED)
        already = await limited(one)
        await one.set_state(key, State.PROBING)

        probed = await limited(one)

    assert [effect for _, _, effect, _ in (*already, *probed)] == [Effect.UNCHANGED, Effect.REFUSED]


async def test_a_sending_domain_as_such_cannot_be_limited(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    act = Act(ActKind.LIMIT, "a new list", "ada", only_domain=True)

    with pytest.raises(RefusedError):
        await known.operations.operator.carry_out(act, [parse_selector("domain:x.example")])
