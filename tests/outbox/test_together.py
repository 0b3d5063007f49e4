"""Moves that are made together: what they ask is gathered, and each gets the answer that it would have had alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from breaker.flows.together import Together
from breaker.ports import GiveUpError, GoneError, Grant, PlatformError, StoreUnavailableError, TryAgainError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from breaker.ports import Outbox, Platform


@dataclass
class Places:
    """A platform that knows where grants are, and what it was asked."""

    places: dict[str, str]
    fails: dict[str, PlatformError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def grant(self, grant_id: str) -> Grant:
        self.asked.append("grant")
        if grant_id not in self.places:
            raise GoneError("no such grant")
        return Grant(grant_id, f"{grant_id}@x.example", "nylas", self.places[grant_id])

    async def grants(self, *, workspace_id: str) -> AsyncIterator[Grant]:
        self.asked.append(f"grants of {workspace_id}")
        if "grants" in self.fails:
            raise self.fails["grants"]
        for grant_id, place in sorted(self.places.items()):
            if place == workspace_id:
                yield Grant(grant_id, f"{grant_id}@x.example", "nylas", place)

    async def move_grant(self, grant_id: str, workspace_id: str) -> None:
        self.asked.append("move")
        self.places[grant_id] = workspace_id

    async def assign_grants(self, workspace_id: str, grant_ids: Collection[str]) -> None:
        self.asked.append(f"assign {len(grant_ids)} to {workspace_id}")
        if "assign" in self.fails:
            raise self.fails["assign"]
        self.places |= {one: workspace_id for one in grant_ids if one in self.places}


@dataclass
class Notes:
    """An outbox that remembers placements."""

    placed: list[tuple[int, str | None, str | None]] = field(default_factory=list)
    fails: bool = False

    async def note_placements(self, placements: Sequence[tuple[int, str | None, str | None]]) -> None:
        if self.fails:
            raise StoreUnavailableError("no connection")
        self.placed += placements


def together(places: Places, expected: Collection[str] = (), notes: Notes | None = None) -> Together:
    """Return what gathers; these grants are expected at home."""
    return Together(cast("Platform", places), cast("Outbox", notes or Notes()), dict.fromkeys(expected, "home"), 2)


def there_and_back(one: Together, number: int, target: str) -> Callable[[], Awaitable[str | None]]:
    """Return a move as it is written for one account."""

    async def move() -> str | None:
        grant = await one.as_platform.grant(f"g{number:04}")
        await one.as_outbox.note_placement(number, grant.workspace_id, grant.workspace_id)
        await one.as_platform.move_grant(grant.id, target)
        seen = await one.as_platform.grant(grant.id)
        return None if seen.workspace_id == target else "elsewhere"

    return move


async def test_many_moves_take_a_page_a_batch_and_a_page() -> None:
    names = [f"g{number:04}" for number in range(600)]
    places, notes = Places(dict.fromkeys(names, "home")), Notes()
    one = together(places, names, notes)

    outcomes = await one.all([there_and_back(one, number, "cell") for number in range(600)])

    assert outcomes == [None] * 600
    assert places.asked == ["grants of home", "assign 500 to cell", "assign 100 to cell", "grants of cell"]
    assert sorted(notes.placed) == [(number, "home", "home") for number in range(600)]


async def test_one_move_asks_as_if_it_were_alone() -> None:
    places = Places({"g0000": "home"})
    one = together(places, ["g0000"])

    assert await one.all([there_and_back(one, 0, "cell")]) == [None]
    assert places.asked == ["grant", "move", "grant"]


async def test_who_is_elsewhere_than_expected_is_asked_for_alone() -> None:
    names = [f"g{number:04}" for number in range(10)]
    places = Places(dict.fromkeys(names, "home") | {"g0003": "moved"})
    one = together(places, names)

    outcomes = await one.all([there_and_back(one, number, "cell") for number in range(10)])

    assert outcomes == [None] * 10
    assert places.asked == ["grants of home", "grant", "assign 10 to cell", "grants of cell"]


async def test_who_is_gone_fails_alone() -> None:
    names = [f"g{number:04}" for number in range(10)]
    places = Places(dict.fromkeys(names[1:], "home"))
    one = together(places, names)

    first, *rest = await one.all([there_and_back(one, number, "cell") for number in range(10)])

    assert isinstance(first, GoneError)
    assert rest == [None] * 9


@pytest.mark.parametrize("error", [GiveUpError("auto_group must be false"), GoneError("no such workspace")])
async def test_a_refused_batch_is_moved_one_by_one(error: PlatformError) -> None:
    names = [f"g{number:04}" for number in range(3)]
    places = Places(dict.fromkeys(names, "home"), {"assign": error})
    one = together(places)

    assert await one.all([there_and_back(one, number, "cell") for number in range(3)]) == [None] * 3
    assert places.asked.count("move") == 3


@pytest.mark.parametrize("what", ["assign", "grants"])
async def test_an_outage_fails_all_that_asked_and_asks_nothing_more(what: str) -> None:
    names = [f"g{number:04}" for number in range(20)]
    outage = TryAgainError("no connection")
    places = Places(dict.fromkeys(names, "home"), {what: outage})
    one = together(places, names)

    assert await one.all([there_and_back(one, number, "cell") for number in range(20)]) == [outage] * 20
    assert len(places.asked) == (2 if what == "assign" else 1)


async def test_a_database_that_is_gone_ends_all_of_them() -> None:
    places = Places({f"g{number:04}": "home" for number in range(5)})
    one = together(places, notes=Notes(fails=True))

    with pytest.raises(StoreUnavailableError):
        await one.all([there_and_back(one, number, "cell") for number in range(5)])
    assert "move" not in places.asked


async def test_a_move_that_waits_for_another_holds_up_nobody() -> None:
    places = Places({"g0000": "home", "g0001": "home"})
    one = together(places)
    moved = asyncio.Event()

    async def first() -> str | None:
        outcome = await there_and_back(one, 0, "cell")()
        moved.set()
        return outcome

    async def second() -> str | None:
        await moved.wait()
        return await there_and_back(one, 1, "cell")()

    async with asyncio.timeout(30):
        assert await one.all([first, second]) == [None, None]
    assert places.places == {"g0000": "cell", "g0001": "cell"}
