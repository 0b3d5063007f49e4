"""What a daemon does about drills: the nightly one, what the webhook tells of any, and what dead processes left."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import structlog

from breaker.adapters.postgres.drills import PostgresDrills, PostgresDrillTotals
from breaker.app.derived import window_sizes
from breaker.app.drills import DrillParts, canaries_of, limits_of
from breaker.domain.drill import DrillOutcome, due, latest_slot
from breaker.flows.drill import DrillTakenOverError, DrillUnderWayError, advice
from breaker.ports import Heard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from breaker.adapters.drill_metrics import DrillMetrics
    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.app.attendance import Shared
    from breaker.app.in_force import InForce
    from breaker.app.operations import Operations
    from breaker.config import Settings
    from breaker.config.drill import DrillSettings
    from breaker.domain.drill import Drill, StepResult
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.carry_out import Surroundings
    from breaker.ports import Account, Clock, Drills

_TELL = 0.5
_REMEMBERED = 256
_REMEMBERED_FOR = 120.0
"""Seconds that an event is kept whose drill is not known: it may come before the answer to the send."""
_SCOPE_EVERY = 7 * 86_400.0

log = structlog.get_logger(__name__)


def attend_to_drills(around: Surroundings, platform: NylasPlatform, shared: Shared, wake: Callable[[], None]) -> None:
    """Begin what is to be done about the drills of one application.

    Args:
        around: The application's surroundings on the platform.
        platform: Its side of the platform.
        shared: What it shares with the daemon's other applications.
        wake: Has the daemon carry out at once what was ordered.
    """
    drills = PostgresDrills(shared.pool, window_sizes(shared.settings))
    ears = Ears(around.application_id, drills, shared.operations.in_force, shared.clock)
    shared.intake.listeners.append(ears.hear)
    shared.workers.every("events of drills", ears.tell, _TELL, asyncio.sleep)
    nightly = NightlyDrill(around, platform, shared, wake)
    shared.workers.every("drills", nightly, shared.rhythm.drills, shared.clock.sleep)


class _Event(NamedTuple):
    message_id: str
    heard: Heard


class Ears:
    """Hears what the webhook tells of the canary's mail, wherever its drill goes on.

    Mail to the platform's mail simulator is counted nowhere; here it is heard of all the same.

    Args:
        application_id: The application.
        drills: All drills.
        in_force: The configuration.
        clock: The time.
    """

    def __init__(self, application_id: str, drills: Drills, in_force: InForce, clock: Clock) -> None:
        self._application_id = application_id
        self._drills = drills
        self._in_force = in_force
        self._clock = clock
        self._settings: Settings | None = None
        self._canaries: frozenset[str] = frozenset()
        self._events: deque[_Event] = deque(maxlen=_REMEMBERED)

    def hear(self, event: DeliveryEvent) -> None:
        """Take in an event that was committed."""
        if self._in_force.settings is not self._settings:
            self._settings = self._in_force.settings
            self._canaries = frozenset(name.lower() for name in self._settings.drill.account)
        if not self._canaries or event.application_id != self._application_id:
            return
        if (event.grant_id or "").lower() in self._canaries or event.sender in self._canaries:
            self._events.append(_Event(event.message_id, Heard(event.kind, self._clock.now())))

    async def tell(self) -> None:
        """Tell the drills of what was heard.

        Raises:
            StoreError: The database can't be used now; it is told later.
        """
        for _ in range(len(self._events)):
            event = self._events[0]
            known = await self._drills.hear(self._application_id, event.message_id, event.heard)
            self._events.popleft()
            if not known and self._clock.now() - event.heard.at < _REMEMBERED_FOR:
                self._events.append(event)


class NightlyDrill:
    """Takes back what dead processes left, and drills when it is time.

    Args:
        around: The application's surroundings on the platform.
        platform: Its side of the platform.
        shared: The daemon's parts.
        wake: Has the daemon carry out at once what was ordered.
    """

    def __init__(self, around: Surroundings, platform: NylasPlatform, shared: Shared, wake: Callable[[], None]) -> None:
        self._application_id = around.application_id
        self._shared = shared
        self._told_at: float | None = None
        self._conductor = DrillParts(
            application_id=around.application_id,
            platform=platform,
            names=around.names,
            pool=shared.pool,
            operations=shared.operations,
            holder=shared.name,
            ordered=wake,
            told=_say,
            nobody=_somebody,
        ).conductor()
        self._drills = self._conductor.drills

    async def __call__(self) -> None:
        """Look once.

        Raises:
            StoreError: The database can't be used now.
            PlatformError: What a dead process left could not be taken back yet.
        """
        for drill in await self._conductor.recover():
            log.error(
                "a drill did not end, and what it left is taken back",
                application=self._application_id,
                drill=drill.number,
                step=drill.failed_at,
            )
        settings = self._shared.operations.in_force.settings.drill
        if settings.configured and settings.nightly and await self._due(settings):
            await self._drill(settings)

    async def _due(self, settings: DrillSettings) -> bool:
        modes, now = self._shared.operations.modes, self._shared.clock.now()
        if self._shared.modes is not modes or modes.hold(now) is not None:
            return False  # this daemon changes nothing by itself, or all are on hold
        slot = latest_slot(self._application_id, now, settings.at_seconds, settings.jitter_seconds)
        latest = await self._drills.latest(self._application_id, nightly=True)
        begun = [at for at in (latest.begun_at if latest else None, self._told_at) if at is not None]
        return due(slot, max(begun, default=None), now)

    async def _drill(self, settings: DrillSettings) -> None:
        found = await canaries_of(self._shared.operations.directory, settings)
        accounts = [one for some in found.values() for one in some if one.application_id == self._application_id]
        if not any(found.values()):
            self._told_at = self._shared.clock.now()
            log.error(
                "the nightly drill could not begin: its canary is not known",
                application=self._application_id,
                what_to_do="is drill.account the address or grant id of an Agent Account of this application?",
            )
        for account in accounts:
            await self._drill_one(account, settings)

    async def _drill_one(self, account: Account, settings: DrillSettings) -> None:
        now = self._shared.clock.now()
        known = await self._drills.rule_scope(self._application_id)
        scope = settings.rule_scope and (known is None or now - known[1] > _SCOPE_EVERY)
        recipient = settings.recipient or ""
        try:
            drill = await self._conductor(
                account, recipient, limits_of(settings), by="nightly", nightly=True, scope=scope
            )
        except DrillUnderWayError:
            return  # another daemon was first, or a person drills just now
        except DrillTakenOverError as error:
            why = str(error)
        else:
            tell_drill(drill, account)
            return
        log.error("the drill failed", application=self._application_id, account=account.id, why=why)


def drill_polling(metrics: DrillMetrics, pool: asyncpg.Pool, operations: Operations) -> Callable[[], Awaitable[None]]:
    """Return what polls the metrics of drills, those of other processes too."""
    totals = PostgresDrillTotals(pool)

    async def poll() -> None:
        settings = operations.in_force.settings.drill
        if not settings.configured:
            metrics.tell(None)
            return
        found = await canaries_of(operations.directory, settings)
        metrics.tell(await totals.read({one.application_id for some in found.values() for one in some}))

    return poll


def tell_drill(drill: Drill, account: Account) -> None:
    """Tell the log how a drill ended; a page where it failed."""
    about = {
        "application": drill.application_id,
        "account": account.id,
        "drill": drill.number,
        "seconds": {one.step: round(one.seconds, 3) for one in drill.steps},
    }
    if drill.rule_scope is not None:
        about["rule_scope"] = drill.rule_scope
    if drill.outcome is DrillOutcome.PASSED:
        log.info("the drill passed", **about)
        return
    about |= {"step": drill.failed_at, "why": drill.says, "what_to_do": advice(drill)}
    if drill.outcome is DrillOutcome.FOUND:
        log.warning("the drill passed, and found something", **about)
    else:
        log.error("the drill failed", **about)


def _say(drill: Drill, step: StepResult) -> None:
    log.debug("a step of a drill", drill=drill.number, step=step.step, passed=step.passed, seconds=step.seconds)


async def _somebody() -> str | None:
    """Say that there is somebody who carries out what is ordered: this daemon."""
    return None
