"""What the lists and rules are like that Breaker makes on the platform, and which actuators need them.

One rule refers to one list or several, and one list to as many accounts as there are: plans allow 5 or 30 rules and 10
or 50 lists, so nothing here grows with the fleet. A further list or rule is a further entry of the tables below; setup,
teardown, rediscovery and copies of workspaces go by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import Actuator
from breaker.ports import Condition, RuleContent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Made(StrEnum):
    """The kinds of things in the inventory.

    An attachment is all of Breaker's rules in one workspace. Of the copies of workspaces, a `WORKSPACE` is for stopped
    accounts, a `PROBE_WORKSPACE` for those that may send a little; a policy is what one of them needs of its own.
    """

    LIST = "list"
    RULE = "rule"
    LIMIT_LIST = "limit_list"
    LIMIT_RULE = "limit_rule"
    DOMAIN_LIST = "domain_list"
    SUPPRESSION_LIST = "suppression_list"
    SUPPRESSION_RULE = "suppression_rule"
    DRILL_RULE = "drill_rule"
    ATTACHMENT = "attachment"
    WORKSPACE = "workspace"
    PROBE_WORKSPACE = "probe_workspace"
    POLICY = "policy"
    WEBHOOK = "webhook"

    @property
    def word(self) -> str:
        """What people call it."""
        return (
            self.removeprefix("limit_")
            .removeprefix("domain_")
            .removeprefix("suppression_")
            .removeprefix("probe_")
            .removeprefix("drill_")
        )


COPIES = (Made.WORKSPACE, Made.PROBE_WORKSPACE)
"""The kinds that are copies of workspaces."""


@dataclass(frozen=True, slots=True)
class ListDesign:
    """A list.

    Args:
        made: What the inventory calls it.
        purpose: What it is for; this stands in its name.
        type: What its values are: `address`, `domain` or `tld`.
        values: The same for people.
        holds: What the accounts in it are held to; None where they are recipients, who are held to nothing.
        freed: What they can do again once it is deleted.
        serves: The actuators that need it.
    """

    made: Made
    purpose: str
    type: str
    values: str
    holds: Wanted | None
    freed: str
    serves: frozenset[Actuator]


@dataclass(frozen=True, slots=True)
class RuleDesign:
    """An outbound rule that refuses.

    Args:
        made: What the inventory calls it.
        purpose: What it does; this stands in its name.
        effect: The same for people, after "which".
        lists: The lists that it refers to, each with the field of a send that is looked up there.
        also: What it asks besides.
        match: Whether `all` conditions must be met, or `any`.
        priority: Which rule goes first, the lowest number.
        serves: The actuators that need it.
    """

    made: Made
    purpose: str
    effect: str
    lists: Mapping[Made, str]
    serves: frozenset[Actuator]
    also: tuple[Condition, ...] = ()
    match: str = "all"
    priority: int = 0

    def content(self, list_ids: Mapping[Made, str]) -> RuleContent:
        """Return the rule's content, safe whether the platform runs rules by workspace or by application.

        Args:
            list_ids: The lists that there are; one that is not needed, and not there, is left out.
        """
        lists = ((field, list_ids[made]) for made, field in self.lists.items() if made in list_ids)
        conditions = (*(Condition(field, "in_list", (number,)) for field, number in lists), *self.also)
        return RuleContent(
            trigger="outbound",
            conditions=conditions,
            actions=("block",),
            match=self.match if len(conditions) > 1 else "all",
            priority=self.priority,
        )

    def is_met_by(self, content: RuleContent, list_ids: Mapping[Made, str]) -> bool:
        """Tell whether a rule on the platform does what this one should.

        The priority is not compared, since the platform may leave a 0 out and each rule refuses by itself; nor is the
        order of the conditions.
        """
        wanted = self.content(list_ids)
        return (
            (content.trigger, content.actions, content.enabled) == (wanted.trigger, wanted.actions, wanted.enabled)
            and frozenset(content.conditions) == frozenset(wanted.conditions)
            and (content.match == wanted.match or len(wanted.conditions) == 1)
        )


_STOPS = frozenset({Actuator.BLOCK, Actuator.QUARANTINE})
_LIMITS = frozenset({Actuator.LIMIT})
_DOMAINS = frozenset({Actuator.BLOCK_DOMAIN})
_SUPPRESSES = frozenset({Actuator.SUPPRESS})

LISTS = {
    Made.LIST: ListDesign(
        made=Made.LIST,
        purpose="stopped accounts",
        type="address",
        values="the addresses of stopped accounts",
        holds=Wanted.STOPPED,
        freed="can send again",
        serves=_STOPS,
    ),
    Made.LIMIT_LIST: ListDesign(
        made=Made.LIMIT_LIST,
        purpose="limited accounts",
        type="address",
        values="the addresses of limited accounts",
        holds=Wanted.LIMITED,
        freed="can begin conversations again",
        serves=_LIMITS,
    ),
    Made.DOMAIN_LIST: ListDesign(
        made=Made.DOMAIN_LIST,
        purpose="stopped domains",
        type="domain",
        values="the sending domains that are stopped as a whole",
        holds=Wanted.STOPPED,
        freed="can send again",
        serves=_DOMAINS,
    ),
    Made.SUPPRESSION_LIST: ListDesign(
        made=Made.SUPPRESSION_LIST,
        purpose="suppressed recipients",
        type="address",
        values="the addresses of recipients that bounced or complained",
        holds=None,
        freed="can be written to again",
        serves=_SUPPRESSES,
    ),
}

RULES = {
    Made.RULE: RuleDesign(
        made=Made.RULE,
        purpose="block stopped accounts",
        effect="refuses what the listed accounts send",
        lists={Made.LIST: "from.address", Made.DOMAIN_LIST: "from.domain"},
        match="any",
        serves=_STOPS | _DOMAINS,
    ),
    Made.LIMIT_RULE: RuleDesign(
        made=Made.LIMIT_RULE,
        purpose="let limited accounts only reply",
        effect="refuses what the listed accounts send and is no reply",
        lists={Made.LIMIT_LIST: "from.address"},
        also=(Condition("outbound.type", "is", ("compose",)),),
        serves=_LIMITS,
        priority=1,
    ),
    Made.SUPPRESSION_RULE: RuleDesign(
        made=Made.SUPPRESSION_RULE,
        purpose="refuse mail to suppressed recipients",
        effect="refuses what anybody sends to the listed recipients",
        lists={Made.SUPPRESSION_LIST: "recipient.address"},
        serves=_SUPPRESSES,
        priority=2,
    ),
}

STANDARD = frozenset(made for made, one in (LISTS | RULES).items() if one.serves != _SUPPRESSES)
"""What an installation has that suppresses nobody."""


def rules_for(actuators: Collection[Actuator]) -> tuple[RuleDesign, ...]:
    """Return the rules that some actuators need."""
    return tuple(rule for rule in RULES.values() if not rule.serves.isdisjoint(actuators))


def lists_for(rule: RuleDesign, actuators: Collection[Actuator]) -> tuple[ListDesign, ...]:
    """Return the lists of a rule that some actuators need."""
    return tuple(LISTS[made] for made in rule.lists if not LISTS[made].serves.isdisjoint(actuators))


def block_rule_content(list_id: str) -> RuleContent:
    """Return the rule that stops."""
    return RULES[Made.RULE].content({Made.LIST: list_id})


def limit_rule_content(list_id: str) -> RuleContent:
    """Return the rule that lets accounts only reply."""
    return RULES[Made.LIMIT_RULE].content({Made.LIMIT_LIST: list_id})
