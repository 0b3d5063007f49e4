"""Where outbound rules hold: the platform's own texts disagree (reference of rules, and the page on workspaces).

It is found out by a rule that is attached nowhere and matches the canary's address alone. If it refuses what the canary
sends, rules hold for the whole application, attached or not; if not, they hold where they are attached. Nobody but the
canary can be refused for it in either reading. What Breaker makes is safe in both.
"""

from __future__ import annotations

from enum import StrEnum

from breaker.domain.drill.sending import Sent


class RuleScope(StrEnum):
    """Where an enabled outbound rule holds."""

    WORKSPACE = "workspace"
    """In the workspaces that name it."""
    APPLICATION = "application"
    """For every account of the application, whether or not a workspace names it."""

    @property
    def says(self) -> str:
        """The same as a sentence."""
        return {
            RuleScope.WORKSPACE: "A rule that is attached nowhere refused nothing: rules hold where they are attached.",
            RuleScope.APPLICATION: "A rule that is attached nowhere refused a send: rules hold for the application.",
        }[self]


def scope_of(under_the_rule: Sent) -> RuleScope | None:
    """Return where rules hold, by what became of a send under a rule that is attached nowhere; None for no answer."""
    if under_the_rule is Sent.REFUSED:
        return RuleScope.APPLICATION
    return RuleScope.WORKSPACE if under_the_rule is Sent.ACCEPTED else None
