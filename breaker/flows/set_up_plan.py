"""The plan of a set-up: what Breaker needs on the platform against what is there.

Everything is looked for by the installation's name before it is planned to be made, so that a second run changes
nothing, a run that broke off is gone on with, and an empty database takes over what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.flows.designs import LISTS, RULES, Made, lists_for, rules_for
from breaker.flows.fixtures import Fixtures, copied_as, made_as

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from breaker.domain.platform.commands import Actuator
    from breaker.flows.designs import ListDesign, RuleDesign
    from breaker.flows.fixtures import Names
    from breaker.ports import InventoryItem, Platform, Policy, Rule, ValueList, Webhook, Workspace

_DELIVERY = ("delivered", "bounced", "complaint", "rejected")

TRIGGERS = frozenset(
    [
        *(f"message.{outcome}" for outcome in _DELIVERY),
        *(f"message.transactional.{outcome}" for outcome in _DELIVERY),
        "message.send_success",
        "message.send_failed",
        "message.bounce_detected",
        "grant.created",
        "grant.updated",
        "grant.deleted",
        "grant.expired",
        "alert.triggered",
    ]
)
"""The notifications that Breaker hears: both families of delivery events, and what tells of accounts."""

RULES_OF_PLANS = (5, 30)
LISTS_OF_PLANS = (10, 50)
"""What the platform's plans allow, the free one first (its documentation, "Agent Account usage limits")."""


class SetUpRefusedError(Exception):
    """Nothing more can be done before a person decides; the sentence says what."""


class StepKind(StrEnum):
    """What a step does."""

    FORGET = "forget"
    REMEMBER = "remember"
    TAKE_OVER = "take_over"
    MAKE_LIST = "make_list"
    MAKE_RULE = "make_rule"
    MEND_RULE = "mend_rule"
    ATTACH = "attach"
    MAKE_WEBHOOK = "make_webhook"
    CHANGE_WEBHOOK = "change_webhook"
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 - the name of a step


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan.

    Args:
        kind: What it does.
        sentence: The same for people.
        made: Which kind of thing it is about.
        platform_id: The thing's id, empty where it is yet to be made.
        name: What the thing is called, or will be.
    """

    kind: StepKind
    sentence: str
    made: Made
    platform_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be there.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        actuators: The ways to stop that are on anywhere in it: lists and rules are made for these.
        webhook_url: Where notifications are to be posted to; None where no webhook is to be made.
        secret_known: Whether a webhook secret is known here.
        take_over: Whether another installation's things are made this one's.
    """

    application_id: str
    names: Names
    actuators: Collection[Actuator]
    webhook_url: str | None
    secret_known: bool
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done.

    Args:
        steps: In this order; none where all is as it should be.
        notes: What people should know beside them.
    """

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The platform as it is."""

    lists: Sequence[ValueList]
    rules: Sequence[Rule]
    workspaces: Sequence[Workspace]
    webhooks: Sequence[Webhook]
    policies: Sequence[Policy] = ()

    @classmethod
    async def on(cls, platform: Platform) -> Found:
        """Read it.

        Raises:
            PlatformError: It could not be read.
        """
        return cls(
            await platform.lists(),
            await platform.rules(),
            await platform.workspaces(),
            await platform.webhooks(),
            await platform.policies().all(),
        )

    def named(self) -> Iterator[tuple[Made, str, str]]:
        """Return everything that can carry a name of Breaker's: what it is, its id, its name."""
        for one in self.lists:
            if list_made := made_as(LISTS, one.name):
                yield list_made, one.id, one.name
        for rule in self.rules:
            if rule_made := made_as(RULES, rule.name):
                yield rule_made, rule.id, rule.name
        for workspace in self.workspaces:
            yield copied_as(workspace.name) or Made.WORKSPACE, workspace.id, workspace.name
        for policy in self.policies:
            yield Made.POLICY, policy.id, policy.name
        for webhook in self.webhooks:
            yield Made.WEBHOOK, webhook.id, webhook.description

    def has(self, made: Made, platform_id: str) -> bool:
        """Tell whether something of the inventory is still there, whatever it is called by now."""
        if made in LISTS:
            return any(one.id == platform_id for one in self.lists)
        if made in RULES:
            return any(one.id == platform_id for one in self.rules)
        if made is Made.WEBHOOK:
            return any(one.id == platform_id for one in self.webhooks)
        if made is Made.POLICY:
            return any(one.id == platform_id for one in self.policies)
        return any(one.id == platform_id for one in self.workspaces)


