"""The acts of people, and what became of them, as values; `domain.acts.decisions` decides what an act leads to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.modes import ModeSetting

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Mode
    from breaker.domain.circuits.states import State


class RefusedError(Exception):
    """What was asked for cannot be done as it was asked; the sentence says why, and what can."""


class NobodyError(RefusedError):
    """A selector speaks of no account that is known."""


class ActKind(StrEnum):
    """What a person can do."""

    TRIP = "trip"
    LIMIT = "limit"
    RESET = "reset"
    PROBE = "probe"
    MODE = "mode"
    GUARD_APPROVE = "guard_approve"


@dataclass(frozen=True, slots=True)
class Automatic:
    """What stands by Breaker's own verdicts alone, and not by a person's or by what was found on the platform.

    Args:
        detector: Only what this detector asked for, or None for all.
        since: Only what stands since this moment, Unix seconds, or None.
    """

    detector: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One act, on whichever accounts.

    Args:
        kind: What is done.
        reason: Why, in the person's words.
        author: Who does it.
        mode: Of `MODE`: the mode to set, or None to take away what was set.
        lasts: Of `MODE`: seconds after which the setting ends by itself, or None.
        apply_pending: Of `MODE`: whether verdicts that stand pending are applied as well.
        only_domain: Of `TRIP`, `RESET` and `PROBE`: whether the circuit of a sending domain is meant, and not its
            accounts.
        false_stop: Of `RESET`: whether the stop was a mistake, which is counted, and does not lengthen cool-downs.
        automatic: Of `RESET`: only what stands stopped or limited by Breaker itself, or None for whoever is meant.
        pace: Of `RESET`: accounts a second at which the platform is told, or None for as fast as its budget allows.
        home: Of `RESET`: the workspace that accounts go to which are away from theirs, or None for where they belong.
    """

    kind: ActKind
    reason: str
    author: str
    mode: Mode | None = None
    lasts: float | None = None
    apply_pending: bool = False
    only_domain: bool = False
    false_stop: bool = False
    automatic: Automatic | None = None
    pace: float | None = None
    home: str | None = None

    def setting(self, now: float) -> ModeSetting | None:
        """Return the mode that `MODE` sets, or None where it takes one away, and of other acts."""
        if self.mode is None:
            return None
        return ModeSetting(self.mode, self.reason, self.author, now, None if self.lasts is None else now + self.lasts)


class Effect(StrEnum):
    """What an act does to one account."""

    CHANGED = "changed"
    """The state follows, and what it takes is ordered on the platform."""
    UNCHANGED = "unchanged"
    """It is so already."""
    PENDING = "pending"
    """A verdict stands pending and was left so."""
    REFUSED = "refused"
    """Nothing can be done about this account."""


@dataclass(frozen=True, slots=True)
class AccountEffect:
    """What an act did, or would do, to one account.

    Args:
        account: The account's id, its grant or else its address; of a sending domain, `domain:example.com`.
        address: Its address, or None where it is not known.
        before: Its state before.
        to: Its state after.
        effect: What that amounts to.
        detail: A sentence, where there is something to add.
        verdict: The id of the verdict that was stored, or None.
    """

    account: str
    address: str | None
    before: State
    to: State
    effect: Effect
    detail: str = ""
    verdict: int | None = None


@dataclass(slots=True)
class Report:
    """What an act did, or would do, in all.

    Attributes:
        counts: Accounts by effect.
        listed: The first of them, one by one.
        settings: The groups whose mode is set, as `domain:example.com`; of `MODE` alone.
        covered: How many accounts the act speaks of; of `MODE` more than those with a verdict pending.
        unconfirmed: The keys of the accounts that the platform has to be read back for.
        unconfirmed_domains: The same of sending domains, as `(application, name)`.
    """

    counts: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(Effect, 0))
    listed: list[AccountEffect] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    covered: int = 0
    unconfirmed: list[int] = field(default_factory=list)
    unconfirmed_domains: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many accounts were decided about."""
        return sum(self.counts.values())

    def add(self, effect: AccountEffect) -> None:
        """Count one account, and list it while the list is not too long to be read."""
        self.counts[effect.effect] += 1
        if len(self.listed) < LISTED:
            self.listed.append(effect)


EXEMPT_LASTS = 86_400.0
"""Seconds that `exempt` lasts where nothing else is said: what nothing stops should not be forgotten."""

LISTED = 1_000
"""Accounts that a report lists one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act does nothing to an account."""

    effect: Effect
    why: str


UNDONE_PER_SECOND = 1.0
"""Accounts a second that the platform is told of where a detector's stops are undone: who was bad after all shows
before all are free."""

UNENFORCEABLE = (
    "It is no Agent Account, or known by its address alone, so the platform cannot stop it: stop it where it sends "
    "(with its own provider, or Transactional Send)."
)

CANNOT_LIMIT = "The actuator `limit` is off for it, so the platform would not be told: switch it on, or stop it."
