"""The daemon's rhythm: how often it does what nobody asks it for."""

from __future__ import annotations

from dataclasses import dataclass

from breaker.flows.watch_feed import EVERY


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the daemon does what nobody asks it for; seconds of its clock.

    Args:
        upkeep: Between two looks after the database: days made ahead and dropped, counters folded.
        fleet_size: Between two counts of the accounts that share the budget.
        grants: Between two readings of all grants.
        adoption: Between two sweeps for what is blocked on the platform and unknown here.
        pooling: Between two looks at what the accounts of each domain and workspace did together.
        feedback: Between two looks at which recipient domains send complaint feedback.
        feed: Between two looks at what was heard of each application.
        probing: Between two looks at the accounts that are on their way back.
        held_stops: Between two looks at what the fleet guard holds.
        evaluations: Between two readings of the platform's receipts of refused sends; seconds of the wall.
        counts: Between two comparisons of our counts with the platform's, and before the first; seconds of the wall.
        protection: Between two looks at whether Breaker's rules hold for all accounts.
        webhook: Between two looks at the webhook's status on the platform.
        gaps: Between two looks at whether something was not heard, and can be read from the platform by now.
        lines: Between two looks at who goes on sending beyond the platform's line, since people said so:
            a page that comes half a minute later is early enough.
        pins: Between two looks at who joined a group that a person pinned as stopped; so long one is free at most.
        stops: Between two looks at whether stopped accounts go on sending.
        suppression: Between two comparisons of the suppressed recipients with their list, so that an address is in it
            within seconds of its bounce.
        drills: Between two looks at whether the night's drill is due, or one was left behind.
    """

    upkeep: float = 60.0
    fleet_size: float = 3_600.0
    grants: float = 300.0
    adoption: float = 60.0
    pooling: float = 60.0
    feedback: float = 300.0
    feed: float = EVERY
    probing: float = 1.0
    held_stops: float = 5.0
    evaluations: float = 60.0
    counts: float = 3_600.0
    protection: float = 60.0
    webhook: float = 60.0
    gaps: float = 60.0
    lines: float = 30.0
    pins: float = 5.0
    stops: float = 5.0
    suppression: float = 5.0
    drills: float = 5.0