def plan(need: Need, found: Found, inventory: Sequence[InventoryItem]) -> Plan:
    """Say what has to be done so that everything needed is there.

    Raises:
        SetUpRefusedError: A person has to decide first.
    """
    return _Planning(need, found, inventory).plan()


class _Planning:
    def __init__(self, need: Need, found: Found, inventory: Sequence[InventoryItem]) -> None:
        self._need = need
        self._found = found
        self._items = {(item.kind, item.platform_id): item for item in inventory}
        self._known = Fixtures.of([item for item in inventory if self._is_there(item)])
        self._steps: list[Step] = []
        self._notes: list[str] = []
        self._theirs: dict[str, tuple[str, str]] = {}

    def plan(self) -> Plan:
        self._take_over_or_refuse()
        for item in self._items.values():
            if not self._is_there(item):
                made = Made(item.kind)
                sentence = f"forget the {made.word} {item.platform_id}, which is not there any more"
                self._add(StepKind.FORGET, sentence, made, item.platform_id)
        rules = rules_for(self._need.actuators)
        rule_ids = {rule.made: self._plan_rule(rule) for rule in rules}
        self._note_room("list", StepKind.MAKE_LIST, len(self._found.lists), LISTS_OF_PLANS)
        self._note_room("rule", StepKind.MAKE_RULE, len(self._found.rules), RULES_OF_PLANS)
        if rules:
            self._plan_attachments(rule_ids)
        for policy in self._found.policies:
            if self._need.names.is_policy(policy.name) and policy.name not in self._known.policies:
                sentence = f"remember the policy {policy.name!r}, which is there already"
                self._add(StepKind.REMEMBER, sentence, Made.POLICY, policy.id, policy.name)
        self._plan_webhook()
        return Plan(tuple(self._steps), tuple(self._notes))

    def _is_there(self, item: InventoryItem) -> bool:
        return self._found.has(Made(item.kind), item.platform_id)

    def _add(self, kind: StepKind, sentence: str, made: Made, platform_id: str = "", name: str = "") -> None:
        self._steps.append(Step(kind, sentence, made, platform_id, name))

    def _take_over_or_refuse(self) -> None:
        names = self._need.names
        theirs = [(made, number, name) for made, number, name in self._found.named() if names.of_another(name)]
        if not theirs:
            return
        others = ", ".join(sorted({str(names.of_another(name)) for _, _, name in theirs}))
        if not self._need.take_over:
            raise SetUpRefusedError(
                f"this application has things of another installation of Breaker ({others}), and two would undo each "
                f"other's work. To go on as that one, set BREAKER_INSTALLATION to its name; if it is gone for good, "
                f"run `breaker setup --take-over`"
            )
        ours = {(made, name) for made, _, name in self._found.named()}
        for made, number, name in theirs:
            mine = names.taken_over(name)
            if (made, mine) in ours:
                raise SetUpRefusedError(
                    f"this installation and another ({others}) both have a {made.word} for the same purpose: run "
                    f"`breaker teardown` with BREAKER_INSTALLATION set to the one that is to go, then `breaker setup` "
                    f"again"
                )
            self._add(
                StepKind.TAKE_OVER, f"take over the {made.word} {name!r} and call it {mine!r}", made, number, mine
            )
            ours.add((made, mine))
            self._theirs[mine] = (made, number)

    def _find(self, made: Made, known: str | None, name: str) -> str | None:
        """Return the id of what is needed, and plan to remember it where only the platform knows it."""
        if known is not None:
            return known
        if name in self._theirs:
            return self._theirs[name][1]
        number = next((one for kind, one, called in self._found.named() if (kind, called) == (made, name)), None)
        if number is not None:
            self._add(
                StepKind.REMEMBER, f"remember the {made.word} {name!r}, which is there already", made, number, name
            )
        return number

    def _plan_list(self, design: ListDesign) -> str | None:
        name = self._need.names.of(design)
        number = self._find(design.made, self._known.ids.get(design.made), name)
        if number is None:
            self._add(StepKind.MAKE_LIST, f"make the list {name!r} for {design.values}", design.made, "", name)
        return number

    def _plan_rule(self, design: RuleDesign) -> str | None:
        """Plan a rule with its lists; return its id, or None where it is yet to be made."""
        needed = {one.made: self._plan_list(one) for one in lists_for(design, self._need.actuators)}
        name = self._need.names.of(design)
        number = self._find(design.made, self._known.ids.get(design.made), name)
        if number is None:
            self._add(
                StepKind.MAKE_RULE, f"make the outbound rule {name!r}, which {design.effect}", design.made, "", name
            )
            return None
        rule = next(one for one in self._found.rules if one.id == number)
        there = {**self._known.ids, **{made: one for made, one in needed.items() if one is not None}}
        if None in needed.values() or not design.is_met_by(rule.content, there):
            sentence = f"mend the rule {name!r}: enabled, outbound, for the listed accounts, blocking"
            self._add(StepKind.MEND_RULE, sentence, design.made, number, name)
        return number

    def _plan_attachments(self, rule_ids: Mapping[Made, str | None]) -> None:
        for workspace in self._found.workspaces:
            copied = self._need.names.copied(workspace.name)
            copy = workspace.id in self._known.copies or copied is not None
            if copied is not None and workspace.id not in self._known.copies:
                sentence = f"remember the workspace {workspace.name!r}, a copy that is there already"
                self._add(StepKind.REMEMBER, sentence, copied[0], workspace.id, workspace.name)
            missing = [made for made, number in rule_ids.items() if number not in workspace.rule_ids]
            if missing:
                rules = "the rules" if len(missing) > 1 else f"the rule {self._need.names.of(RULES[missing[0]])!r}"
                others = len(workspace.rule_ids)
                kept = f", beside the {others} that it has" if others else ""
                sentence = f"attach {rules} to the workspace {workspace.name!r}{kept}"
                self._add(StepKind.ATTACH, sentence, Made.ATTACHMENT, workspace.id, workspace.name)
            elif not copy and workspace.id not in self._known.attached:
                sentence = f"remember that Breaker's rules are attached to the workspace {workspace.name!r}"
                self._add(StepKind.REMEMBER, sentence, Made.ATTACHMENT, workspace.id, workspace.name)

    def _plan_webhook(self) -> None:
        url, name = self._need.webhook_url, self._need.names.webhook
        number = self._find(Made.WEBHOOK, self._known.ids.get(Made.WEBHOOK), name)
        if url is None:
            if number is None and not self._need.secret_known:
                raise SetUpRefusedError(
                    "the platform has to be told where to send notifications: set BREAKER_PUBLIC_URL to the address "
                    "under which it reaches this daemon's webhook listener"
                )
            return
        if number is None:
            self._add(StepKind.MAKE_WEBHOOK, f"make a webhook that posts to {url}", Made.WEBHOOK, "", name)
        else:
            webhook = next(one for one in self._found.webhooks if one.id == number)
            if (webhook.url, webhook.triggers) != (url, TRIGGERS) or webhook.status in {"pause", "failed"}:
                sentence = f"change the webhook: post all that Breaker hears to {url}, and be active"
                self._add(StepKind.CHANGE_WEBHOOK, sentence, Made.WEBHOOK, number, name)
            if not self._need.secret_known:
                sentence = "rotate the webhook's secret, since it is not known here; the old one is dead at once"
                self._add(StepKind.ROTATE_SECRET, sentence, Made.WEBHOOK, number, name)
        if any(one.url == url and one.id != number and one.description != name for one in self._found.webhooks):
            self._notes.append(
                "another webhook, not Breaker's, posts to the same address: what it brings is counted once all the same"
            )

    def _note_room(self, what: str, making: StepKind, count: int, plans: tuple[int, int]) -> None:
        needed = sum(step.kind is making for step in self._steps)
        free, full = plans
        if needed and (any(count <= plan < count + needed for plan in plans) or count + needed > max(plans)):
            self._notes.append(
                f"there are {count} {what}s already, {needed} more {'are' if needed > 1 else 'is'} needed, and plans "
                f"allow {free} or {full}: there may be no room"
            )
