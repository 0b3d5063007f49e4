"""Reading a list back, page by page: what a page proves, and what does not follow from where it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.flows.read_back import Place, ReadBack
from breaker.ports import GiveUpError, TryAgainError, ValuesPage

if TYPE_CHECKING:
    from breaker.ports import Platform

LIST = "list-1"
PAGE = 3
MOST_PAGES = 100


@dataclass
class Pages:
    """A list that is read by pages, in one of the orders and by one of the kinds of place that are not documented."""

    values: list[str]
    newest_first: bool = False
    by_offset: bool = False
    forgetful: bool = False
    asked: list[str | None] = field(default_factory=list)

    async def page_of_values(self, list_id: str, after: str | None = None) -> ValuesPage:
        assert list_id == LIST
        self.asked.append(after)
        if after is not None and self.forgetful:
            raise GiveUpError("invalid page_token")
        shown = self.values[::-1] if self.newest_first else self.values
        start = 0
        if after is not None:
            start = int(after) if self.by_offset else (shown.index(after) + 1 if after in shown else len(shown))
        page = shown[start : start + PAGE]
        place = str(start + len(page)) if self.by_offset else (page[-1] if page else None)
        return ValuesPage(tuple(page), place)


async def shown(reading: ReadBack, pages: Pages) -> dict[int, bool]:
    """Read until everything is certain."""
    certain: dict[int, bool] = {}
    for _ in range(MOST_PAGES):
        if not reading.waiting:
            break
        certain |= await reading.read_on(cast("Platform", pages))
    return certain


@pytest.mark.parametrize("newest_first", [False, True])
async def test_one_reading_says_of_each_command_whether_the_list_shows_it(newest_first: bool) -> None:
    pages = Pages([f"v{one}" for one in range(10)], newest_first)
    reading = ReadBack(LIST, {})
    reading.expect(1, {"v0", "v9"}, present=True)
    reading.expect(2, {"v4", "missing"}, present=True)
    reading.expect(3, {"gone"}, present=False)
    reading.expect(4, {"v5"}, present=False)

    assert await shown(reading, pages) == {1: True, 2: False, 3: True, 4: False}
    assert len(pages.asked) == 5  # four pages and the empty one


async def test_what_was_put_in_is_looked_for_where_the_last_reading_ended() -> None:
    pages, bookmarks = Pages([f"v{one}" for one in range(30)]), dict[str, Place]()
    first = ReadBack(LIST, bookmarks)
    first.expect(1, {"v29"}, present=True)
    await shown(first, pages)
    pages.asked.clear()
    pages.values.append("new")
    second = ReadBack(LIST, bookmarks)
    second.expect(2, {"new"}, present=True)

    assert await shown(second, pages) == {2: True}
    assert pages.asked == ["v29"]


@pytest.mark.parametrize(
    "pages",
    [
        Pages([f"v{one}" for one in range(10)], newest_first=True),
        Pages([f"v{one}" for one in range(10)], by_offset=True),
        Pages([f"v{one}" for one in range(10)], by_offset=True, newest_first=True),
        Pages([f"v{one}" for one in range(10)], forgetful=False),
    ],
)
async def test_what_is_not_at_the_end_is_looked_for_from_the_beginning(pages: Pages) -> None:
    bookmarks: dict[str, Place] = {}
    first = ReadBack(LIST, bookmarks)
    first.expect(1, {"never there"}, present=True)
    assert await shown(first, pages) == {1: False}
    pages.values = ["new", *pages.values[5:]]  # a place by number now skips some
    second = ReadBack(LIST, bookmarks)
    second.expect(2, {"new"}, present=True)
    second.expect(3, {"never there"}, present=True)

    assert await shown(second, pages) == {2: True, 3: False}


async def test_a_place_that_the_platform_does_not_know_any_more_is_forgotten() -> None:
    pages, bookmarks = Pages(["v0", "v1"]), {LIST: Place("v0", 1)}
    pages.forgetful = True
    reading = ReadBack(LIST, bookmarks)
    reading.expect(1, {"v1"}, present=True)

    assert await shown(reading, pages) == {1: True}
    assert pages.asked == ["v0", None]


async def test_what_is_written_during_a_reading_is_not_taken_for_missing_by_it() -> None:
    pages = Pages([f"v{one}" for one in range(7)], newest_first=True)
    reading = ReadBack(LIST, {})
    reading.expect(1, {"v0"}, present=True)
    assert await reading.read_on(cast("Platform", pages)) == {}
    pages.values.append("new")  # on a page that is read already
    reading.expect(2, {"new"}, present=True)
    reading.expect(3, {"gone"}, present=False)

    assert await shown(reading, pages) == {1: True, 2: True, 3: True}
    assert pages.asked == [None, "v4", "v1", "v0", None, "v5", "v2", "v0"]


async def test_a_reading_that_fails_begins_anew() -> None:
    pages = Pages([f"v{one}" for one in range(5)])
    reading = ReadBack(LIST, {})
    reading.expect(1, {"v4"}, present=True)
    await reading.read_on(cast("Platform", pages))

    class Broken:
        async def page_of_values(self, _list_id: str, _after: str | None = None) -> ValuesPage:
            raise TryAgainError("no connection")

    with pytest.raises(TryAgainError):
        await reading.read_on(cast("Platform", Broken()))
    pages.asked.clear()
    assert await shown(reading, pages) == {1: True}
    assert pages.asked == ["v2"]


values = st.sampled_from([f"v{one}" for one in range(12)])


@given(
    there=st.lists(values, unique=True),
    expected=st.lists(st.tuples(st.sets(values, min_size=1, max_size=3), st.booleans()), max_size=8),
    newest_first=st.booleans(),
    by_offset=st.booleans(),
    bookmark=st.none() | st.integers(0, 12).map(str) | values,
)
async def test_whatever_the_order_and_the_places_only_what_is_there_is_shown(
    there: list[str],
    expected: list[tuple[set[str], bool]],
    newest_first: bool,
    by_offset: bool,
    bookmark: str | None,
) -> None:
    pages = Pages(there, newest_first, by_offset)
    of_this_kind = bookmark is not None and bookmark.isdigit() is by_offset
    reading = ReadBack(LIST, {LIST: Place(bookmark, 1)} if bookmark is not None and of_this_kind else {})
    for number, (some, present) in enumerate(expected):
        reading.expect(number, some, present=present)

    assert await shown(reading, pages) == {
        number: some <= set(there) if present else some.isdisjoint(there)
        for number, (some, present) in enumerate(expected)
    }
