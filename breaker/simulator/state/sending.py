"""The send path: what a message passes before it leaves, in the platform's order.

Restriction by operations (403), the sender's domain (400), the daily quota (429), outbound rules (403, or 503 when they
cannot be evaluated), and last the transport, which is what refuses a paused account (400 "from the underlying
infrastructure"). The order of the first three is not published; that rules run before the transport is (SPEC).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.state.activity import Happening
from breaker.simulator.state.messages import Message, Outgoing
from breaker.simulator.state.outbound import FAILED_CLOSED, Decision, OutboundInput
from breaker.simulator.state.rule_engine import decide
from breaker.simulator.state.send_queue import SendQueue

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant
    from breaker.simulator.state.resources import Resources

_ERRORS = ErrorFamily.RESOURCE
_DAY = 86_400
#: SKILL, agent accounts.
MAXIMUM_RECIPIENTS = 50


class SendPath:
    """Takes messages of one application, or says why not.

    Args:
        resources: What the application has.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._surroundings = resources.surroundings
        self._sent_today: Counter[tuple[str, int]] = Counter()
        self._queue = SendQueue(resources.surroundings.options.plan.sends_per_second)

    def send(self, grant: Grant, outgoing: Outgoing, *, queued: bool = True) -> Message:
        """Accept a message of an account, into the queue unless it is to leave at once.

        Raises:
            ApiError: With the status and text of what refused it.
        """
        self._check_sender(grant.id, grant.email, outgoing)
        workspace = self._resources.workspaces.find(grant.workspace_id)
        day = (grant.id, self._surroundings.now() // _DAY)
        quota = self._resources.policies.daily_sends(workspace.policy_id if workspace is not None else None)
        if quota is not None and self._sent_today[day] >= quota:
            raise ApiError(429, "rate_limit_error", "rate limit exceeded")
        outbound = OutboundInput(grant.email, outgoing.recipients, outgoing.outbound_type)
        decision = decide(
            self._surroundings.options.rule_scope, self._resources.rules, workspace, self._resources.lists, outbound
        )
        self._enforce(grant, outbound, decision)
        if grant.id in self._resources.standing.paused:
            raise _ERRORS.bad_request(self._surroundings.options.pause_message)
        message = self._accept(grant.id, grant.email, outgoing, queued=queued)
        if decision.ran:
            self._resources.evaluations.record(grant.id, message.id, outbound, decision)
        self._sent_today[day] += 1
        return message

    def send_from_domain(self, sender: str, outgoing: Outgoing) -> Message:
        """Accept a transactional send: no grant, no rules.

        Raises:
            ApiError: With the status and text of what refused it.
        """
        self._check_sender(None, sender, outgoing)
        return self._accept(None, sender, outgoing)

    def _check_sender(self, grant_id: str | None, sender: str, outgoing: Outgoing) -> None:
        if not outgoing.recipients or not all("@" in address for address in outgoing.recipients):
            raise _ERRORS.bad_request("to is required and must contain valid email addresses")
        if len(outgoing.recipients) > MAXIMUM_RECIPIENTS:
            raise _ERRORS.bad_request(f"a message cannot have more than {MAXIMUM_RECIPIENTS} recipients")
        if self._resources.standing.restricted(self._surroundings.application_id, grant_id, sender):
            raise ApiError(403, "forbidden", "send blocked by abuse restriction")
        if sender.rpartition("@")[2] not in self._resources.domains:
            raise _ERRORS.bad_request("domain is not verified")

    def _enforce(self, grant: Grant, outbound: OutboundInput, decision: Decision) -> None:
        if decision.ran and self._resources.standing.evaluation_fails:
            self._resources.evaluations.record(grant.id, None, outbound, FAILED_CLOSED, failed=True)
            raise ApiError(503, "service_unavailable", "outbound rules could not be evaluated, please try again")
        if decision.blocked:
            self._resources.evaluations.record(grant.id, None, outbound, decision)
            raise ApiError(403, "forbidden", self._surroundings.options.rule_block_message)

    def _accept(self, grant_id: str | None, sender: str, outgoing: Outgoing, *, queued: bool = True) -> Message:
        identifiers = self._surroundings.identifiers
        message = Message(
            id=identifiers.unique(),
            grant_id=grant_id,
            sender=sender,
            header_id=identifiers.message_header(sender.rpartition("@")[2]),
            thread_id=outgoing.reply_to_message_id or identifiers.unique(),
            sent_at=self._departure(outgoing, queued=queued),
            outgoing=outgoing,
        )
        self._resources.messages.add(message)
        self._resources.happened(Happening("accepted", self._surroundings.now(), message, message.recipients))
        return message

    def _departure(self, outgoing: Outgoing, *, queued: bool) -> int:
        now = self._surroundings.now()
        if outgoing.send_at is not None and outgoing.send_at > now:
            return outgoing.send_at
        return int(self._queue.departure(now)) if queued and self._surroundings.options.send_queue else now
