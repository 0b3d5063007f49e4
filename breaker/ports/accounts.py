"""Accounts and sending domains, as the store names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from breaker.domain.outcomes.identity import enforceable


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a message, as an event names it.

    Args:
        application_id: The platform's id of the application.
        grant_id: The grant, or None where the event names none.
        address: The address in From, lower case, or None.
    """

    application_id: str
    grant_id: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is known: who it is and where it belongs.

    Args:
        key: Breaker's own number of the account.
        application_id: The platform's id of the application.
        grant_id: The grant, or None where the account is known by its address alone and can't be stopped there.
        address: The mailbox's address, or None where it is not known yet.
        workspace_id: The workspace it was last seen in, or None where it was never looked up.
        home_workspace_id: The workspace it belongs to while it is in quarantine, or probed elsewhere, else None.
        provider: Who hosts its mailbox, or None where that is not known or was not asked for; the platform's rules hold
            for its own, the Agent Accounts, alone.
    """

    key: int
    application_id: str
    grant_id: str | None
    address: str | None
    workspace_id: str | None = None
    home_workspace_id: str | None = None
    provider: str | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """What people and programs call it: the grant, else the address."""
        return self.grant_id or self.address or str(self.key)

    @property
    def domain(self) -> str:
        """The sending domain, empty where the address is not known."""
        return (self.address or "").rpartition("@")[2]

    @property
    def home(self) -> str | None:
        """The workspace that it belongs to, wherever it is now."""
        return self.home_workspace_id or self.workspace_id

    @property
    def is_away(self) -> bool:
        """Whether it is not at home, or on its way from there."""
        return self.home_workspace_id is not None

    @property
    def enforceable(self) -> bool:
        """Whether it can be stopped on the platform."""
        return enforceable(self.grant_id, self.provider)

    def is_of(self, sender: Sender) -> bool:
        """Tell whether it is the account that a sender was looked up as; a number alone may be another's by now."""
        if self.application_id != sender.application_id:
            return False
        return self.grant_id == sender.grant_id if sender.grant_id else self.address == sender.address


class SendingDomain(NamedTuple):
    """A sending domain in an application.

    Args:
        application_id: The platform's id of the application.
        name: The domain in From, lower case.
    """

    application_id: str
    name: str

    @property
    def id(self) -> str:
        """What people and programs call it, as a selector and in verdicts."""
        return f"domain:{self.name}"
