"""The platform, as flows ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from breaker.ports.policies import Policies


AGENT_PROVIDER = "nylas"
"""The provider of Agent Accounts; all other grants are of people's own mailboxes, and are never acted upon."""


class Urgency(IntEnum):
    """Whose request goes first where requests wait for their turn; sweeps get at most a quarter of all turns."""

    STOP = 0
    RESET = 1
    SWEEP = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """A mailbox as the platform shows it.

    Args:
        id: Its id.
        address: Its address, lower case, or None where the platform names none.
        provider: `AGENT_PROVIDER` for an Agent Account.
        workspace_id: Where it is, or None where the platform names none.
        valid: Whether it can be used.
    """

    id: str
    address: str | None
    provider: str
    workspace_id: str | None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Workspace:
    """A group of grants that one policy and an array of rules hold for.

    Args:
        id: Its id.
        name: What people call it.
        default: Whether it is the one that grants fall to.
        domain: The domain that belongs to it, or None.
        auto_group: Whether new grants of its domain join it by themselves.
        policy_id: Its policy, or None for the plan's maxima.
        rule_ids: The rules in force in it, in its order.
    """

    id: str
    name: str
    default: bool = False
    domain: str | None = None
    auto_group: bool = False
    policy_id: str | None = None
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueList:
    """A list that rules refer to.

    Args:
        id: Its id.
        name: What people call it.
        type: What its values are: `address`, `domain` or `tld`.
        size: How many there are.
    """

    id: str
    name: str
    type: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class ValuesPage:
    """A page of a list's values.

    Args:
        values: What stands on it; nothing behind the end.
        after: The place behind it, which can be read from later too; None where the platform names none.
    """

    values: tuple[str, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule; the values of `in_list` are ids of lists."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleContent:
    """What a rule does.

    Args:
        trigger: `inbound` or `outbound`.
        conditions: What it matches.
        actions: What is done with what it matches.
        match: Whether `all` conditions must be met, or `any`.
        priority: 0 to 1,000, the lowest first.
        enabled: Whether it is in force where it is attached.
    """

    trigger: str
    conditions: tuple[Condition, ...]
    actions: tuple[str, ...]
    match: str = "all"
    priority: int = 10
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the platform shows it."""

    id: str
    name: str
    content: RuleContent


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The platform's receipt of a send that rules were run against.

    Args:
        id: Its id.
        message_id: The message, or None where it was refused before it had an id.
        evaluated_at: When, Unix seconds.
        stage: `outbound_send` for a send.
        blocked: Whether a rule refused it.
        failed: Whether it was refused since the rules could not be run.
        rule_ids: The rules that matched.
    """

    id: str
    message_id: str | None
    evaluated_at: float
    stage: str
    blocked: bool
    failed: bool
    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the platform sends notifications to.

    Args:
        id: Its id.
        url: The address that they are posted to.
        triggers: Which notifications.
        status: `active`, `pause`, `failing` or `failed`.
        description: What people call it.
        compressed: Whether they are compressed, and signed so.
        secret: What they are signed with; known only in the answer that made or rotated it.
        status_at: Since when it has its status, Unix seconds, or None where the platform does not say.
    """

    id: str
    url: str
    triggers: frozenset[str]
    status: str = "active"
    description: str = ""
    compressed: bool = False
    secret: str | None = field(default=None, repr=False)
    status_at: float | None = None


class Platform(Protocol):
    """One application on the platform.

    Every method may raise the four kinds of `PlatformError`. Every change is idempotent but those that make something.
    """

    def at(self, urgency: Urgency) -> Platform:
        """Return the same platform, asked with this urgency."""
        ...

    def policies(self) -> Policies:
        """Return the policies of the same application, asked with the same urgency."""
        ...

    async def ready(self) -> None:
        """Return when a request of this urgency would be sent at once; none is."""
        ...

    async def application_id(self) -> str:
        """Return the id of the application that the API key belongs to."""
        ...

    async def grant(self, grant_id: str) -> Grant:
        """Return a grant."""
        ...

    def grants(self, *, address: str | None = None, workspace_id: str | None = None) -> AsyncIterator[Grant]:
        """Return the grants with this address, in this workspace, or all, page by page."""
        ...

    async def move_grant(self, grant_id: str, workspace_id: str) -> None:
        """Ask for a grant to be moved into a workspace; nothing else of it is touched."""
        ...

    async def assign_grants(self, workspace_id: str, grant_ids: Collection[str]) -> None:
        """Ask for grants to be moved into a workspace, 500 at most; the platform passes over those it can't move."""
        ...

    async def delivered_within(self, since: float, until: float) -> bool:
        """Tell whether the platform delivered anything of this application between two moments, by its send events."""
        ...

    async def evaluations(self, grant_id: str, limit: int) -> Sequence[Evaluation]:
        """Return the latest receipts of a grant, the newest first, `limit` at most and 200 in any case."""
        ...

    async def workspaces(self) -> Sequence[Workspace]:
        """Return all workspaces."""
        ...

    async def create_workspace(self, name: str, policy_id: str | None, rule_ids: Sequence[str]) -> Workspace:
        """Make a workspace without a domain, which no grant joins by itself."""
        ...

    async def change_workspace(self, workspace: Workspace) -> None:
        """Give a workspace that is not the default one this name, policy and array of rules."""
        ...

    async def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace; its grants fall to the default one."""
        ...

    async def attach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Add rules to a workspace, the others kept; returns once they were read back."""
        ...

    async def detach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Take rules out of a workspace, the others kept; returns once that was read back."""
        ...

    async def lists(self) -> Sequence[ValueList]:
        """Return all lists."""
        ...

    async def create_list(self, name: str, kind: str) -> ValueList:
        """Make an empty list of `address`, `domain` or `tld`."""
        ...

    async def rename_list(self, list_id: str, name: str) -> None:
        """Give a list another name."""
        ...

    async def delete_list(self, list_id: str) -> None:
        """Delete a list with all its values."""
        ...

    def values(self, list_id: str) -> AsyncIterator[str]:
        """Return the values of a list, page by page."""
        ...

    async def page_of_values(self, list_id: str, after: str | None = None) -> ValuesPage:
        """Return one page of a list's values: the first one, or what stands behind a place that a page named."""
        ...

    async def add_values(self, list_id: str, values: Collection[str]) -> None:
        """Add values to a list, 1,000 at most; those that are there are no error."""
        ...

    async def remove_values(self, list_id: str, values: Collection[str]) -> None:
        """Remove values from a list, 1,000 at most; those that are not there are no error."""
        ...

    async def rules(self) -> Sequence[Rule]:
        """Return all rules."""
        ...

    async def create_rule(self, name: str, content: RuleContent) -> Rule:
        """Make a rule; it is in force nowhere until it is attached."""
        ...

    async def change_rule(self, rule: Rule) -> None:
        """Give a rule this name and content."""
        ...

    async def delete_rule(self, rule_id: str) -> None:
        """Delete a rule."""
        ...

    async def webhooks(self) -> Sequence[Webhook]:
        """Return all webhooks, without their secrets."""
        ...

    async def create_webhook(self, url: str, triggers: Collection[str], description: str) -> Webhook:
        """Make a webhook, with its secret in the answer; the URL is asked for the platform's challenge meanwhile."""
        ...

    async def change_webhook(self, webhook: Webhook) -> None:
        """Give a webhook this URL, these triggers and this description, and make it active."""
        ...

    async def rotate_secret(self, webhook_id: str) -> Webhook:
        """Give a webhook a new secret, which is in the answer; the old one is dead at once."""
        ...

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook."""
        ...
