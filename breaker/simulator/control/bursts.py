"""Bursts: an account sends a number of messages at once, and what becomes of each is chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec

from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.state.messages import Outgoing
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import Family, Notification

if TYPE_CHECKING:
    import random

    from breaker.simulator.application import Application
    from breaker.simulator.state.messages import Message

Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BurstOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        grant_id: The sending account; its id or address.
        sends: How many messages, one recipient each.
        hard_bounces: How many of them go to addresses that do not exist.
        soft_bounces: How many meet a full mailbox.
        policy_bounces: How many are refused for failed authentication.
        complaints: How many are delivered and then marked as spam.
        rejected: How many carry a virus.
        silent: How many have no outcome at all.
        transactional_share: Which share of the outcomes is reported as `message.transactional.*`, without a grant.
        recipient_domain: Where the recipients are.
        reply: Whether the messages are answers.
        over: Over how many seconds of the simulation's time the sends are spread; 0 for all at once.
    """

    grant_id: str
    sends: Count
    hard_bounces: Count = 0
    soft_bounces: Count = 0
    policy_bounces: Count = 0
    complaints: Count = 0
    rejected: Count = 0
    silent: Count = 0
    transactional_share: Share = 0.0
    recipient_domain: str = "recipients.example.org"
    reply: bool = False
    over: Annotated[float, msgspec.Meta(ge=0)] = 0.0


@dataclass(slots=True)
class Burst:
    """What came of an order.

    Attributes:
        number: By which it can be repeated.
        accepted: How many sends the platform took.
        refused: The others, by status and text.
        outcomes: What was reported, by kind.
        notifications: Exactly what was announced.
    """

    number: int
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    notifications: list[Notification] = field(default_factory=list)


class Bursts:
    """Makes bursts and remembers them, so that one can be repeated byte by byte.

    Args:
        source: Randomness of the order of outcomes.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._made: list[Burst] = []

    def get(self, number: int) -> Burst:
        """Return a burst by its number.

        Raises:
            ApiError: Not found.
        """
        if not 1 <= number <= len(self._made):
            raise ErrorFamily.RESOURCE.not_found("burst")
        return self._made[number - 1]

    def make(self, application: Application, order: BurstOrder) -> Burst:
        """Send, and report what becomes of it, through the platform's own send path and feed.

        Raises:
            ApiError: 400, if more outcomes than sends are asked for; not found, for an unknown account.
        """
        burst = Burst(len(self._made) + 1)
        application.grants.sender(order.grant_id)
        outcomes = self._outcomes(order)
        self._made.append(burst)
        agenda, now = application.surroundings.agenda, application.surroundings.clock.now()
        for index, outcome in enumerate(outcomes):
            send = partial(self._send, application, order, burst, index, outcome)
            if order.over:
                agenda.at(now + order.over * index / len(outcomes), send)
            else:
                send()
        return burst

    def _send(self, application: Application, order: BurstOrder, burst: Burst, index: int, outcome: str) -> None:
        recipient = f"recipient-{burst.number}-{index}@{order.recipient_domain}"
        try:
            outgoing = Outgoing(to=(recipient,), subject="Hello", in_reply=order.reply)
            message = application.send_fated(order.grant_id, outgoing)
        except ApiError as error:
            burst.refused[f"{error.status} {error.message}"] += 1
            return
        burst.accepted += 1
        burst.outcomes[outcome] += 1
        transactional = self._source.random() < order.transactional_share
        self._report(application, burst, message, outcome, Family.TRANSACTIONAL if transactional else Family.AGENT)

    def _outcomes(self, order: BurstOrder) -> list[str]:
        counts = {
            "hard_bounce": order.hard_bounces,
            "soft_bounce": order.soft_bounces,
            "policy_bounce": order.policy_bounces,
            "complaint": order.complaints,
            "rejected": order.rejected,
            "silent": order.silent,
        }
        chosen = [outcome for outcome, count in counts.items() for _ in range(count)]
        if len(chosen) > order.sends:
            raise ErrorFamily.RESOURCE.bad_request(
                f"{len(chosen)} outcomes were asked for but only {order.sends} sends"
            )
        chosen += ["delivered"] * (order.sends - len(chosen))
        self._source.shuffle(chosen)
        return chosen

    def _report(self, application: Application, burst: Burst, message: Message, outcome: str, family: Family) -> None:
        now, recipients = application.surroundings.now(), message.recipients
        reports = {
            "delivered": [notifications.delivered(recipients, now)],
            "hard_bounce": [
                notifications.bounced(recipients, now, "General", "smtp; 550 5.1.1 user unknown"),
            ],
            "soft_bounce": [notifications.bounced(recipients, now, "MailboxFull", "smtp; 452 4.2.2 mailbox full")],
            "policy_bounce": [
                notifications.bounced(recipients, now, "General", "smtp; 550 5.7.26 this message lacks authentication"),
            ],
            "complaint": [
                notifications.delivered(recipients, now),
                notifications.complaint(recipients, now, "abuse"),
            ],
            "rejected": [notifications.rejected(recipients, now)],
            "silent": [],
        }
        burst.notifications += [application.report(message, report, family) for report in reports[outcome]]
