"""Adopt domains: what the list of stopped domains holds and the database does not know becomes a stopped domain.

The same sweep orders anew what is stopped here and missing there: after a teardown took the list away, and another
setup made one. Nothing is ever taken out of the list by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from breaker.domain.circuits.circuit import act, apply
from breaker.domain.circuits.domain_circuit import Interval
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.platform.commands import CommandKind
from breaker.flows.designs import Made
from breaker.flows.find_lost import JUST_READ_BACK
from breaker.flows.fixtures import known_fixtures
from breaker.ports import GoneError, SendingDomain, Urgency

if TYPE_CHECKING:
    from breaker.domain.circuits.domain_circuit import DomainCircuit
    from breaker.flows.put_back import PutBack
    from breaker.ports import Clock, Domains, Inventory, LockedDomains, Platform

log = structlog.get_logger(__name__)

JUST_LET_GO = 120.0
"""Seconds after a reset in which a list that still shows the domain is taken for an old answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDomains:
    """Looks at the stopped domains of one application.

    Args:
        application_id: The application.
        platform: The application on the platform.
        inventory: What Breaker made there.
        domains: The circuits.
        clock: The time.
        put_back: Sees to domains that are stopped here and no more there; None where nobody does.
    """

    application_id: str
    platform: Platform
    inventory: Inventory
    domains: Domains
    clock: Clock
    put_back: PutBack | None = None

    async def __call__(self) -> tuple[str, ...]:
        """Make one sweep; return the domains that were adopted.

        Raises:
            PlatformError: The platform could not be read; nothing was adopted.
            StoreError: The database can't be used now.
        """
        fixtures = await known_fixtures(self.inventory, self.application_id)
        list_id = fixtures.ids.get(Made.DOMAIN_LIST)
        listed = None if list_id is None else await self._listed(list_id)
        if self.put_back is not None:
            await self._find_lost(self.put_back, list_id, listed)
        if listed is None:
            return ()
        async with self.domains.transaction() as locked:
            await self._order_again(locked)
            return await self._adopt(locked, [SendingDomain(self.application_id, name) for name in sorted(listed)])

    async def _listed(self, list_id: str) -> frozenset[str] | None:
        """Return what stands in the list, or None where it is gone."""
        try:
            return frozenset([value.lower() async for value in self.platform.at(Urgency.SWEEP).values(list_id)])
        except GoneError:
            await self.inventory.remove(self.application_id, Made.DOMAIN_LIST, list_id)
            return None

    async def _find_lost(self, put_back: PutBack, list_id: str | None, listed: frozenset[str] | None) -> None:
        """Look for domains that are stopped here and missing there, as `breaker.flows.find_lost` does for accounts."""
        before = self.clock.now() - JUST_READ_BACK
        lost = await put_back.holds.domains(self.application_id, listed or (), before)
        if list_id is not None and any(not one.told for one in lost):
            listed = await self._listed(list_id)
            lost = await put_back.holds.domains(self.application_id, listed or (), before)
        if listed is not None:
            await put_back(lost)
        elif free := [one for one in lost if not one.told]:
            await put_back.holds.forget(self.application_id, free, self.clock.now())
            log.error(
                "the list of stopped domains is gone from the platform, so they can send: run `breaker setup`",
                application=self.application_id,
                domains=len(free),
            )

    async def _adopt(self, locked: LockedDomains, listed: list[SendingDomain]) -> tuple[str, ...]:
        if not listed:
            return ()
        now = self.clock.now()
        standing = await locked.standing(listed)
        unknown = [domain for domain in listed if _is_unknown(standing.get(domain), now)]
        adopted: list[str] = []
        for domain, circuit in (await locked.lock(unknown)).items() if unknown else ():
            verdict = act(circuit.circuit, Cause.ADOPTED, now, "platform", "")
            if verdict is None or not _is_unknown(circuit, now):
                continue
            number = await locked.record_verdict(domain, verdict, {})
            after = replace(
                circuit,
                circuit=apply(circuit.circuit, verdict, number),
                intervals=(*circuit.intervals, Interval(now, None)),
            )
            await locked.save(domain, after)
            await locked.confirm(domain, Wanted.STOPPED, now)
            adopted.append(domain.name)
            log.warning("a domain was found blocked on the platform, and is adopted as stopped", domain=domain.name)
        return tuple(adopted)

    async def _order_again(self, locked: LockedDomains) -> None:
        for domain, epoch, verdict in await locked.forgotten(self.application_id):
            await locked.order(domain, epoch, verdict, (CommandKind.BLOCK_DOMAIN,), self.clock.now())


def _is_unknown(circuit: DomainCircuit | None, now: float) -> bool:
    """Tell whether a domain in the list is neither stopped here, nor on its way out of it, nor in and out as probed."""
    if circuit is None:
        return True
    if circuit.circuit.state is State.PROBING:
        return False
    on_its_way = not circuit.confirmed or (circuit.circuit.epoch > 0 and now - circuit.circuit.since < JUST_LET_GO)
    return circuit.circuit.wanted is Wanted.SENDING and not on_its_way
