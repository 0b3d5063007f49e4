"""A deliberately naive breaker, to compare with: a fixed rate over 24 hours, whatever the volume, and no way back.

This is the alert that most teams write first. It hears the same notifications at the same moment, and blocks at once by
the platform's own means, so that only its judgement differs.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from breaker.simulator.state.lists import ItemsBody, ListCreation
from breaker.simulator.state.rules import Action, Condition, Match, RuleCreation
from breaker.simulator.state.workspaces import WorkspaceChange

if TYPE_CHECKING:
    from breaker.simulator.application import Application
    from breaker.simulator.webhooks.notifications import Notification

_DAY = 86_400.0
_DELIVERED, _BOUNCED = "message.delivered", "message.bounced"


class NaiveBreaker:
    """Blocks an account as soon as its bounce rate of the last 24 hours reaches a level.

    Args:
        application: The simulated application that it guards; a list and a rule are made in it.
        level: The rate, a fraction.

    Attributes:
        stopped: Grant ids, in the order in which they were blocked.
    """

    def __init__(self, application: Application, level: float = 0.05) -> None:
        self._application = application
        self._level = level
        self._heard: dict[str, deque[tuple[float, bool]]] = {}
        self.stopped: list[str] = []
        self._list_id = application.lists.create(ListCreation(name="naive", type="address")).id
        condition = Condition(field="from.address", operator="in_list", value=[self._list_id])
        rule = application.rules.create(
            RuleCreation(
                name="naive", match=Match(conditions=[condition]), actions=[Action(type="block")], trigger="outbound"
            )
        )
        for workspace in application.workspaces:
            application.workspaces.change(workspace.workspace_id, WorkspaceChange(rule_ids=[rule.id]))

    def hear(self, notification: Notification, now: float) -> None:
        """Take a notification in; a tap of the simulated platform's deliveries."""
        if notification.trigger not in {_DELIVERED, _BOUNCED}:
            return
        grant_id = str(notification.data.get("grant_id", ""))
        heard = self._heard.setdefault(grant_id, deque())
        heard.append((now, notification.trigger == _BOUNCED))
        while heard[0][0] < now - _DAY:
            heard.popleft()
        rate = sum(bad for _, bad in heard) / len(heard)
        if rate >= self._level and grant_id not in self.stopped:
            self.stopped.append(grant_id)
            address = self._application.grants.get(grant_id).email
            self._application.lists.add_items(self._list_id, ItemsBody(items=[address]))
