"""Everything that one application has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.simulator.state.evaluations import Evaluations
from breaker.simulator.state.grants import Grants
from breaker.simulator.state.lists import Lists
from breaker.simulator.state.messages import Messages
from breaker.simulator.state.policies import Policies
from breaker.simulator.state.rules import Rules
from breaker.simulator.state.standing import Standing
from breaker.simulator.state.workspaces import Workspaces
from breaker.simulator.webhooks.destinations import Destinations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.simulator.state.base import Surroundings


class Resources:
    """The resources of one application.

    Args:
        surroundings: What every one of them is given.
        domains: Sending domains that are verified from the start.

    Attributes:
        domains: The verified sending domains.
        grants: The mailboxes.
        workspaces: What groups them.
        policies: Limits that workspaces carry.
        rules: Rules that workspaces carry.
        lists: What rules refer to.
        evaluations: Receipts of sends that rules were run against.
        messages: What was accepted for sending.
        standing: What the platform itself holds against senders.
        destinations: Where notifications go.
    """

    def __init__(self, surroundings: Surroundings, domains: Iterable[str]) -> None:
        self.surroundings = surroundings
        self.domains = set(domains)
        self.grants = Grants(surroundings)
        self.policies = Policies(surroundings)
        self.rules = Rules(surroundings)
        self.lists = Lists(surroundings)
        self.workspaces = Workspaces(surroundings, self.policies.__contains__, self.rules.__contains__)
        self.evaluations = Evaluations(surroundings)
        self.messages = Messages()
        self.standing = Standing()
        self.destinations = Destinations(surroundings)
