"""How an account stands: everything that people and programs are shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.outcomes.identity import enforceable
from breaker.domain.outcomes.outcomes import NOTHING, Counting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from breaker.domain.circuits.circuit import Circuit, HeldBy, Mode
    from breaker.domain.circuits.domain_circuit import DomainCircuit
    from breaker.domain.circuits.modes import Level, ModeSetting
    from breaker.domain.circuits.states import State, Wanted
    from breaker.domain.detectors.detectors import Signal
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.domain.platform.stop_evidence import StopEvidence
    from breaker.domain.probes.probe import Outlook
    from breaker.domain.profiles.profiles import Assigned
    from breaker.domain.profiles.protected import Protected
    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.headroom import Headroom


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What the platform should do with an account's sends, and whether it was seen to.

    Args:
        wanted: What it should do.
        confirmed: What it was read back to do, or None while that is unknown.
        since: Since when it is confirmed, or while it is not, since when it is wanted; Unix seconds or None.
        attempts: Tries of the commands that are open or were given up.
        error: What the last of them failed by, or None.
    """

    wanted: Wanted
    confirmed: Wanted | None
    since: float | None
    attempts: int = 0
    error: str | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether the platform was read back and does what is wanted."""
        return self.confirmed is self.wanted


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """An entry of the audit trail.

    Entries about a group's mode concern no single account: they have a scope and no states. The other fields are those
    of `breaker.domain.circuits.circuit.Verdict`.

    Args:
        id: Its number, growing with time.
        account: The account's id, or None.
        address: The account's address, or None.
        scope: The group, such as `domain:example.com`, or None.
    """

    id: int
    at: float
    account: str | None
    address: str | None
    scope: str | None
    before: State | None
    to: State | None
    detector: str
    signal: Signal | None
    window: int | None
    count: int | None
    of: int | None
    rate: float | None
    threshold: float | None
    headroom: Headroom | None
    cause: str | None
    epoch: int | None
    held_by: HeldBy | None
    why: str
    author: str | None

    @property
    def applied(self) -> bool:
        """Whether the state followed."""
        return self.held_by is None

    @property
    def moves(self) -> bool:
        """Whether it asks for another state; a person's look or a mode does not."""
        return self.to is not None and self.before is not self.to


@dataclass(frozen=True, slots=True)
class Standing:
    """One account.

    Args:
        key: Breaker's own number of the account.
        id: What people and programs call it: the grant, else the address.
        application_id: The platform's id of the application.
        grant_id: The grant, or None where it is known by its address alone.
        provider: Who provides the mailbox, or None where that was not seen yet.
        address: The mailbox's address, or None where it is not known yet.
        domain: The sending domain, or empty.
        domain_state: The state of the domain's own circuit: where that is stopped, the account can't send either.
        workspace_id: The workspace it was last seen in, or None.
        home_workspace_id: The workspace it belongs to: the one it was seen in, unless that is a quarantine.
        circuit: State, epoch and pending verdict.
        mode: How far Breaker may go with it.
        mode_source: Where that is set.
        assigned: By which profile it is judged, and what people want to read beside it.
        enforcement: What the platform does.
        counters: What was counted.
        last_event_at: When the last notification about it came, Unix seconds or None.
        last_verdict: The last entry about it, or None.
        probe: How far it has come on its way back, where it is on one.
        platform: What the platform itself did to it, or None.
        protected: What it is protected by, or None.
    """

    key: int
    id: str
    application_id: str
    grant_id: str | None
    provider: str | None
    address: str | None
    domain: str
    domain_state: State
    workspace_id: str | None
    home_workspace_id: str | None
    circuit: Circuit
    mode: Mode
    mode_source: Level
    assigned: Assigned
    enforcement: Enforcement
    counters: Counters
    last_event_at: float | None
    last_verdict: VerdictRecord | None
    probe: Outlook | None = None
    platform: PlatformStanding | None = None
    protected: Protected | None = None

    @property
    def owner(self) -> str | None:
        """Who answers for it: whom its profile names, else whose protected accounts it is among, or None."""
        return self.assigned.owner or (self.protected.owner if self.protected else None)

    @property
    def enforceable(self) -> bool:
        """Whether it can be stopped on the platform."""
        return enforceable(self.grant_id, self.provider)


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A change wanted on the platform, and what became of it.

    Args:
        kind: What to do.
        epoch: The epoch that wanted it.
        created_at: Since when it is wanted, Unix seconds.
        sent_at: When it was last sent, or None.
        attempts: How often it was tried.
        next_attempt_at: When it is tried next, while it is open.
        error: What the last try failed by, or None.
        ended: `settled` (read back), `superseded`, `given_up`, or None while it is open.
        ended_at: When it ended, or None.
    """

    kind: str
    epoch: int
    created_at: float
    sent_at: float | None
    attempts: int
    next_attempt_at: float
    error: str | None
    ended: str | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one account.

    Args:
        standing: How it stands.
        setting: The mode that a person set and that is in force, or None where the configuration says it.
        verdicts: Its last entries in the audit trail, the newest first.
        commands: Its last commands, the newest first.
        recent: What its sends of the last hour, day and week are worth, by seconds.
        stop: What shows whether its stop holds; None where it is not stopped and read back so.
    """

    standing: Standing
    setting: ModeSetting | None
    verdicts: tuple[VerdictRecord, ...]
    commands: tuple[CommandRecord, ...]
    recent: Mapping[int, Tally]
    stop: StopEvidence | None = None


@dataclass(frozen=True, slots=True)
class DomainStanding:
    """A sending domain that failed once, or that a person stopped.

    Args:
        application_id: The platform's id of the application.
        domain: The domain.
        circuit: Its circuit.
        enforcement: What the platform should do with its sends.
        accounts: How many accounts it has.
        last_verdict: The last verdict about it, or None.
        probe: How far it has come on its way back, where it is on one.
        probed_by: The address of the account that may send in its round, or did in the last one; None before.
    """

    application_id: str
    domain: str
    circuit: DomainCircuit
    enforcement: Enforcement
    accounts: int
    last_verdict: VerdictRecord | None
    probe: Outlook | None = None
    probed_by: str | None = None

    @property
    def id(self) -> str:
        """What people and programs call it."""
        return f"domain:{self.domain}"

    @property
    def cause(self) -> str | None:
        """What it failed by, where it is not simply sending."""
        return self.last_verdict.cause if self.last_verdict else None


HOUR = 3_600
RECENT = (HOUR, 24 * HOUR, 7 * 24 * HOUR)
"""The times, in seconds, that people like to look back over."""


def sum_tallies(sends: Iterable[tuple[int, int]], counting: Counting) -> Tally:
    """Return what sends are worth in all.

    Args:
        sends: `(outcomes, how many)`: sets of outcomes, and how many sends have each.
        counting: What counts.
    """
    total = NOTHING
    for outcomes, many in sends:
        worth = counting.tally(outcomes)
        total = type(total)(*(sum_ + many * one for sum_, one in zip(total, worth, strict=True)))
    return total
