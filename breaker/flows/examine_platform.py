"""What an examination reads on the platform, and how it compares with what is configured and remembered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.domain.findings.facts import AccountFact, ListFact, RuleFact, WebhookFact, WorkspaceFact
from breaker.flows.designs import LISTS, RULES, Made, lists_for, rules_for
from breaker.flows.guarded_rules import STOPPING
from breaker.flows.set_up_plan import TRIGGERS, Found, Need, SetUpRefusedError, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from breaker.domain.findings.facts import ApplicationFacts, HeldFact
    from breaker.domain.platform.commands import Actuator
    from breaker.flows.guarded_rules import GuardedRules
    from breaker.ports import Grant, InventoryItem, Webhook, Workspace

_AGENT = "nylas"
_PATH = "/webhooks/nylas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the configuration says of one application.

    Args:
        application_id: Its id, or None where only the platform knows it.
        installation: The installation's id, or None for the application's.
        api_url: The base address of the platform's API.
        webhook_url: Where notifications are to be posted to, by the application's id; None where that is not said.
        secret_known: Whether a webhook secret is known here, by the application's id.
        actuators_of: The ways to stop that are on for a workspace; of None: for all that nothing is said of.
        workspaces: The workspaces that something is said of.
        quarantines: The workspaces that are configured for stopped accounts.
        enforcing: Where it says enforce: `` for the application, else workspace ids.
        drilled: The applications that canaries are configured of; None where canaries are configured and none is known.
        nightly_drill: Whether the daemon drills at night.
    """

    application_id: str | None
    installation: str | None
    api_url: str
    webhook_url: Callable[[str], str | None]
    secret_known: Callable[[str], bool]
    actuators_of: Callable[[str | None], Collection[Actuator]]
    workspaces: Collection[str] = ()
    quarantines: Collection[str] = ()
    enforcing: frozenset[str] = frozenset()
    drilled: frozenset[str] | None = frozenset()
    nightly_drill: bool = False

    def enforces(self, selector: str) -> bool:
        """Tell whether it says enforce where a mode was set, as far as the selector tells.

        Args:
            selector: `application:X`, `workspace:X`, `domain:X`, an address or a grant.
        """
        level, _, name = selector.partition(":")
        if level == "workspace" and name in self.workspaces:
            return name in self.enforcing
        return bool(self.enforcing) if level not in {"workspace", "application"} else "" in self.enforcing

    def all_actuators(self) -> frozenset[Actuator]:
        """Return the ways to stop that are on anywhere."""
        return frozenset(one for where in (None, *self.workspaces) for one in self.actuators_of(where))


