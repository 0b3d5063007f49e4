"""Keep copies: copies of workspaces follow their homes, and whoever is in the wrong one is moved to the right one.

A home may be given another policy or other rules while its stopped accounts are away. A copy whose homes have all
become the same is changed as they were, and so is one that somebody else changed; where homes have become different
from one another, the copy stays with those that are like it. The accounts of the others are moved by new orders of
the same epoch. So are those that are still where they were probed though no round is open, since an order that was
under way when something else was decided may have left them there; and those that the platform moved to the default
workspace since theirs was deleted. The policy of a probe's copy is looked after when a round is opened
(`breaker.flows.quota`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import Actuator, CommandKind, plan
from breaker.flows.copies import Copies
from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures
from breaker.ports import GoneError, TryAgainError, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.domain.circuits.circuit import Circuit
    from breaker.flows.copies import Content
    from breaker.flows.fixtures import Copy, Names
    from breaker.ports import Account, Circuits, Clock, Inventory, Platform, Workspace

log = structlog.get_logger(__name__)


class InCopies(Protocol):
    """Accounts in copies of workspaces."""

    async def misplaced(
        self,
        application_id: str,
        wrong: Collection[tuple[str, str]],
        probes: Collection[str],
        away: Collection[str],
    ) -> Sequence[tuple[int, int]]:
        """Return `(account, verdict)` of some that are where they should not be, and for which nothing is under way.

        Only those that are stopped, limited or probed.

        Args:
            application_id: The application.
            wrong: Copies with homes whose accounts should not be there.
            probes: Copies for accounts that are probed, and should not be there unless their round is open.
            away: All workspaces in which accounts may be that belong elsewhere; who is in no other should be at home.
        """
        ...


@dataclass(slots=True, kw_only=True)
class KeepCopies:
    """Looks after the copies of one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: Where copies are remembered.
        in_copies: Who is in them.
        circuits: The circuits of accounts.
        actuators_of: The ways to stop that are on for an account.
        clock: The time.
        woken: Called where something was ordered.
        quarantines: The workspaces that are configured for stopped accounts.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    in_copies: InCopies
    circuits: Circuits
    actuators_of: Callable[[Account], Collection[Actuator]]
    clock: Clock
    woken: Callable[[], None]
    quarantines: Collection[str] = ()

    async def __call__(self) -> int:
        """Look once; return how many accounts are to be moved. Without copies nothing is asked of the platform.

        Raises:
            PlatformError: Something could not be read or changed; it is tried again.
            StoreError: The database can't be used now.
        """
        fixtures = await known_fixtures(self.inventory, self.application_id)
        if Made.RULE not in fixtures.ids:
            return 0
        copies = Copies(
            platform=self.platform.at(Urgency.SWEEP),
            inventory=self.inventory,
            clock=self.clock,
            application_id=self.application_id,
            names=self.names,
            fixtures=fixtures,
        )
        if fixtures.copies:
            await copies.workspaces()
        for copy in list(copies.known.values()):
            try:
                await self._keep(copies, copy)
            except GoneError as error:
                raise TryAgainError("a copy of a workspace is gone meanwhile") from error
        return await self._move(copies)

    async def _keep(self, copies: Copies, copy: Copy) -> None:
        async with copies.lock:
            there = await copies.read()
            homes = [there[one] for one in copy.homes if one in there]
            if copy.id not in there or not homes:
                return
            shown = there[copy.id]
            contents = [await self._content(copies, copy, shown, home) for home in homes]
            if any(content.is_of(shown) for content in contents):
                return
            log.warning("a copy of a workspace is made like its home again", workspace=copy.id, home=homes[0].id)
            await copies.change(replace(shown, name=self.names.copy(copy.made, homes[0].id)), contents[0])

    async def _content(self, copies: Copies, copy: Copy, shown: Workspace, home: Workspace) -> Content:
        if copy.made is Made.PROBE_WORKSPACE:
            return copies.content(home, shown.policy_id)
        return copies.content(home, home.policy_id or await copies.own_policy())

    async def _move(self, copies: Copies) -> int:
        there = await copies.workspaces() if copies.known else {}
        homes = [one for one in there.values() if one.id not in copies.known]
        own = copies.policies.get(self.names.quarantine_policy)
        quarantines = [one for one in copies.known.values() if one.made is Made.WORKSPACE]
        wrong = [
            (copy.id, home.id)
            for copy in quarantines
            for home in homes
            if not copies.content(home, home.policy_id or own).is_of(there[copy.id])
        ]
        probes = [one.id for one in copies.known.values() if one.made is Made.PROBE_WORKSPACE]
        away = [*copies.known, *self.quarantines]
        found = await self.in_copies.misplaced(self.application_id, wrong, probes, away)
        moved = 0
        for number, verdict in found:
            moved += await self._order(number, verdict)
        if moved:
            self.woken()
        return moved

    async def _order(self, number: int, verdict: int) -> bool:
        async with self.circuits.transaction() as locked:
            known = (await locked.load([number])).get(number)
            if known is None or not known[0].enforceable:
                return False
            account, circuit, _ = known
            kinds = self._kinds(account, circuit)
            if kinds:
                await locked.order(account, circuit.epoch, verdict, kinds, self.clock.now())
            return bool(kinds)

    def _kinds(self, account: Account, circuit: Circuit) -> Sequence[CommandKind]:
        """Return what brings an account to where it should be; of an open round nothing, until that is over."""
        actuators = self.actuators_of(account)
        if circuit.wanted is Wanted.STOPPED and Actuator.QUARANTINE in actuators:
            return (CommandKind.QUARANTINE,)
        return () if circuit.wanted is Wanted.SENDING else plan(circuit.wanted, actuators, away=True)
