"""The circuits of sending domains in a replay (`breaker.domain.circuits.domain_circuit`).

As in the daemon, a domain is judged when a refusal comes, before the account that it is of. A stop of a domain is taken
for confirmed at once, and nobody resets it.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.circuit import apply
from breaker.domain.circuits.domain_circuit import (
    DomainCircuit,
    DomainLimits,
    Interval,
    Refusal,
    decide,
    failure,
    shared_refusals,
)
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.circuits.circuit import Verdict

_HOUR = 3_600
_TOO_OLD = 86_400.0
"""Seconds after which a refused send tells nothing of its domain's present."""
_LOOKED_AT = 500
"""Refusals looked at at most, the latest."""
_FORGET_FROM = 5_000
_NOTHING = (0, 0)


@dataclass(slots=True)
class ReplayedDomain:
    """A sending domain.

    Attributes:
        circuit: How it stands.
        verdicts: What was decided.
        by_hour: Its sends, and those delivered, by hour of sending.
        refusals: Its refusals, by time of sending.
    """

    circuit: DomainCircuit = field(default_factory=DomainCircuit)
    verdicts: list[Verdict] = field(default_factory=list)
    by_hour: dict[int, list[int]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    def count(self, sent_at: int, sends: int, delivered: int) -> None:
        """Count what an outcome of one of its accounts added."""
        of_hour = self.by_hour.get(sent_at // _HOUR)
        if of_hour is None:
            of_hour = self.by_hour[sent_at // _HOUR] = [0, 0]
        of_hour[0] += sends
        of_hour[1] += delivered

    def note(self, refusal: Refusal) -> None:
        """Note a refusal, once it was judged."""
        insort(self.refusals, refusal, key=attrgetter("sent_at"))
        if len(self.refusals) > _FORGET_FROM:
            del self.refusals[: -2 * _LOOKED_AT]


class Name(NamedTuple):
    """Which domain.

    Attributes:
        application_id: The application that sends from it.
        domain: The domain.
    """

    application_id: str
    domain: str


@dataclass(slots=True)
class Domains:
    """All sending domains.

    Args:
        can_block: Whether a domain can be blocked on the platform; where not, it is warned.
        limits: When a domain fails.

    Attributes:
        all: The domains.
    """

    can_block: bool = True
    limits: DomainLimits = field(default_factory=DomainLimits)
    all: dict[Name, ReplayedDomain] = field(default_factory=dict)

    def of(self, name: Name) -> ReplayedDomain:
        """Return a domain, made known where it was not."""
        found = self.all.get(name)
        if found is None:
            found = self.all[name] = ReplayedDomain()
        return found

    def consider(
        self, name: Name, fresh: Sequence[Refusal], new_sends: int, accounts: Callable[[], int], now: float
    ) -> tuple[Interval, ...]:
        """Judge a domain that something bounced of, before it is noted.

        Args:
            name: The domain.
            fresh: Which of it are refusals.
            new_sends: How many of the sends were not known before.
            accounts: Returns how many accounts the domain has that are active, or have a grant.
            now: Unix seconds.

        Returns:
            The intervals whose refusals say nothing against an account.
        """
        domain = self.of(name)
        if fresh and domain.circuit.circuit.state is not State.STOPPED:
            self._judge(name, domain, fresh, new_sends, accounts, now)
        return domain.circuit.left_out(now)

    def _judge(  # noqa: PLR0913, PLR0917 - as above
        self,
        name: Name,
        domain: ReplayedDomain,
        fresh: Sequence[Refusal],
        new_sends: int,
        accounts: Callable[[], int],
        now: float,
    ) -> None:
        until = max(one.sent_at for one in fresh)
        since = max(until - self.limits.window, domain.circuit.restarted_at)
        if until < max(now - _TOO_OLD, since):
            return
        known = [one for one in domain.refusals if int(since) <= one.sent_at <= until][-_LOOKED_AT:]
        refusals = [*reversed(known), *(one for one in fresh if since <= one.sent_at)]
        candidates = shared_refusals(refusals, self.limits)
        if not candidates:
            return
        hours = range(int(since) // _HOUR, until // _HOUR + 1)
        sends = sum(domain.by_hour.get(hour, _NOTHING)[0] for hour in hours) + new_sends
        active = accounts()
        for shared in candidates:
            found = failure(shared, sends, max(active, shared.accounts), self.limits)
            if found is None:
                continue
            circuit = domain.circuit.circuit
            verdict = decide(name.domain, circuit, found, now, held_by=None, can_block=self.can_block)
            if verdict is not None:
                domain.verdicts.append(verdict)
                domain.circuit = replace(domain.circuit, circuit=apply(circuit, verdict, 0))
            if verdict is not None and verdict.to is State.STOPPED:
                begun = Interval(float(shared.first_at), None)
                domain.circuit = replace(domain.circuit, intervals=(*domain.circuit.intervals, begun))
            return