@dataclass(slots=True, kw_only=True)
class ReadPlatform:
    """The platform as it was read, one grant after the other.

    Args:
        configured: What the configuration says.
        rules: Breaker's lists and rules, and the workspaces.
        webhooks: All webhooks.
        inventory: What Breaker made.
        held: The accounts that are not simply sending, by grant.

    Attributes:
        in_quarantine: The accounts in a quarantine that the database does not hold.
    """

    configured: Configured
    rules: GuardedRules
    webhooks: Sequence[Webhook]
    inventory: Sequence[InventoryItem]
    held: Mapping[str, HeldFact]
    in_quarantine: list[AccountFact] = field(init=False, default_factory=list)
    _out_of_quarantine: list[AccountFact] = field(init=False, default_factory=list)
    _no_workspace: list[AccountFact] = field(init=False, default_factory=list)
    _accounts: Counter[str] = field(init=False, default_factory=Counter)
    _homes: dict[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        self._homes = dict.fromkeys(self.configured.quarantines)
        for workspace in self.rules.workspaces:
            home = self.rules.home_of(workspace)
            if home != workspace.id:
                self._homes[workspace.id] = home

    def take(self, grant: Grant) -> None:
        """Take in one grant; only Agent Accounts are guarded."""
        if grant.provider != _AGENT:
            return
        name = grant.address or grant.id
        if grant.workspace_id is None:
            self._no_workspace.append(AccountFact(grant.id, name))
            return
        self._accounts[grant.workspace_id] += 1
        held = self.held.get(grant.id)
        if held is None:
            if grant.workspace_id in self._homes:
                self.in_quarantine.append(AccountFact(grant.id, name, self._homes[grant.workspace_id]))
        elif held.confirmed == "stopped" and held.home_workspace_id and grant.workspace_id not in self._homes:
            homes = self._homes.items()
            copy = next((one for one, home in homes if home == held.home_workspace_id), held.workspace_id)
            self._out_of_quarantine.append(AccountFact(grant.id, name, copy if copy in self._homes else None))

    def complete(self, facts: ApplicationFacts) -> ApplicationFacts:
        """Return the facts with what was read."""
        number = facts.id or ""
        return replace(
            facts,
            armed=self._armed(),
            other_installations=self._others(),
            twice=self._twice(),
            lists=self._lists(),
            rules=self._rules(),
            no_room=self._no_room(number),
            workspaces=tuple(self._workspace(one) for one in self.rules.workspaces),
            gone_workspaces=self._gone(),
            no_workspace=tuple(self._no_workspace),
            out_of_quarantine=tuple(self._out_of_quarantine),
            homeless=tuple(self._homeless()),
            webhook=self._webhook(number),
        )

    def _homeless(self) -> Iterator[AccountFact]:
        there = {one.id for one in self.rules.workspaces}
        for one in self.held.values():
            if one.home_workspace_id is not None and one.home_workspace_id not in there:
                yield AccountFact(one.grant_id, one.address or one.grant_id, one.home_workspace_id)

    def _named(self) -> Sequence[tuple[Made, str, str]]:
        found = Found(self.rules.lists, self.rules.rules, self.rules.workspaces, self.webhooks)
        return list(found.named())

    def _armed(self) -> bool:
        names = self.rules.names
        ours = {names.of(one) for one in LISTS.values()} | {names.of(one) for one in RULES.values()}
        there = {name for made, _, name in self._named() if made is not Made.WORKSPACE}
        remembered = any(item.kind in {*LISTS, *RULES, Made.WEBHOOK} for item in self.inventory)
        return remembered or not there.isdisjoint({*ours, names.webhook})

    def _others(self) -> tuple[str, ...]:
        others = {self.rules.names.of_another(name) for _, _, name in self._named()} - {None}
        return tuple(sorted(str(one) for one in others))

    def _twice(self) -> tuple[str, ...]:
        names = self.rules.names
        ours = {names.of(one) for one in LISTS.values()} | {names.of(one) for one in RULES.values()} | {names.webhook}
        counts = Counter((made, name) for made, _, name in self._named() if name in ours or names.home_of(name))
        return tuple(sorted(name for (_, name), number in counts.items() if number > 1))

    def _remembered(self, made: Made) -> bool:
        return any(item.kind == made for item in self.inventory)

    def _lists(self) -> tuple[ListFact, ...]:
        on = self.configured.all_actuators()
        return tuple(
            ListFact(
                name=self.rules.names.of(design),
                there=self.rules.list_of(design.made) is not None,
                remembered=self._remembered(design.made),
                actuators=_words(design.serves & on),
            )
            for rule in rules_for(on)
            for design in lists_for(rule, on)
        )

    def _rules(self) -> tuple[RuleFact, ...]:
        on = self.configured.all_actuators()
        return tuple(
            RuleFact(
                name=self.rules.names.of(design),
                problem=self.rules.problem_of(design, on),
                remembered=self._remembered(design.made),
                actuators=_words(design.serves & on),
                not_referred=tuple(self.rules.names.of(LISTS[made]) for made in self.rules.not_referred(design, on)),
            )
            for design in rules_for(on)
        )

    def _workspace(self, workspace: Workspace) -> WorkspaceFact:
        on = self.rules.actuators_in(workspace, self.configured.actuators_of)
        return WorkspaceFact(
            id=workspace.id,
            name=workspace.name,
            accounts=self._accounts[workspace.id],
            has_policy=workspace.policy_id is not None,
            default=workspace.default,
            quarantine=workspace.id in self._homes,
            detached=tuple(self.rules.names.of(RULES[made]) for made in self.rules.detached(workspace, on)),
            stoppable=not STOPPING.isdisjoint(on),
        )

    def _gone(self) -> dict[str, str]:
        there = {one.id for one in self.rules.workspaces}
        said = dict.fromkeys(self.configured.workspaces, "a workspace with settings of its own")
        said |= dict.fromkeys(self.configured.quarantines, "the quarantine of stopped accounts")
        return {one: what for one, what in sorted(said.items()) if one not in there}

    def _no_room(self, number: str) -> tuple[str, ...]:
        """Return what `breaker setup` would say of plans, where something is missing."""
        need = Need(
            application_id=number,
            names=self.rules.names,
            actuators=self.configured.all_actuators(),
            webhook_url=None,
            secret_known=True,
        )
        found = Found(self.rules.lists, self.rules.rules, self.rules.workspaces, self.webhooks)
        try:
            planned = plan(need, found, self.inventory)
        except SetUpRefusedError:
            return ()
        return tuple(note for note in planned.notes if "no room" in note)

    def _webhook(self, number: str) -> WebhookFact | None:
        """Return Breaker's webhook: as the inventory or its name says, else any that posts to where it should."""
        url = self.configured.webhook_url(number)
        ids = self.rules.fixtures.ids
        tests: Sequence[Callable[[Webhook], bool]] = (
            lambda one: one.id == ids.get(Made.WEBHOOK),
            lambda one: one.description == self.rules.names.webhook,
            lambda one: one.url == url,
            lambda one: url is None and (one.url.endswith((_PATH, f"{_PATH}/{number}"))),
        )
        found = next((one for test in tests for one in self.webhooks if test(one)), None)
        if found is None:
            return None
        missing = tuple(sorted(TRIGGERS - found.triggers))
        return WebhookFact(found.url, found.status, url, missing, found.compressed)


def _words(actuators: Collection[Actuator]) -> tuple[str, ...]:
    return tuple(sorted(actuators))
