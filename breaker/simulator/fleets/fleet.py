"""A fleet at work: a plan made real in an application."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from breaker.simulator.fleets.agents import Agent, Phase
from breaker.simulator.identifiers import derived

if TYPE_CHECKING:
    from breaker.simulator.application import Application
    from breaker.simulator.fleets.plan import FleetPlan
    from breaker.simulator.mail.world import Mail
    from breaker.simulator.webhooks.delivery import Deliveries


class Fleet:
    """The accounts of a plan, made in an application, each with its agent.

    Args:
        plan: The plan.
        application: Where its workspaces and grants are made.
        seed: What the agents' randomness is drawn from, each agent's by a source of its own.

    Attributes:
        grant_ids: The accounts' grants, in the order of the plan.
        agents: Their agents, in the same order; none before `start`.
        started_at: When it began, in Unix seconds; None before `start`.
    """

    def __init__(self, plan: FleetPlan, application: Application, seed: int) -> None:
        self.plan = plan
        self.application = application
        self._seed = seed
        workspaces = {
            name: application.add_workspace(name).workspace_id
            for name in dict.fromkeys(account.workspace for account in plan.accounts)
        }
        self.grant_ids = [
            application.add_grant(account.address, workspace_id=workspaces[account.workspace]).id
            for account in plan.accounts
        ]
        self.agents: list[Agent] = []
        self.started_at: float | None = None

    def start(self, mail: Mail, deliveries: Deliveries) -> None:
        """Set the agents to work from this moment on, and have befall domains and the feed what the plan says."""
        agenda, now = self.application.surroundings.agenda, self.application.surroundings.clock.now()
        self.started_at = now
        for account, grant_id in zip(self.plan.accounts, self.grant_ids, strict=True):
            phases = tuple(Phase(now + step.after, step.behaviour) for step in account.steps)
            agent = Agent(self.application, grant_id, phases, derived(self._seed, f"agent {account.address}"))
            self.agents.append(agent)
            agent.start()
        for broken in self.plan.broken_authentication:
            agenda.at(now + broken.after, partial(mail.unauthenticated.add, broken.domain))
            agenda.at(now + broken.until, partial(mail.unauthenticated.discard, broken.domain))
        for change in self.plan.feed_changes:
            agenda.at(now + change.after, partial(setattr, deliveries, "feed", change.feed))
