"""Together: many moves at the same time ask the platform few questions.

Each move is written for one account: it asks where the account is, remembers that, has it moved and asks again. Here
what many of them ask is gathered until all wait for an answer, and is then asked at once: where accounts are by pages
of the workspaces that they should be in, 200 on each, and moves to one workspace by batches of 500. What is not found
on a page is asked for by itself, so that nothing follows from a page but what stands on it; a move is believed once the
account was seen where it should be, as ever.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from breaker.ports import GiveUpError, GoneError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from breaker.ports import Grant, Outbox, Platform

Answer = TypeVar("Answer")

LARGEST_MOVE = 500
"""Grants that the platform moves with one request."""

_PAGE = 200
_FEW = 4
"""Grants of one workspace that are asked for one by one: their pages might be more."""

_GATHERING = 0.5
"""Real seconds after which what was asked so far is passed on, should a move wait for something else meanwhile."""


@dataclass(slots=True)
class Together:
    """Answers some moves that are made at the same time.

    Args:
        platform: The platform.
        outbox: Where placements are remembered.
        expected: The workspace that each grant is thought to be in; only saves requests.
        at_once: Requests at the same time, where grants are asked for one by one.
    """

    platform: Platform
    outbox: Outbox
    expected: dict[str, str]
    at_once: int
    _moving: int = field(init=False, default=0)
    _waiting: int = field(init=False, default=0)
    _grants: dict[str, asyncio.Future[Grant]] = field(init=False, default_factory=dict)
    _moves: dict[str, dict[str, asyncio.Future[None]]] = field(init=False, default_factory=dict)
    _placements: list[tuple[int, str | None, str | None]] = field(init=False, default_factory=list)
    _noted: asyncio.Future[None] | None = field(init=False, default=None)
    _asking: asyncio.Task[None] | None = field(init=False, default=None)
    _later: asyncio.TimerHandle | None = field(init=False, default=None)

    async def all(self, moves: Sequence[Callable[[], Awaitable[str | None]]]) -> list[str | PlatformError | None]:
        """Make all moves, which ask through `as_platform` and `as_outbox`; return the notice or the error of each.

        Raises:
            StoreError: The database can't be used now.
        """
        self._moving = len(moves)
        under_way = [asyncio.create_task(self._one(move)) for move in moves]
        try:
            return await asyncio.gather(*under_way)
        finally:
            if self._later is not None:
                self._later.cancel()
            left = [*under_way, *([self._asking] if self._asking else [])]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    @property
    def as_platform(self) -> Platform:
        """The platform as the moves are to see it."""
        return cast("Platform", _Gathered(self.platform, {"grant": self._grant, "move_grant": self._move_grant}))

    @property
    def as_outbox(self) -> Outbox:
        """The outbox as the moves are to see it."""
        return cast("Outbox", _Gathered(self.outbox, {"note_placement": self._note_placement}))

    async def _one(self, move: Callable[[], Awaitable[str | None]]) -> str | PlatformError | None:
        try:
            return await move()
        except PlatformError as error:
            return error
        finally:
            self._moving -= 1
            self._pass_on()

    # What the moves ask

    async def _grant(self, grant_id: str) -> Grant:
        if grant_id not in self._grants:
            self._grants[grant_id] = asyncio.get_running_loop().create_future()
        return await self._answer(self._grants[grant_id])

    async def _move_grant(self, grant_id: str, workspace_id: str) -> None:
        some = self._moves.setdefault(workspace_id, {})
        if grant_id not in some:
            some[grant_id] = asyncio.get_running_loop().create_future()
        await self._answer(some[grant_id])

    async def _note_placement(self, account: int, workspace_id: str | None, home_workspace_id: str | None) -> None:
        self._placements.append((account, workspace_id, home_workspace_id))
        if self._noted is None:
            self._noted = asyncio.get_running_loop().create_future()
        await self._answer(self._noted)

    async def _answer(self, future: asyncio.Future[Answer]) -> Answer:
        self._waiting += 1
        self._pass_on()
        return await asyncio.shield(future)

    def _pass_on(self) -> None:
        if not self._waiting or (self._asking is not None and not self._asking.done()):
            return
        if self._waiting >= self._moving:
            self._ask()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(_GATHERING, self._ask)

    # What is asked for them

    def _ask(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._asking is None or self._asking.done():
            self._waiting = 0
            self._asking = asyncio.create_task(self._ask_all())
            self._asking.add_done_callback(lambda _task: self._pass_on())

    async def _ask_all(self) -> None:
        placements, self._placements = self._placements, []
        noted, self._noted = self._noted, None
        grants, self._grants = self._grants, {}
        moves, self._moves = self._moves, {}
        asked: list[asyncio.Future[Any]] = list(grants.values())
        for some in moves.values():
            asked += some.values()
        try:
            if noted is not None:
                await _fulfilled([noted], self.outbox.note_placements(placements))
            for workspace_id, futures in moves.items():
                await self._move_all(workspace_id, futures)
            if grants:
                await self._find(grants)
        except Exception as error:  # noqa: BLE001 - nobody is to wait for an answer that won't come
            _tell(asked, None, error)

    async def _move_all(self, workspace_id: str, futures: Mapping[str, asyncio.Future[None]]) -> None:
        grants = list(futures)
        for start in range(0, len(grants), LARGEST_MOVE):
            batch = grants[start : start + LARGEST_MOVE]
            error: PlatformError | None = None
            try:
                if len(batch) > 1:
                    await self.platform.assign_grants(workspace_id, batch)
            except PlatformError as raised:
                error = raised
            if len(batch) == 1 or isinstance(error, GiveUpError | GoneError):
                # A workspace that groups by itself takes no batches (older documentation), and a refusal is of each.
                await self._one_by_one(batch, lambda one: self._move_alone(one, workspace_id, futures[one]))
            else:
                _tell((futures[one] for one in batch), None, error)
            self.expected |= dict.fromkeys(batch, workspace_id)

    async def _move_alone(self, grant_id: str, workspace_id: str, future: asyncio.Future[None]) -> None:
        await _fulfilled([future], self.platform.move_grant(grant_id, workspace_id))

    async def _find(self, futures: Mapping[str, asyncio.Future[Grant]]) -> None:
        places: dict[str | None, list[str]] = defaultdict(list)
        for grant_id in futures:
            places[self.expected.get(grant_id)].append(grant_id)
        alone: list[str] = []
        for workspace_id, grants in places.items():
            if workspace_id is None or len(grants) <= _FEW:
                alone += grants
            else:
                alone += await self._find_in(workspace_id, {one: futures[one] for one in grants})
        await self._one_by_one(alone, lambda one: _fulfilled([futures[one]], self.platform.grant(one)))

    async def _find_in(self, workspace_id: str, futures: Mapping[str, asyncio.Future[Grant]]) -> Collection[str]:
        """Look for grants in a workspace, for fewer requests than they would take; return those that were not seen."""
        left = set(futures)
        seen, most = 0, _PAGE * (len(left) // 2)
        try:
            async for grant in self.platform.grants(workspace_id=workspace_id):
                seen += 1
                if grant.id in left:
                    left.discard(grant.id)
                    _tell([futures[grant.id]], grant, None)
                if not left or seen >= most:
                    break
        except (GiveUpError, GoneError):
            return left  # of the workspace, not of the grants
        except PlatformError as error:
            _tell((futures[one] for one in left), None, error)
            return ()
        return left

    async def _one_by_one(self, grants: Iterable[str], ask: Callable[[str], Awaitable[None]]) -> None:
        waiting = iter(grants)

        async def some() -> None:
            for one in waiting:
                await ask(one)

        await asyncio.gather(*(some() for _ in range(self.at_once)))


class _Gathered:
    """Something, some of whose methods are others."""

    def __init__(self, of: object, methods: Mapping[str, object]) -> None:
        self._of = of
        self._methods = methods

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return self._methods[name] if name in self._methods else getattr(self._of, name)


async def _fulfilled(futures: Iterable[asyncio.Future[Any]], answer: Awaitable[Any]) -> None:
    """Answer with what comes, or with the error that comes instead."""
    try:
        value = await answer
    except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
        _tell(futures, None, error)
    else:
        _tell(futures, value, None)


def _tell(futures: Iterable[asyncio.Future[Any]], value: object, error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
