"""Follow the platform's grants: who there is, where they are, and who is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.ports import Grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.ports import Clock, Platform

PAGE = 500
"""Grants made known in one go."""


class Roster(Protocol):
    """Who there is on the platform, as far as it is known here."""

    async def know(self, application_id: str, grants: Sequence[Grant], now: float) -> Sequence[int]:
        """Make grants known, with address, provider and first workspace; return their accounts' numbers, in order."""
        ...

    async def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Remember that a grant was deleted."""
        ...


class GrantChange(Protocol):
    """What an event tells of a grant."""

    @property
    def application_id(self) -> str:
        """The platform's id of the application."""
        ...

    @property
    def grant_id(self) -> str:
        """The grant."""
        ...

    @property
    def what(self) -> str:
        """`created`, `updated`, `expired` or `deleted`."""
        ...

    @property
    def occurred_at(self) -> float:
        """When, Unix seconds."""
        ...

    @property
    def email(self) -> str | None:
        """Its address, or None."""
        ...

    @property
    def provider(self) -> str | None:
        """Its provider, or None."""
        ...


async def follow(roster: Roster, change: GrantChange, now: float) -> None:
    """Take in what an event tells of a grant; where it is tells no event, only the platform itself."""
    if change.what == "deleted":
        await roster.deleted(change.application_id, change.grant_id, change.occurred_at)
    elif change.what == "created":
        grant = Grant(change.grant_id, change.email, change.provider or "nylas", None)
        await roster.know(change.application_id, [grant], now)


async def read_all(platform: Platform, application_id: str, roster: Roster, clock: Clock) -> int:
    """Make all grants of an application known; return how many there are.

    Raises:
        PlatformError: The platform did not tell them all; what it told is known.
    """
    page: list[Grant] = []
    count = 0
    async for grant in platform.grants():
        page.append(grant)
        count += 1
        if len(page) == PAGE:
            await roster.know(application_id, page, clock.now())
            page = []
    if page:
        await roster.know(application_id, page, clock.now())
    return count
