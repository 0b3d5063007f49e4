"""The truth about a fleet, from the simulated platform's own books: what a report or a backtest is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from breaker.simulator.enforcement import Enforcement
    from breaker.simulator.fleets.fleet import Fleet


class AccountTruth(msgspec.Struct, frozen=True):
    """The truth about one account. Times are Unix seconds, rates fractions over the hidden R.

    Attributes:
        grant_id: Its grant.
        address: Its address.
        kind: What kind it is.
        healthy: Whether it is to be left alone.
        goes_bad_at: From when on it is bad; None if it never is.
        accepted: How many of its messages were taken.
        refused: How many tries were refused, by HTTP status.
        under_review_at: When the platform first had it under review; None if never.
        paused_at: When the platform paused it; None if never.
        bounce_rate: Its bounce rate at the end, as the platform sees it.
        complaint_rate: Its complaint rate at the end, as the platform sees it.
    """

    grant_id: str
    address: str
    kind: str
    healthy: bool
    goes_bad_at: float | None
    accepted: int
    refused: dict[str, int]
    under_review_at: int | None
    paused_at: int | None
    bounce_rate: float
    complaint_rate: float


class FleetTruth(msgspec.Struct, frozen=True):
    """The truth about a fleet.

    Attributes:
        seed: What all was drawn from.
        representative_volume: The hidden R.
        started_at: When the fleet began.
        ended_at: When this was written.
        restricted_at: When the whole application was restricted; None if never.
        accounts: The accounts, in the order of the plan.
        broken_authentication: Domain, beginning and end of each break.
        feed_changes: When the feed changed its state, and into which.
    """

    seed: int
    representative_volume: int
    started_at: float
    ended_at: float
    restricted_at: int | None
    accounts: tuple[AccountTruth, ...]
    broken_authentication: tuple[tuple[str, float, float], ...]
    feed_changes: tuple[tuple[float, dict[str, float]], ...]

    @property
    def under_review(self) -> int:
        """How many accounts the platform ever had under review."""
        return sum(account.under_review_at is not None for account in self.accounts)

    @property
    def paused(self) -> int:
        """How many accounts the platform paused."""
        return sum(account.paused_at is not None for account in self.accounts)


def truth_of(fleet: Fleet, seed: int) -> FleetTruth:
    """Return the truth about a fleet at this moment.

    Raises:
        RuntimeError: If the fleet was not started.
    """
    if fleet.started_at is None:
        raise RuntimeError("a fleet that was not started has no truth yet: call fleet.start() first")
    enforcement, start = fleet.application.enforcement, fleet.started_at
    first = {what: _first(enforcement, what) for what in ("under_review", "paused", "restricted")}
    accounts = []
    for plan, grant_id, agent in zip(fleet.plan.accounts, fleet.grant_ids, fleet.agents, strict=True):
        bounce_rate, complaint_rate = enforcement.rates(grant_id)
        accounts.append(
            AccountTruth(
                grant_id=grant_id,
                address=plan.address,
                kind=plan.kind.value,
                healthy=plan.kind.healthy,
                goes_bad_at=None if plan.goes_bad_after is None else start + plan.goes_bad_after,
                accepted=agent.accepted,
                refused={str(status): count for status, count in sorted(agent.refused.items())},
                under_review_at=first["under_review"].get(grant_id),
                paused_at=first["paused"].get(grant_id),
                bounce_rate=bounce_rate,
                complaint_rate=complaint_rate,
            )
        )
    return FleetTruth(
        seed=seed,
        representative_volume=enforcement.representative_volume,
        started_at=start,
        ended_at=fleet.application.surroundings.clock.now(),
        restricted_at=first["restricted"].get(""),
        accounts=tuple(accounts),
        broken_authentication=tuple(
            (one.domain, start + one.after, start + one.until) for one in fleet.plan.broken_authentication
        ),
        feed_changes=tuple((start + one.after, one.feed.lost) for one in fleet.plan.feed_changes),
    )


def _first(enforcement: Enforcement, what: str) -> dict[str, int]:
    """Return when something was first done to each account."""
    found: dict[str, int] = {}
    for measure in enforcement.books:
        if measure.what == what:
            found.setdefault(measure.grant_id, measure.at)
    return found
