from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import Act, ActKind, NobodyError
from breaker.domain.acts.selectors import most_like, parse_selector

if TYPE_CHECKING:
    from tests.fleet import Fleet

TRIP = Act(ActKind.TRIP, "trial", "ada")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("agnet@agents.example", "agent@agents.example"),
        ("agent@agnts.example", "agent@agents.example"),
        ("grant-77", "grant-7"),
        ("domain:agent.example", "domain:agents.example"),
        ("workspace:wrokspace-1", "workspace:workspace-1"),
        ("application:app-11", "application:app-1"),
    ],
)
async def test_a_slip_of_the_pen_is_answered_by_what_is_most_like_it(known: Fleet, typed: str, nearest: str) -> None:
    await known.know("agent@agents.example", "grant-7", workspace="workspace-1")
    await known.know("other@elsewhere.example", "id-8", workspace="spare")

    with pytest.raises(NobodyError) as refused:
        await known.operations.operator.plan(TRIP, [parse_selector(typed)])

    assert str(refused.value) == (
        f"no account is known by {typed} (the nearest known is {nearest}); nothing was changed. "
        "`breaker status` lists those that are"
    )


async def test_what_is_like_nothing_known_is_not_guessed_at(known: Fleet) -> None:
    await known.know("agent@agents.example", "grant-7")

    assert await known.operations.directory.nearest(parse_selector("nobody@nowhere.example")) is None


def test_two_addresses_of_one_domain_are_not_alike_for_that_alone() -> None:
    assert most_like("nobody@x.example", ["agent@x.example", "sales@x.example"]) is None
