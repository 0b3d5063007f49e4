"""Report: what would have been stopped and why, whether the counts hold, and what is open before enforcement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts
from breaker.domain.standing.readiness import Facts, foresee_guard, open_points, worst_of_each
from breaker.flows.designs import Made
from breaker.ports import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from breaker.domain.acts.fleet_acts import Hold
    from breaker.domain.circuits.guard import Limits
    from breaker.domain.profiles.protected import Protected
    from breaker.domain.standing.readiness import Asked, FalseStop, GuardForeseen, OpenPoint
    from breaker.flows.compare_counts import CompareCounts
    from breaker.ports import Exempted, ExemptedAccounts, FeedRecords, Inventory

_WORKSPACE = "workspace:"


class ReportRecords(Protocol):
    """What a report rests on."""

    async def asked(self, applications: Collection[str], since: float) -> Sequence[Asked]:
        """Return the stops and limits that detectors asked for since a moment."""
        ...

    async def false_stops(self, applications: Collection[str], since: float) -> Sequence[FalseStop]:
        """Return what people took back as mistakes since a moment."""
        ...

    async def history_from(self, application_id: str) -> float | None:
        """Return since when all sends are known, or None."""
        ...

    async def undecoded(self, application_id: str) -> int:
        """Return how many notifications are kept undecoded."""
        ...

    async def active_of_groups(self, now: float) -> Mapping[tuple[str, str], int]:
        """Return the active accounts by application and group."""
        ...


@dataclass(frozen=True, slots=True)
class FleetReport:
    """A report.

    Args:
        since: From when on, Unix seconds.
        until: Until when.
        active: The active accounts of the fleet.
        verdicts: How many stops and limits were asked for.
        asked: The severest for each account and domain.
        guard: What the fleet guard would have held.
        applications: What is known of each application.
        points: What is open; nothing where all is ready.
        first: The workspace to begin with, or None where no workspace is known.
        over_line: Accounts that people keep sending beyond the platform's line, each with what protects it.
        false_stops: What people took back as mistakes.
    """

    since: float
    until: float
    active: int
    verdicts: int
    asked: Sequence[Asked]
    guard: GuardForeseen
    applications: Sequence[Facts]
    points: Sequence[OpenPoint]
    first: str | None
    over_line: Sequence[tuple[Exempted, Protected | None]] = ()
    false_stops: Sequence[FalseStop] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing is open."""
        return not self.points


@dataclass(frozen=True, slots=True)
class Report:
    """The flow: one call makes one report; it changes nothing.

    Args:
        records: What it rests on.
        compare: Compares the counts of each application; None for one whose API key is not known.
        inventory: What was made on the platform.
        feed: What was heard.
        limits: Returns the fleet guard's limits.
        exempted: Who goes on sending because people said so.
        protected: Whom no more than so much may happen to automatically.
    """

    records: ReportRecords
    compare: Mapping[str, CompareCounts | None]
    inventory: Inventory
    feed: FeedRecords
    limits: Callable[[], Limits]
    exempted: ExemptedAccounts
    protected: ProtectedAccounts = NOBODY

    async def __call__(self, since: float, now: float, active: int, hold: Hold | None) -> FleetReport:
        """Make one.

        Args:
            since: From when on, Unix seconds.
            now: Until when.
            active: The active accounts of the fleet.
            hold: A person's hold, or None.

        Raises:
            StoreError: The database can't be used now.
        """
        asked = await self.records.asked(list(self.compare), since)
        active_of = await self.records.active_of_groups(now)
        guard = foresee_guard(asked, self.limits(), active, active_of)
        heard = await self.feed.read(now)
        facts: list[Facts] = []
        for application_id, compare in self.compare.items():
            comparison, problem = None, "no API key is known"
            if compare is not None:
                try:
                    comparison = await compare(since, now)
                except PlatformError as error:
                    problem = str(error)
            record = heard.get(application_id)
            facts.append(
                Facts(
                    application_id=application_id,
                    is_set_up=any(one.kind == Made.RULE for one in await self.inventory.items(application_id)),
                    history_from=await self.records.history_from(application_id),
                    comparison=comparison,
                    not_compared=None if comparison else problem,
                    blind_since=record.gap.begins_at if record and record.gap else None,
                    undecoded=await self.records.undecoded(application_id),
                    on_hold=hold is not None,
                )
            )
        points = [point for one in facts for point in open_points(one, guard, now)]
        return FleetReport(
            since=since,
            until=now,
            active=active,
            verdicts=len(asked),
            asked=worst_of_each(asked),
            guard=guard,
            applications=facts,
            points=list(dict.fromkeys(points)),
            first=_first(active_of, asked, list(self.compare)),
            over_line=[
                (one, self.protected.bars(one.account, one.to))
                for one in await self.exempted.exempted()
                if one.over_line and one.account.application_id in self.compare
            ],
            false_stops=await self.records.false_stops(list(self.compare), since),
        )


def _first(active_of: Mapping[tuple[str, str], int], asked: Sequence[Asked], applications: Sequence[str]) -> str | None:
    """Return the workspace to begin with: one of which nothing would have been stopped, the smallest."""
    concerned = {(one.application_id, group) for one in asked for group in one.groups}
    workspaces = [
        ((application_id, name) in concerned, number, name)
        for (application_id, name), number in active_of.items()
        if application_id in applications and name.startswith(_WORKSPACE)
    ]
    return min(workspaces)[2] if workspaces else None
