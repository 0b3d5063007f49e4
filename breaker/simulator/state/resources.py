"""Everything that one application has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.simulator.enforcement import Enforcement
from breaker.simulator.state.activity import Activity
from breaker.simulator.state.drafts import Drafts
from breaker.simulator.state.evaluations import Evaluations
from breaker.simulator.state.grants import Grants
from breaker.simulator.state.lists import Lists
from breaker.simulator.state.messages import Messages
from breaker.simulator.state.metrics import Metrics
from breaker.simulator.state.policies import Policies
from breaker.simulator.state.rules import Rules
from breaker.simulator.state.standing import Standing
from breaker.simulator.state.workspaces import Workspaces
from breaker.simulator.webhooks.destinations import Destinations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.simulator.state.activity import Happening
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
        drafts: What waits to be sent.
        messages: What was accepted for sending.
        standing: What the platform itself holds against senders.
        destinations: Where notifications go.
        activity: The send events.
        metrics: The send metrics.
        enforcement: How the platform judges the accounts.
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
        self.drafts = Drafts(surroundings)
        self.messages = Messages()
        self.standing = Standing()
        self.destinations = Destinations(surroundings)
        self.activity = Activity(surroundings)
        self.metrics = Metrics()
        self.enforcement = Enforcement(
            surroundings.application_id,
            self.standing,
            surroundings.options.enforcement,
            surroundings.representative_volume,
        )

    def happened(self, happening: Happening) -> None:
        """Enter something that happened to a message into all books."""
        self.activity.record(happening)
        self.metrics.record(happening)
        self.enforcement.observe(happening, len(self.grants))
