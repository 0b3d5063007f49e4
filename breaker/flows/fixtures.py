"""What Breaker has made for itself on the platform: what it is called, and how it is found again.

Every name carries the installation's id, so that what was made is found by its name alone after a loss of the database,
and two installations in one application never take each other's things for their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.ports import Condition, InventoryItem, RuleContent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.ports import Inventory, Platform


class Made(StrEnum):
    """The kinds of things in the inventory."""

    LIST = "list"
    RULE = "rule"
    ATTACHMENT = "attachment"
    WORKSPACE = "workspace"
    WEBHOOK = "webhook"


_NAME = re.compile(r"Breaker: (?P<purpose>.+) \[(?P<installation>[^\[\]]+)\]")
_STOPPED = "stopped accounts"
_STOP = "block stopped accounts"
_FEED = "events"
_QUARANTINE = re.compile(r"quarantine of (?P<home>\S+)")


@dataclass(frozen=True, slots=True)
class Names:
    """What one installation's things are called.

    Args:
        installation: The installation's id.
    """

    installation: str

    @property
    def block_list(self) -> str:
        """The list of the addresses that must not send."""
        return self._of(_STOPPED)

    @property
    def block_rule(self) -> str:
        """The rule that refuses what they send."""
        return self._of(_STOP)

    @property
    def webhook(self) -> str:
        """The webhook that notifications come by (its description)."""
        return self._of(_FEED)

    def quarantine(self, home_workspace_id: str) -> str:
        """The copy of a workspace that its stopped accounts are moved to."""
        return self._of(f"quarantine of {home_workspace_id}")

    def home_of(self, name: str) -> str | None:
        """Return the workspace that a quarantine of this installation is a copy of, or None for any other name."""
        found = _NAME.fullmatch(name)
        if found is None or found["installation"] != self.installation:
            return None
        quarantine = _QUARANTINE.fullmatch(found["purpose"])
        return quarantine["home"] if quarantine else None

    def of_another(self, name: str) -> str | None:
        """Return which other installation something of this name belongs to, or None."""
        found = _NAME.fullmatch(name)
        return found["installation"] if found and found["installation"] != self.installation else None

    def taken_over(self, name: str) -> str:
        """Return what a thing of another installation is called once it is this one's."""
        found = _NAME.fullmatch(name)
        return self._of(found["purpose"]) if found else name

    def _of(self, purpose: str) -> str:
        return f"Breaker: {purpose} [{self.installation}]"


def block_rule_content(list_id: str) -> RuleContent:
    """Return the rule that stops: safe whether the platform runs rules by workspace or by application."""
    return RuleContent(
        trigger="outbound",
        conditions=(Condition("from.address", "in_list", (list_id,)),),
        actions=("block",),
        priority=0,
    )


@dataclass(frozen=True, slots=True)
class Fixtures:
    """What the inventory knows.

    Args:
        list_id: The list of stopped accounts, or None.
        rule_id: The rule that blocks them, or None.
        webhook_id: The webhook, or None.
        quarantines: The copies of workspaces, each with the home it is a copy of.
        attached: The workspaces that the rule is attached to.
    """

    list_id: str | None = None
    rule_id: str | None = None
    webhook_id: str | None = None
    quarantines: Mapping[str, str] = field(default_factory=dict)
    attached: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: Sequence[InventoryItem]) -> Fixtures:
        """Read them from the inventory."""
        first: dict[str, str] = {}
        for item in items:
            first.setdefault(item.kind, item.platform_id)
        return cls(
            list_id=first.get(Made.LIST),
            rule_id=first.get(Made.RULE),
            webhook_id=first.get(Made.WEBHOOK),
            quarantines={item.platform_id: str(item.detail["home"]) for item in items if item.kind == Made.WORKSPACE},
            attached=frozenset(item.platform_id for item in items if item.kind == Made.ATTACHMENT),
        )


async def known_fixtures(inventory: Inventory, application_id: str) -> Fixtures:
    """Return what the inventory knows of an application."""
    return Fixtures.of(await inventory.items(application_id))


async def rediscover(
    platform: Platform, inventory: Inventory, application_id: str, names: Names, now: float
) -> Fixtures:
    """Find by name what the inventory does not know, and write it in.

    Raises:
        PlatformError: It could not be looked for.
    """
    known = await known_fixtures(inventory, application_id)
    found: list[InventoryItem] = []
    if known.list_id is None:
        lists = [one for one in await platform.lists() if one.name == names.block_list]
        found += [InventoryItem(Made.LIST, one.id, {"name": one.name}, now) for one in lists[:1]]
    rule_id = known.rule_id
    if rule_id is None:
        rules = [one for one in await platform.rules() if one.name == names.block_rule]
        found += [InventoryItem(Made.RULE, one.id, {"name": one.name}, now) for one in rules[:1]]
        rule_id = rules[0].id if rules else None
    if known.webhook_id is None:
        webhooks = [one for one in await platform.webhooks() if one.description == names.webhook]
        found += [InventoryItem(Made.WEBHOOK, one.id, {"name": one.description}, now) for one in webhooks[:1]]
    for workspace in await platform.workspaces():
        home = names.home_of(workspace.name)
        if home is not None and workspace.id not in known.quarantines:
            detail = {"name": workspace.name, "home": home}
            found.append(InventoryItem(Made.WORKSPACE, workspace.id, detail, now))
        elif home is None and rule_id in workspace.rule_ids and workspace.id not in known.attached:
            detail = {"name": workspace.name, "rule": str(rule_id)}
            found.append(InventoryItem(Made.ATTACHMENT, workspace.id, detail, now))
    for item in found:
        await inventory.add(application_id, item)
    return await known_fixtures(inventory, application_id)
