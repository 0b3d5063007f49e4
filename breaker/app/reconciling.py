"""The reconciler, wired: sweeps that compare the platform with what is known, and see to what somebody else changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.gone import PostgresGone
from breaker.adapters.postgres.lost import PostgresLostHolds
from breaker.adapters.postgres.placements import PostgresPlacements
from breaker.app.derived import window_sizes
from breaker.app.installations import webhook_url
from breaker.app.webhook_watch import fill_gaps, watch_webhook
from breaker.domain.circuits.modes import ACTING
from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.lost import Response
from breaker.domain.platform.placement import Move
from breaker.flows.adopt import Sweep
from breaker.flows.adopt_domains import SweepDomains
from breaker.flows.find_lost import FindLost
from breaker.flows.lease import Lease
from breaker.flows.let_gone_go import LetGoneGo
from breaker.flows.put_back import PutBack
from breaker.flows.sweep_placements import SweepPlacements
from breaker.flows.sweeping import Sweeping, keep
from breaker.ports import Account, SendingDomain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.adapters.metrics import Metrics
    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.app.attendance import Shared
    from breaker.app.guarded import Guarded
    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.platform.placement import Place
    from breaker.flows.carry_out import Surroundings
    from breaker.ports import Lost

_LEASE = 30.0
"""Seconds after which another daemon sweeps where this one is gone."""

_REMOVED = {Wanted.STOPPED: "block_removed", Wanted.LIMITED: "limit_removed"}
_DOMAIN_REMOVED = "domain_block_removed"
_GRANT_GONE = "grant_gone"

_LOST = {
    Response.REPORTED: "somebody else took out what held it, so it can send, and Breaker may not put it back",
    Response.REPAIRED: "somebody else took out what held it, and it is put back, once",
    Response.YIELDED: "somebody else took out what held it again, so it can send, and it is left to you",
}

log = structlog.get_logger(__name__)


class TellReconciled:
    """Tells the log and the metrics; the log's keys are the same for all kinds.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def lost(self, application_id: str, lost: Lost, response: Response) -> None:
        """Tell who is held no more: a page, but for the first time, when it is put back."""
        kind = _DOMAIN_REMOVED if isinstance(lost.about, SendingDomain) else _REMOVED[lost.held]
        self._metrics.drifted(kind)
        level = log.warning if response is Response.REPAIRED else log.error
        level(_LOST[response], application=application_id, kind=kind, outcome=response, **_whom(lost.about))

    def found(self, application_id: str, lost: Lost) -> None:
        """Tell who is held again."""
        log.info("it is held on the platform again", application=application_id, held=lost.held, **_whom(lost.about))

    def moved(self, application_id: str, account: Account, place: Place, move: Move) -> None:
        """Tell who was moved."""
        self._metrics.drifted(move)
        level = log.info if move is Move.MOVED else log.warning
        level(
            "somebody else moved an account",
            application=application_id,
            kind=move,
            outcome="noted",
            workspace=place.workspace_id,
            home=place.home_workspace_id or place.workspace_id,
            **_whom(account),
        )

    def deleted(self, application_id: str, grant_id: str) -> None:
        """Tell of a grant that is gone, and that no event told of."""
        self._metrics.drifted(_GRANT_GONE)
        log.warning(
            "a grant is gone, and no notification told of it",
            application=application_id,
            kind=_GRANT_GONE,
            outcome="noted",
            account=grant_id,
        )


def _whom(about: Account | SendingDomain) -> dict[str, str | None]:
    if isinstance(about, SendingDomain):
        return {"account": about.id, "account_address": None}
    return {"account": about.id, "account_address": about.address}


