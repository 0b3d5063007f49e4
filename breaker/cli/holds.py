"""What people are told of a hold on automatic changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.words import ago, lasting

if TYPE_CHECKING:
    from breaker.app import Operations
    from breaker.domain.fleet_acts import Hold


async def current_hold(available: Operations) -> Hold | None:
    """Return the hold that has not expired, read now."""
    await available.modes.refresh()
    return available.modes.hold(available.clock.now())


def hold_line(hold: Hold, now: float) -> str:
    """Say since when, by whom and why automatic changes are on hold."""
    ends = f", {lasting(hold.expires_at - now)} left" if hold.expires_at else ""
    return f"Automatic changes are on hold since {ago(hold.since, now)} by {hold.author}{ends}: {hold.reason}"
