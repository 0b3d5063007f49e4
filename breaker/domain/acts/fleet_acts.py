"""What a person does to the whole fleet at once: freeze automatic changes, and raise the fleet guard's limits.

A *hold* freezes what Breaker would do by itself, both ways, while intake and verdicts go on; people's acts go on too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.domain.circuits.guard import GuardLimit


class FleetActKind(StrEnum):
    """What a person can do to the whole fleet."""

    HOLD_ON = "hold_on"
    HOLD_OFF = "hold_off"
    GUARD_RAISE = "guard_raise"
    GUARD_LOWER = "guard_lower"


RAISED_FOR = 3_600.0
"""Seconds that a raised limit lasts where nothing else is said."""


@dataclass(frozen=True, slots=True)
class FleetAct:
    """One act on the whole fleet.

    Args:
        kind: What is done.
        reason: Why, in the person's words.
        author: Who does it.
        lasts: Of `HOLD_ON` and `GUARD_RAISE`: seconds after which it ends by itself; a hold may last until it is ended.
        number: Of `GUARD_RAISE`: stops that are allowed at least.
        share: Of `GUARD_RAISE`: the share of active accounts, a fraction, that is allowed at least.
        only: Of `GUARD_RAISE`: the limit that is meant, or None for all.
    """

    kind: FleetActKind
    reason: str
    author: str
    lasts: float | None = None
    number: int = 0
    share: float = 0.0
    only: GuardLimit | None = None

    @property
    def sentence(self) -> str:
        """What the audit trail says."""
        return f"{self._what()} by a person: {self.reason}"

    @property
    def scope(self) -> str:
        """Whom the audit trail names: `hold` or `guard`."""
        return "hold" if self.kind in {FleetActKind.HOLD_ON, FleetActKind.HOLD_OFF} else "guard"

    def _what(self) -> str:
        ends = "" if self.lasts is None else f" for {self.lasts / 60:,.0f} minutes"
        if self.kind is FleetActKind.HOLD_ON:
            return f"Automatic changes put on hold{ends}"
        if self.kind is FleetActKind.HOLD_OFF:
            return "Automatic changes no longer on hold"
        if self.kind is FleetActKind.GUARD_LOWER:
            return "Fleet guard set back to its configured limits"
        to = f"{100 * self.share:g} %" if self.share else f"{self.number:,}"
        which = f"Limit {self.only} of the fleet guard" if self.only else "Fleet guard"
        return f"{which} raised to {to}{ends}"


@dataclass(frozen=True, slots=True)
class Hold:
    """That automatic changes are on hold.

    Args:
        reason: Why, in a person's words.
        author: Who.
        since: Since when, Unix seconds.
        expires_at: When it ends by itself, Unix seconds, or None.
    """

    reason: str
    author: str
    since: float
    expires_at: float | None = None

    def holds(self, now: float) -> bool:
        """Tell whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


def parse_limit(text: str) -> tuple[int, float]:
    """Read what a limit is raised to: a number of stops, or a share such as `20%`.

    Returns:
        `(number, share)`, one of them 0.

    Raises:
        ValueError: It is neither.
    """
    said = text.strip()
    try:
        if said.endswith("%"):
            share = float(said[:-1]) / 100
            if 0 < share <= 1:
                return 0, share
        elif int(said) > 0:
            return int(said), 0.0
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no limit: say a number of stops such as 20, or a share of the fleet such as 10%")
