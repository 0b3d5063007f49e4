"""The platform's policies: the limits of the accounts of a workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAILY_SENDS = "limit_count_daily_email_sent"
"""The limit of what each account may send in a UTC day (OpenAPI, `/v3/policies`)."""

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class PolicyContent:
    """What a policy says.

    Args:
        limits: By the platform's names. As it shows them, all that there are, with the values in force; as it is told,
            those that differ from the plan's maxima.
        besides: What else there is, such as the settings against spam, as the platform has it.
    """

    limits: Mapping[str, object] = field(default_factory=dict)
    besides: Mapping[str, object] = field(default_factory=dict)

    @property
    def daily_sends(self) -> int | None:
        """The messages that an account may send in a UTC day; None for any number, or where nothing is said."""
        limit = self.limits.get(DAILY_SENDS)
        return limit if isinstance(limit, int) and limit != UNLIMITED else None

    def with_daily_sends(self, messages: int) -> PolicyContent:
        """Return the same with another limit of messages a day."""
        return PolicyContent({**self.limits, DAILY_SENDS: messages}, self.besides)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as the platform shows it."""

    id: str
    name: str
    content: PolicyContent


class Policies(Protocol):
    """The policies of one application; every method may raise the four kinds of `PlatformError`."""

    async def all(self) -> Sequence[Policy]:
        """Return all policies."""
        ...

    async def read(self, policy_id: str) -> Policy:
        """Return a policy."""
        ...

    async def create(self, name: str, content: PolicyContent) -> str:
        """Make a policy, and return its id; it is in force nowhere until a workspace has it."""
        ...

    async def change(self, policy_id: str, content: PolicyContent) -> None:
        """Give a policy this content; what is not named stays."""
        ...

    async def rename(self, policy_id: str, name: str) -> None:
        """Give a policy another name."""
        ...

    async def delete(self, policy_id: str) -> None:
        """Delete a policy."""
        ...
