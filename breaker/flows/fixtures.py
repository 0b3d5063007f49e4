"""What Breaker has made for itself on the platform: what it is called, and how it is found again.

Every name carries the installation's id, so that what was made is found by its name alone after a loss of the database,
and two installations in one application never take each other's things for their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.flows.designs import LISTS, RULES, Made
from breaker.ports import InventoryItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.flows.designs import ListDesign, RuleDesign
    from breaker.ports import Inventory, Platform

_NAME = re.compile(r"Breaker: (?P<purpose>.+) \[(?P<installation>[^\[\]]+)\]")
_FEED = "events"
_QUARANTINE = re.compile(r"quarantine of (?P<home>\S+)")
_DRILL = "drill"
_SINGLE = frozenset({*LISTS, *RULES, Made.DRILL_RULE, Made.WEBHOOK})


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
        return self.of(LISTS[Made.LIST])

    @property
    def block_rule(self) -> str:
        """The rule that refuses what they send."""
        return self.of(RULES[Made.RULE])

    @property
    def limit_list(self) -> str:
        """The list of the addresses that may only reply."""
        return self.of(LISTS[Made.LIMIT_LIST])

    @property
    def limit_rule(self) -> str:
        """The rule that refuses what they send and is no reply."""
        return self.of(RULES[Made.LIMIT_RULE])

    @property
    def webhook(self) -> str:
        """The webhook that notifications come by (its description)."""
        return self._of(_FEED)

    @property
    def drill_rule(self) -> str:
        """The rule that refuses what a drill's canary sends, attached nowhere and there for seconds."""
        return self._of(_DRILL)

    def of(self, design: ListDesign | RuleDesign) -> str:
        """Return what a list or a rule is called."""
        return self._of(design.purpose)

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


def made_as(design: Mapping[Made, ListDesign] | Mapping[Made, RuleDesign], name: str) -> Made | None:
    """Return which of Breaker's lists, or rules, something of this name is, whatever the installation; None of none."""
    found = _NAME.fullmatch(name)
    return next((made for made, one in design.items() if found and one.purpose == found["purpose"]), None)


@dataclass(frozen=True, slots=True)
class Fixtures:
    """What the inventory knows.

    Args:
        ids: Lists, rules and the webhook: the id of each that there is.
        quarantines: The copies of workspaces, each with the home it is a copy of.
        attached: The workspaces that rules are attached to.
    """

    ids: Mapping[Made, str] = field(default_factory=dict)
    quarantines: Mapping[str, str] = field(default_factory=dict)
    attached: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: Sequence[InventoryItem]) -> Fixtures:
        """Read them from the inventory; of two of a kind the older one counts."""
        ids: dict[Made, str] = {}
        for item in items:
            if item.kind in _SINGLE:
                ids.setdefault(Made(item.kind), item.platform_id)
        return cls(
            ids=ids,
            quarantines={item.platform_id: str(item.detail["home"]) for item in items if item.kind == Made.WORKSPACE},
            attached=frozenset(item.platform_id for item in items if item.kind == Made.ATTACHMENT),
        )

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rules, in their order."""
        return tuple(self.ids[made] for made in RULES if made in self.ids)

    @property
    def complete(self) -> bool:
        """Whether every list and rule that Breaker can make is known."""
        return self.ids.keys() >= LISTS.keys() | RULES.keys()


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
    names_of = {made: names.of(design) for made, design in (LISTS | RULES).items()} | {Made.WEBHOOK: names.webhook}
    there = await _named(platform, {made: name for made, name in names_of.items() if made not in known.ids})
    found = [InventoryItem(made, number, {"name": names_of[made]}, now) for made, number in there.items()]
    ids = {**known.ids, **there}
    for workspace in await platform.workspaces():
        home = names.home_of(workspace.name)
        rule_ids = [ids[made] for made in RULES if ids.get(made) in workspace.rule_ids]
        if home is not None and workspace.id not in known.quarantines:
            detail: dict[str, object] = {"name": workspace.name, "home": home}
            found.append(InventoryItem(Made.WORKSPACE, workspace.id, detail, now))
        elif home is None and rule_ids and workspace.id not in known.attached:
            detail = {"name": workspace.name, "rules": rule_ids}
            found.append(InventoryItem(Made.ATTACHMENT, workspace.id, detail, now))
    for item in found:
        await inventory.add(application_id, item)
    return await known_fixtures(inventory, application_id)


async def _named(platform: Platform, wanted: Mapping[Made, str]) -> dict[Made, str]:
    """Return the ids of the lists, rules and webhook of these names; of two of one name, the first."""
    there: dict[tuple[str, str], str] = {}
    if not LISTS.keys().isdisjoint(wanted):
        for one in await platform.lists():
            there.setdefault((Made.LIST, one.name), one.id)
    if not RULES.keys().isdisjoint(wanted):
        for rule in await platform.rules():
            there.setdefault((Made.RULE, rule.name), rule.id)
    if Made.WEBHOOK in wanted:
        for webhook in await platform.webhooks():
            there.setdefault((Made.WEBHOOK, webhook.description), webhook.id)
    return {made: there[made.word, name] for made, name in wanted.items() if (made.word, name) in there}
