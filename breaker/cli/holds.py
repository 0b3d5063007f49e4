"""What people are told of whatever keeps all automatic changes back: a hold, or a feed that is blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.words import ago, lasting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.app import Operations
    from breaker.domain.acts.fleet_acts import Hold
    from breaker.ports import Gap


async def current_hold(available: Operations) -> Hold | None:
    """Return the hold that has not expired, read now."""
    await available.modes.refresh()
    return available.modes.hold(available.clock.now())


def hold_line(hold: Hold, now: float) -> str:
    """Say since when, by whom and why automatic changes are on hold."""
    ends = f", {lasting(hold.expires_at - now)} left" if hold.expires_at else ""
    return f"Automatic changes are on hold since {ago(hold.since, now)} by {hold.author}{ends}: {hold.reason}"


def keeping_back(hold: Hold | None, blind: Mapping[str, Gap], now: float) -> Sequence[str]:
    """Say what keeps all automatic changes back: a hold, and feeds that are blind, by application."""
    lines = [hold_line(hold, now)] if hold else []
    for application_id, gap in sorted(blind.items()):
        since = ago(gap.found_at, now)
        lines.append(
            f"The feed of {application_id} is blind since {since}, so nothing changes automatically: {gap.why}"
        )
    return lines
