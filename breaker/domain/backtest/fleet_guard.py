"""What the fleet guard would have held, had the stops of a replay been real.

As in the daemon, it looks at the accounts that were active within a week, the stops of the last minutes, all that stand
stopped, and those of one sending domain. Workspaces are in no record, so that limit is left out. In a replay nothing is
reset, so every stop stands until the end, and what is held is judged again only where the account gets worse.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.circuits.guard import Limits, allowed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.domain.backtest.account import Replayed

_WEEK = 7 * 86_400.0


@dataclass(slots=True)
class FleetGuard:
    """The guard.

    Args:
        limits: How many stops are allowed.

    Attributes:
        held: How many stops it would have held.
    """

    limits: Limits = field(default_factory=Limits)
    held: int = 0
    _recent: deque[float] = field(default_factory=deque)
    _stopped: int = 0
    _of_domain: Counter[tuple[str, str]] = field(default_factory=Counter)

    def stop(self, account: Replayed, fleet: Iterable[Replayed], now: float) -> bool:
        """Tell whether a stop is let through, and count it as one, or as held."""
        while self._recent and self._recent[0] <= now - self.limits.window:
            self._recent.popleft()
        active = [one for one in fleet if one.last_at >= now - _WEEK]
        domain = (account.application_id, account.domain)
        of_domain = sum(1 for one in active if (one.application_id, one.domain) == domain)
        room = (
            len(self._recent) < allowed(self.limits.in_window, len(active))
            and self._stopped < allowed(self.limits.in_all, len(active))
            and (not account.domain or self._of_domain[domain] < allowed(self.limits.in_group, of_domain))
        )
        if room:
            self._recent.append(now)
            self._stopped += 1
            self._of_domain[domain] += 1
        else:
            self.held += 1
        return room
