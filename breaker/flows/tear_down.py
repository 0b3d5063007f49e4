"""Tear down: everything that Breaker made on the platform taken back, in the reverse order, and nothing else touched.

Accounts are moved home before their quarantine goes, Breaker's rules are taken out from among the others of each
workspace before they go, and a thing that is gone already is only forgotten, so that a run that broke off is gone on
with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.fixtures import Fixtures, rediscover
from breaker.flows.quarantine import Quarantine
from breaker.ports import GoneError, TryAgainError, Urgency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Collection

    from breaker.flows.fixtures import Names
    from breaker.ports import Adoption, Clock, Inventory, Outbox, Platform, Workspace


_COPIES = {Made.WORKSPACE: "quarantine", Made.PROBE_WORKSPACE: "copy for probes"}


_IN_LISTS = {Made.DOMAIN_LIST: "domain", Made.SUPPRESSION_LIST: "recipient"}


@dataclass(frozen=True, slots=True)
class Removal:
    """One step.

    Args:
        made: Which kind of thing goes; None for accounts that go home from where nothing of Breaker's is.
        platform_id: The thing's id.
        sentence: The same for people.
        releases: How many stopped accounts can send again after it.
    """

    made: Made | None
    platform_id: str
    sentence: str
    releases: int = 0


@dataclass(slots=True, kw_only=True)
class TearDown:
    """Takes back what Breaker made in one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What was made.
        outbox: Where placements of accounts are remembered.
        adoption: Knows the accounts that are away from home.
        clock: The time.
        quarantines: The workspaces that are configured for stopped accounts; they are their owner's, and stay.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    outbox: Outbox
    adoption: Adoption
    clock: Clock
    quarantines: Collection[str] = ()
    _fixtures: Fixtures = field(init=False, default_factory=Fixtures)
    _workspaces: dict[str, Workspace] = field(init=False, default_factory=dict)

    async def plan(self) -> list[Removal]:
        """Say what would be taken back; nothing on the platform is changed.

        Raises:
            PlatformError: The platform could not be read.
        """
        await self._read()
        steps: list[Removal] = []
        away = Counter([account.workspace_id for account in await self.adoption.away(self.application_id)])
        outside = sum(count for place, count in away.items() if place not in self._fixtures.copies)
        if outside:
            steps.append(Removal(None, "", f"move {_accounts(outside)} home, if still away"))
        for copy in self._fixtures.copies.values():
            inside = len([grant async for grant in self.platform.grants(workspace_id=copy.id)])
            home = f" to {self._called(copy.homes[0])!r}" if len(copy.homes) == 1 else ""
            first = f"move {_accounts(inside)} home{home}, and " if inside else ""
            sentence = f"{first}delete the {_COPIES[copy.made]} {self._called(copy.id)!r}"
            steps.append(Removal(copy.made, copy.id, sentence))
        steps += [
            Removal(Made.POLICY, number, f"delete the policy {name!r}")
            for name, number in self._fixtures.policies.items()
        ]
        ids = self._fixtures.ids
        if Made.WEBHOOK in ids:
            steps.append(Removal(Made.WEBHOOK, ids[Made.WEBHOOK], "delete the webhook"))
        for number in self._attached():
            sentence = f"take Breaker's rules out of the workspace {self._called(number)!r}; its other rules stay"
            steps.append(Removal(Made.ATTACHMENT, number, sentence))
        steps += [
            Removal(made, ids[made], f"delete the rule to {rule.purpose}")
            for made, rule in RULES.items()
            if made in ids
        ]
        if Made.DRILL_RULE in ids:
            steps.append(Removal(Made.DRILL_RULE, ids[Made.DRILL_RULE], "delete the rule that a drill left behind"))
        sizes = {one.id: one.size for one in await self.platform.lists()}
        for made, design in LISTS.items():
            if made in ids:
                listed = sizes.get(ids[made], 0)
                who = _many(listed, _IN_LISTS.get(made, "account"))
                sentence = f"delete the list of {design.purpose}; {who} in it {design.freed}"
                releases = listed if design.holds is not None else 0
                steps.append(Removal(made, ids[made], sentence, releases))
        return steps

    async def carry_out(self, planned: list[Removal]) -> AsyncIterator[Removal]:
        """Do what `plan` has said, and yield each step when it is done.

        Raises:
            PlatformError: A step was not done; those before it were.
        """
        if planned:
            await self._take_known_accounts_home()
        for step in planned:
            if step.made is not None:
                await self._take_back(step.made, step.platform_id)
                await self.inventory.remove(self.application_id, step.made, step.platform_id)
            yield step

    async def _take_back(self, made: Made, number: str) -> None:
        match made:
            case Made.POLICY:
                await _unless_gone(self.platform.policies().delete(number))
            case Made.WORKSPACE | Made.PROBE_WORKSPACE:
                await self._empty(number)
                await _unless_gone(self.platform.delete_workspace(number))
            case Made.WEBHOOK:
                await _unless_gone(self.platform.delete_webhook(number))
            case Made.ATTACHMENT:
                await _unless_gone(self.platform.detach_rules(number, self._fixtures.rule_ids))
            case Made.RULE | Made.LIMIT_RULE | Made.SUPPRESSION_RULE | Made.DRILL_RULE:
                await _unless_gone(self.platform.delete_rule(number))
            case Made.LIST | Made.LIMIT_LIST | Made.SUPPRESSION_LIST:
                await _unless_gone(self.platform.delete_list(number))
                if (held_to := LISTS[made].holds) is not None:
                    await self.adoption.unconfirm(self.application_id, held_to)
            case Made.DOMAIN_LIST:
                await _unless_gone(self.platform.delete_list(number))
                await self.adoption.unconfirm_domains(self.application_id)

    async def _read(self) -> None:
        self._fixtures = await rediscover(
            self.platform, self.inventory, self.application_id, self.names, self.clock.now()
        )
        self._workspaces = {one.id: one for one in await self.platform.workspaces()}

    def _attached(self) -> list[str]:
        """Return the workspaces that rules are to be taken out of: those known, and those where any is found."""
        ours = set(self._fixtures.rule_ids)
        found = {one.id for one in self._workspaces.values() if not ours.isdisjoint(one.rule_ids)}
        return sorted((self._fixtures.attached | found) - self._fixtures.copies.keys())

    def _called(self, workspace_id: str) -> str:
        workspace = self._workspaces.get(workspace_id)
        return workspace.name if workspace else workspace_id

    async def _take_known_accounts_home(self) -> None:
        quarantine = self._quarantine()
        for account in await self.adoption.away(self.application_id):
            await quarantine.take_home(account)

    def _quarantine(self) -> Quarantine:
        return Quarantine(
            platform=self.platform.at(Urgency.RESET),
            outbox=self.outbox,
            inventory=self.inventory,
            clock=self.clock,
            application_id=self.application_id,
            names=self.names,
            fixtures=self._fixtures,
            configured=lambda _home: None,
            all_configured=self.quarantines,
        )

    async def _empty(self, copy_id: str) -> None:
        """Move home what the database does not know of: deleting the workspace would let it fall to the default one."""
        copies = self._quarantine().copies
        if copy_id not in await copies.workspaces():
            return
        try:
            grants = [grant async for grant in self.platform.grants(workspace_id=copy_id)]
        except GoneError:
            return
        for grant in grants:
            home, _ = await copies.home(copy_id, None, (grant.address or "").rpartition("@")[2])
            await self.platform.move_grant(grant.id, home)
        if [grant async for grant in self.platform.grants(workspace_id=copy_id)]:
            raise TryAgainError("accounts were moved home, and are still shown in quarantine: run it again")


async def _unless_gone(change: Awaitable[None]) -> None:
    try:
        await change
    except GoneError:
        return


def _accounts(count: int) -> str:
    return _many(count, "account")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
