"""What the admin API needs of the rest: how accounts stand, and what people can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.config import Settings
    from breaker.domain.acts.acts import Act, Report
    from breaker.domain.acts.fleet_acts import FleetAct, Hold
    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.guard import HeldStop, Raise, Usage
    from breaker.domain.circuits.modes import ConfiguredModes, SetMode
    from breaker.domain.circuits.states import State
    from breaker.domain.standing.listing import AccountFilter, Page, Sort
    from breaker.domain.standing.past import Past
    from breaker.domain.standing.standing import DomainStanding, Explanation, Standing, VerdictRecord
    from breaker.ports import Clock, LearntDomain


class Accounts(Protocol):
    """Accounts as they stand."""

    async def find(self, selector: Selector, limit: int = ...) -> Sequence[Standing]:
        """Return the accounts that a selector speaks of."""
        ...

    async def page(self, wanted: AccountFilter, sort: Sort, limit: int, cursor: str | None) -> Page[Standing]:
        """Return one page of the accounts that pass a filter."""
        ...


class Directory(Protocol):
    """Who is meant by a selector."""

    async def nearest(self, selector: Selector) -> str | None:
        """Return what is known and most like a selector that speaks of nobody, or None."""
        ...


class Explanations(Protocol):
    """Accounts in full."""

    async def explain(self, standing: Standing) -> Explanation:
        """Return all that is known of an account."""
        ...

    async def past(self, standing: Standing, at: float) -> Past:
        """Return how an account stood at a moment."""
        ...


class Domains(Protocol):
    """Sending domains as they stand."""

    async def all(self, states: Collection[State] = ..., name: str | None = ...) -> Sequence[DomainStanding]:
        """Return the domains that were ever decided about."""
        ...


class Feedback(Protocol):
    """Recipient domains that were seen to send complaint feedback."""

    async def all(self) -> Sequence[LearntDomain]:
        """Return all that were ever learnt."""
        ...


class InForce(Protocol):
    """The configuration in force."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...

    @property
    def modes(self) -> ConfiguredModes:
        """The modes that they name."""
        ...


class Trail(Protocol):
    """The audit trail."""

    async def page(
        self,
        accounts: Sequence[int] | None,
        since: float | None,
        limit: int,
        cursor: str | None,
        scope: str | None = ...,
    ) -> Page[VerdictRecord]:
        """Return one page of entries, the newest first."""
        ...


class Operator(Protocol):
    """People's acts."""

    async def plan(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Return what an act would do."""
        ...

    async def carry_out(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Do it."""
        ...

    async def wait(self, report: Report, seconds: float) -> Sequence[object]:
        """Wait until the platform was read back; return who is still unconfirmed."""
        ...


class FleetActs(Protocol):
    """People's acts on the whole fleet."""

    async def carry_out(self, act: FleetAct, now: float) -> None:
        """Do it."""
        ...


class HeldStops(Protocol):
    """What the fleet guard holds."""

    async def stops(self) -> Sequence[HeldStop]:
        """Return what is held, the most urgent first."""
        ...

    async def usage(self, now: float) -> Sequence[Usage]:
        """Return how much of every limit is used."""
        ...

    async def raises(self, now: float) -> Sequence[Raise]:
        """Return what people raised and has not expired."""
        ...


class Modes(Protocol):
    """How far Breaker may go, and whether automatic changes are on hold."""

    async def listed(self, now: float) -> Sequence[SetMode]:
        """Return all modes that people set and that have not expired, the most specific first."""
        ...

    async def refresh(self) -> None:
        """Read it, unless that was done just now."""
        ...

    def hold(self, now: float) -> Hold | None:
        """Return the hold that has not expired, or None."""
        ...


class Operations(Protocol):
    """What the API offers."""

    @property
    def accounts(self) -> Accounts:
        """Accounts as they stand."""
        ...

    @property
    def directory(self) -> Directory:
        """Who is meant by a selector."""
        ...

    @property
    def explanations(self) -> Explanations:
        """Accounts in full."""
        ...

    @property
    def domains(self) -> Domains:
        """Sending domains as they stand."""
        ...

    @property
    def feedback(self) -> Feedback:
        """Recipient domains that were seen to send complaint feedback."""
        ...

    @property
    def in_force(self) -> InForce:
        """The configuration in force."""
        ...

    @property
    def trail(self) -> Trail:
        """The audit trail."""
        ...

    @property
    def operator(self) -> Operator:
        """People's acts."""
        ...

    @property
    def fleet_acts(self) -> FleetActs:
        """People's acts on the whole fleet."""
        ...

    @property
    def guard(self) -> HeldStops:
        """What the fleet guard holds."""
        ...

    @property
    def modes(self) -> Modes:
        """How far Breaker may go."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...
