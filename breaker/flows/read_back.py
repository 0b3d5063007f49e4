"""Read back: whether a list shows what was written into it, page by page, so that a stop can come in between.

One reading confirms all that was written before it. What was put in is looked for where the last reading ended, since a
list of twenty thousand has a hundred pages and new values mostly stand at its end; where it is not found there, and for
what was taken out, the list is read from its beginning. Nothing follows from a place that a list was read from: only
from what stood on a page that was asked for after the change, or on none of a whole reading that began after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from breaker.ports import GiveUpError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, MutableMapping

    from breaker.ports import Platform


class Place(NamedTuple):
    """A place in a list.

    Args:
        after: What the platform calls it.
        values: How many values were read before it; tells which of two is the further.
    """

    after: str
    values: int


@dataclass(slots=True)
class _Expected:
    """What is to be seen for one command.

    Args:
        values: What was written.
        present: Whether it was put in, or taken out.
        unseen: What of it was on no page yet.
        sought: Whether the end of the list was read without all of it.
        whole: Whether a reading of the whole list began after it was written.
    """

    values: frozenset[str]
    present: bool
    unseen: set[str]
    sought: bool = False
    whole: bool = False


@dataclass(slots=True)
class ReadBack:
    """What was written into one list and is not shown by it yet.

    Args:
        list_id: The list's id.
        bookmarks: For each list by its id, where the last reading of it ended; kept beyond this object.
    """

    list_id: str
    bookmarks: MutableMapping[str, Place]
    _expected: dict[int, _Expected] = field(init=False, default_factory=dict)
    _commands: dict[str, set[int]] = field(init=False, default_factory=dict)
    _begun: bool = field(init=False, default=False)
    _whole: bool = field(init=False, default=True)
    _after: str | None = field(init=False, default=None)
    _values: int = field(init=False, default=0)

    def expect(self, command: int, values: Collection[str], *, present: bool) -> None:
        """Wait until the list shows that these values, which were just written, are there or gone."""
        self.forget(command)
        self._expected[command] = _Expected(frozenset(values), present, set(values))
        for value in values:
            self._commands.setdefault(value, set()).add(command)

    def forget(self, command: int) -> None:
        """Wait for it no longer."""
        if (one := self._expected.pop(command, None)) is not None:
            for value in one.values:
                self._commands[value].discard(command)
        self._begun = self._begun and bool(self._expected)

    @property
    def waiting(self) -> Collection[int]:
        """The commands that are not shown yet."""
        return self._expected.keys()

    async def read_on(self, platform: Platform) -> dict[int, bool]:
        """Read one page more.

        Returns:
            The commands of which it is certain now, and whether the list shows them.

        Raises:
            PlatformError: It could not be read; the next reading begins anew.
        """
        if not self._begun:
            self._begin()
        self._begun = False
        try:
            page = await platform.page_of_values(self.list_id, self._after)
        except GiveUpError:
            if self._whole:
                raise
            self.bookmarks.pop(self.list_id, None)  # the platform does not know the place any more
            return {}
        certain = self._look_at(page.values)
        ended = not page.values or page.after in {None, self._after}
        self._after = page.after or self._after
        self._values += len(page.values)
        self._keep_place(at_the_end=ended)
        if ended:
            certain = self._at_the_end() | certain
        self._begun = not ended
        for command in certain:
            self.forget(command)
        return certain

    def _begin(self) -> None:
        bookmark = self.bookmarks.get(self.list_id)
        self._whole = bookmark is None or any(one.sought or not one.present for one in self._expected.values())
        self._after, self._values = (None, 0) if bookmark is None or self._whole else bookmark
        if self._whole:
            for one in self._expected.values():
                one.whole = True

    def _look_at(self, values: Iterable[str]) -> dict[int, bool]:
        certain: dict[int, bool] = {}
        for value in values:
            for command in self._commands.get(value, ()):
                one = self._expected[command]
                one.unseen.discard(value)
                if not one.present or not one.unseen:
                    certain[command] = one.present
        return certain

    def _at_the_end(self) -> dict[int, bool]:
        if self._whole:
            return {command: not one.present for command, one in self._expected.items() if one.whole}
        for one in self._expected.values():
            one.sought = True
        return {}

    def _keep_place(self, *, at_the_end: bool) -> None:
        """Remember the furthest place; the end is one, also where the list has become shorter."""
        if self._after is None:
            return
        place, kept = Place(self._after, self._values), self.bookmarks.get(self.list_id)
        if kept is None or at_the_end or place.values >= kept.values:
            self.bookmarks[self.list_id] = place
