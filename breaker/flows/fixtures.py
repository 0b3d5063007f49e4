"""What Breaker has made for itself on the platform: what it is called, and how it is found again.

Every name carries the installation's id, so that what was made is found by its name alone after a loss of the database,
and two installations in one application never take each other's things for their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.flows.designs import COPIES, LISTS, RULES, STANDARD, Made
from breaker.ports import InventoryItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.flows.designs import ListDesign, RuleDesign
    from breaker.ports import Inventory, Platform, Workspace

_NAME = re.compile(r"Breaker: (?P<purpose>.+) \[(?P<installation>[^\[\]]+)\]")
_FEED = "events"
_COPY = re.compile(r"(?P<kind>quarantine|probe) of (?P<home>\S+)")
_COPIES = {"quarantine": Made.WORKSPACE, "probe": Made.PROBE_WORKSPACE}
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

    @property
    def quarantine_policy(self) -> str:
        """The policy of a quarantine whose home has none."""
        return self._of("quarantine")

    def quarantine(self, home_workspace_id: str) -> str:
        """The copy of a workspace that its stopped accounts are moved to."""
        return self._of(f"quarantine of {home_workspace_id}")

    def probe(self, home_workspace_id: str) -> str:
        """The copy of a workspace that its accounts are probed in, where a quota holds them; and its policy."""
        return self._of(f"probe of {home_workspace_id}")

    def copy(self, made: Made, home_workspace_id: str) -> str:
        """Return what a copy of a workspace is called."""
        return self.probe(home_workspace_id) if made is Made.PROBE_WORKSPACE else self.quarantine(home_workspace_id)

    def is_policy(self, name: str) -> bool:
        """Tell whether a policy of this name is one of this installation's."""
        return name == self.quarantine_policy or self.copied(name) is not None

    def copied(self, name: str) -> tuple[Made, str] | None:
        """Return which kind of copy something of this name is, and the home it was made for; None for any other."""
        found = _NAME.fullmatch(name)
        if found is None or found["installation"] != self.installation:
            return None
        copy = _COPY.fullmatch(found["purpose"])
        return (_COPIES[copy["kind"]], copy["home"]) if copy else None

    def home_of(self, name: str) -> str | None:
        """Return the workspace that a copy of this installation was made for, or None for any other name."""
        copied = self.copied(name)
        return copied[1] if copied else None

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


def copied_as(name: str) -> Made | None:
    """Return which kind of copy of a workspace something of this name is, whatever the installation; None of none."""
    found = _NAME.fullmatch(name)
    copy = _COPY.fullmatch(found["purpose"]) if found else None
    return _COPIES[copy["kind"]] if copy else None


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a workspace, shared by all homes with an equal policy and equal rules.

    Args:
        id: The workspace's id.
        made: Which kind it is.
        homes: The workspaces whose accounts it is for, the one that it was made for first; none where all of them have
            become different since.
        source: Of a probe's: the policy that its own is a copy of; None where its homes have none, and empty where that
            was forgotten.
    """

    id: str
    made: Made
    homes: tuple[str, ...]
    source: str | None = None

    def detail(self, name: str) -> dict[str, object]:
        """Return what the inventory keeps of it."""
        return {"name": name, "homes": list(self.homes), "source": self.source}

    @classmethod
    def of(cls, item: InventoryItem) -> Copy:
        """Read it from the inventory."""
        homes, source = item.detail.get("homes"), item.detail.get("source")
        known = homes if isinstance(homes, list) else [item.detail.get("home")]
        return cls(
            item.platform_id,
            Made(item.kind),
            tuple(str(one) for one in known if one),
            source if isinstance(source, str) else None,
        )


@dataclass(frozen=True, slots=True)
class Fixtures:
    """What the inventory knows.

    Args:
        ids: Lists, rules and the webhook: the id of each that there is.
        copies: The copies of workspaces, by their ids.
        policies: The policies that were made for them, by their names.
        attached: The workspaces that rules are attached to.
    """

    ids: Mapping[Made, str] = field(default_factory=dict)
    copies: Mapping[str, Copy] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)
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
            copies={item.platform_id: Copy.of(item) for item in items if item.kind in COPIES},
            policies={str(item.detail["name"]): item.platform_id for item in items if item.kind == Made.POLICY},
            attached=frozenset(item.platform_id for item in items if item.kind == Made.ATTACHMENT),
        )

    @property
    def quarantines(self) -> Mapping[str, str]:
        """The copies for stopped accounts, each with the home that it was made for, or nothing where it has none."""
        return {one.id: one.homes[0] if one.homes else "" for one in self.copies.values() if one.made is Made.WORKSPACE}

    def sole_home(self, workspace_id: str) -> str | None:
        """Return the home of all accounts in a copy, or None where it has none or several."""
        copy = self.copies.get(workspace_id)
        return copy.homes[0] if copy and len(copy.homes) == 1 else None

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rules, in their order."""
        return tuple(self.ids[made] for made in RULES if made in self.ids)

    @property
    def complete(self) -> bool:
        """Whether every list and rule is known that Breaker can make to stop accounts."""
        return self.ids.keys() >= STANDARD


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
    workspaces = await platform.workspaces()
    for workspace in workspaces:
        copied = names.copied(workspace.name)
        rule_ids = [ids[made] for made in RULES if ids.get(made) in workspace.rule_ids]
        if copied is not None and workspace.id not in known.copies:
            copy = found_copy(workspace, workspaces, names)
            found.append(InventoryItem(copied[0], workspace.id, copy.detail(workspace.name), now))
        elif copied is None and rule_ids and workspace.id not in known.attached:
            detail: dict[str, object] = {"name": workspace.name, "rules": rule_ids}
            found.append(InventoryItem(Made.ATTACHMENT, workspace.id, detail, now))
    if any(item.kind in COPIES for item in found):
        found += await _found_policies(platform, known, names, now)
    for item in found:
        await inventory.add(application_id, item)
    return await known_fixtures(inventory, application_id)


def found_copy(copy: Workspace, workspaces: Sequence[Workspace], names: Names) -> Copy:
    """Return what can be told of a copy that the inventory does not know.

    Whose accounts are in it, is not written on the platform. It may be any workspace's with the same policy and rules,
    beside the one that it was made for; of a probe's copy, whose policy is its own, with the same rules.
    """
    made, home = names.copied(copy.name) or (Made.WORKSPACE, "")
    alike = [
        one.id
        for one in workspaces
        if copied_as(one.name) is None
        and set(one.rule_ids) == set(copy.rule_ids)
        and (made is Made.PROBE_WORKSPACE or one.policy_id == copy.policy_id)
    ]
    there = {one.id for one in workspaces}
    homes = tuple(dict.fromkeys([*([home] if home in there else []), *alike]))
    return Copy(copy.id, made, homes, "" if made is Made.PROBE_WORKSPACE else None)


async def _found_policies(platform: Platform, known: Fixtures, names: Names, now: float) -> list[InventoryItem]:
    """Return the policies of Breaker's own that the inventory does not know."""
    return [
        InventoryItem(Made.POLICY, one.id, {"name": one.name}, now)
        for one in await platform.policies().all()
        if one.name not in known.policies and names.is_policy(one.name)
    ]


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