def start_sweeps(
    one: Guarded, platform: NylasPlatform, around: Surroundings, shared: Shared, grants_read: Callable[[], None]
) -> None:
    """Begin the sweeps of one application.

    Args:
        one: The application.
        platform: Its side of the platform.
        around: Its surroundings on the platform.
        shared: What it shares with the daemon's other applications.
        grants_read: Called whenever all grants were read.
    """
    lease = Lease(around.leases, f"sweeps:{around.application_id}", around.holder, _LEASE)
    put_back = _put_back(around, shared)

    async def read_grants() -> None:
        if await placements():
            grants_read()

    async def see_to_webhook() -> None:
        if not await webhook():
            shared.metrics.sweeps.webhook(around.application_id, None)

    async def count_taken_out() -> None:
        left = await PostgresExamination(shared.pool).taken_out(around.application_id)
        shared.metrics.sweeps.taken_out(around.application_id, len(left))

    placements = _sweeping("placements", _placements(around, shared, put_back), lease, around, shared)
    lists = _sweeping("lists", _lists(around, shared, put_back), lease, around, shared)
    domains = _sweeping("domains", _domains(around, put_back, shared), lease, around, shared)
    url = webhook_url(shared.settings, replace(one.application, id=around.application_id))
    watch = watch_webhook(around, url, shared, partial(_acts, shared, around.application_id))
    webhook = _sweeping("webhook", watch, lease, around, shared)
    gaps = fill_gaps(around, platform, shared)
    shared.workers.start("lease of sweeps", keep(lease))
    shared.workers.every("placements", read_grants, shared.rhythm.grants, placements.rest)
    shared.workers.every("adoption", lists, shared.rhythm.adoption, lists.rest)
    shared.workers.every("adoption of domains", domains, shared.rhythm.adoption, domains.rest)
    shared.workers.every("webhook", see_to_webhook, shared.rhythm.webhook, webhook.rest)
    shared.workers.every("taken out", count_taken_out, shared.rhythm.adoption, around.clock.sleep)
    shared.workers.every("gone accounts", _let_gone_go(around, shared), shared.rhythm.grants, around.clock.sleep)
    shared.workers.every("gaps of the feed", gaps, shared.rhythm.gaps, around.clock.sleep)


def _sweeping(
    name: str, work: Callable[[], Awaitable[object]], lease: Lease, around: Surroundings, shared: Shared
) -> Sweeping:
    def told(sweep: str, period: float | None) -> None:
        shared.metrics.sweeps.swept(around.application_id, sweep, period, around.clock.now())

    return Sweeping(name, work, lease, around.clock, told)


def _put_back(around: Surroundings, shared: Shared) -> PutBack:
    return PutBack(
        application_id=around.application_id,
        holds=PostgresLostHolds(shared.pool),
        may_act=partial(_may_act, shared),
        clock=around.clock,
        told=TellReconciled(shared.metrics),
    )


async def _may_act(shared: Shared, about: Account | SendingDomain) -> bool:
    """Tell whether Breaker may put somebody back; of a domain: whether it may act in its application at all."""
    if isinstance(about, SendingDomain):
        return await _acts(shared, about.application_id)
    now = shared.clock.now()
    in_force = await shared.modes.in_force(about, now)
    return in_force.mode in ACTING and shared.operations.modes.hold(now) is None


async def _acts(shared: Shared, application_id: str) -> bool:
    """Tell whether Breaker may act anywhere in an application."""
    modes = shared.operations.modes
    return shared.modes is modes and await modes.acts_in(application_id, None, shared.clock.now())


def _let_gone_go(around: Surroundings, shared: Shared) -> LetGoneGo:
    def told(account: Account, verdict: Verdict) -> None:
        log.info(verdict.why, application=around.application_id, kind="block_ends", outcome="noted", **_whom(account))

    return LetGoneGo(
        application_id=around.application_id,
        gone=PostgresGone(shared.pool),
        circuits=PostgresCircuits(shared.pool, window_sizes(shared.settings)),
        may_act=partial(_may_act, shared),
        clock=around.clock,
        told=told,
    )


def _lists(around: Surroundings, shared: Shared, put_back: PutBack) -> Sweep:
    return Sweep(
        application_id=around.application_id,
        names=around.names,
        platform=around.platform,
        inventory=around.inventory,
        adoption=PostgresAdoption(shared.pool, shared.intake.identities, window_sizes(shared.settings)),
        clock=around.clock,
        quarantines=around.quarantines,
        find_lost=FindLost(
            put_back=put_back,
            actuators_of=shared.operations.in_force.actuators_of,
            quarantines=around.quarantines,
        ),
    )


def _domains(around: Surroundings, put_back: PutBack, shared: Shared) -> SweepDomains:
    return SweepDomains(
        application_id=around.application_id,
        platform=around.platform,
        inventory=around.inventory,
        domains=PostgresDomains(shared.pool),
        clock=around.clock,
        put_back=put_back,
    )


def _placements(around: Surroundings, shared: Shared, put_back: PutBack) -> SweepPlacements:
    return SweepPlacements(
        application_id=around.application_id,
        names=around.names,
        platform=around.platform,
        inventory=around.inventory,
        placements=PostgresPlacements(shared.pool, shared.intake.roster),
        put_back=put_back,
        actuators_of=shared.operations.in_force.actuators_of,
        clock=around.clock,
        told=TellReconciled(shared.metrics),
        quarantines=around.quarantines,
    )
