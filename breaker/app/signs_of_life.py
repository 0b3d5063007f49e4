"""What a daemon tells of itself in the database, so that `breaker doctor` can tell how it fares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.examination.signs_of_life import Guarding, PostgresSignsOfLife
from breaker.domain.circuits.circuit import Mode
from breaker.flows.note_signings import NoteSignings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from breaker.app.guarded import Guarded
    from breaker.config import GuardedApplication
    from breaker.ports import Clock

EVERY = 10.0
"""Real seconds between two signs of life."""


class SignsOfLife:
    """Tells that the daemon runs, how it guards each application, and how notifications were signed.

    Args:
        pool: Connections to the database.
        name: The daemon's name.
        guarded: The applications, as they are configured now.
        clock: The time.
        observe_only: Whether it only observes, since its database is an embedded one that nobody meant.

    Attributes:
        signings: What the webhook listener tells of signatures.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        name: str,
        guarded: Callable[[], Sequence[Guarded]],
        clock: Clock,
        *,
        observe_only: bool,
    ) -> None:
        """Tell nothing yet."""
        self.signings = NoteSignings(clock)
        self._written = PostgresSignsOfLife(pool, name)
        self._guarded = guarded
        self._clock = clock
        self._observe_only = observe_only

    async def __call__(self) -> None:
        """Tell once.

        Raises:
            StoreError: The database can't be used now.
        """
        guarding = {one.id or "": _guarding(one) for one in self._guarded()}
        await self._written.live(guarding, self._clock.now(), observe_only=self._observe_only)
        await self.signings.share(self._written.signed)

    async def leave(self) -> None:
        """Tell that the daemon stops as it should.

        Raises:
            StoreError: The database can't be used now.
        """
        await self.signings.share(self._written.signed)
        await self._written.leave()


def where(application: GuardedApplication, mode: Mode) -> frozenset[str]:
    """Return where the configuration says a mode: `` for the application, else workspace ids."""
    workspaces = {number for number, workspace in application.workspaces.items() if workspace.mode is mode}
    return frozenset(workspaces | ({""} if application.mode is mode else set()))


def _guarding(one: Guarded) -> Guarding:
    application = one.application
    return Guarding(
        installation=application.installation or one.id or "",
        acts=one.platform is not None,
        observing=tuple(sorted(where(application, Mode.OBSERVE))),
    )
