"""Watch the webhook: what the platform thinks of it, made active again where it was given up, and what was lost.

The platform says nothing when it stops posting, so its list of webhooks is read every minute. One that failed is made
active again, where Breaker may act; one that a person paused is left, and told of. Whatever was not posted meanwhile is
never posted later: the time is remembered, and read from the platform's send events once it is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from breaker.domain.platform.webhook_status import WebhookStatus, lost_since
from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures
from breaker.flows.repair import MOST, SPAN, Outcome
from breaker.ports import Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from breaker.flows.fixtures import Names
    from breaker.flows.repair import Repairs
    from breaker.ports import Clock, FeedRecord, FeedRecords, Inventory, Platform, UnheardTimes, Webhook

_WEBHOOK = "webhook"


class Told(Protocol):
    """Who is told."""

    def status(self, application_id: str, status: WebhookStatus) -> None:
        """So the webhook was found."""
        ...

    def not_active(self, application_id: str, status: WebhookStatus, outcome: Outcome) -> None:
        """It is not active, and this was done about it."""
        ...

    def active_again(self, application_id: str) -> None:
        """It is active again."""
        ...


@dataclass(slots=True, kw_only=True)
class WatchWebhook:
    """Looks at the webhook of one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What Breaker made there.
        url: Where notifications are to be posted to, or None where that is not configured.
        feed: What was heard.
        unheard: Where times in which not all was heard are remembered.
        repairs: How often it was made active again.
        may_act: Tells whether Breaker may act in the application.
        clock: The time.
        told: Who is told.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    url: str | None
    feed: FeedRecords
    unheard: UnheardTimes
    repairs: Repairs
    may_act: Callable[[], Awaitable[bool]]
    clock: Clock
    told: Told
    _told: tuple[WebhookStatus, Outcome] | None = field(init=False, default=None)

    async def __call__(self) -> WebhookStatus | None:
        """Look once; return the status, or None where no webhook was ever made or found.

        Raises:
            PlatformError: The platform could not be read, or the webhook not be made active.
            StoreError: The database can't be used now.
        """
        fixtures = await known_fixtures(self.inventory, self.application_id)
        webhooks = await self.platform.at(Urgency.SWEEP).webhooks()
        webhook = self._ours(webhooks, fixtures.ids.get(Made.WEBHOOK))
        if webhook is None and Made.WEBHOOK not in fixtures.ids:
            return None
        status = WebhookStatus.MISSING if webhook is None else WebhookStatus(webhook.status)
        self.told.status(self.application_id, status)
        if status is not WebhookStatus.ACTIVE:
            await self._not_active(webhook, status)
        elif await self.unheard.end(self.application_id, self.clock.now()):
            self._told = None
            self.told.active_again(self.application_id)
        return status

    def _ours(self, webhooks: Sequence[Webhook], known: str | None) -> Webhook | None:
        """Return Breaker's webhook: as the inventory says, else its name, else where it posts to."""
        tests: Sequence[Callable[[Webhook], bool]] = (
            lambda one: one.id == known,
            lambda one: one.description == self.names.webhook,
            lambda one: one.url == self.url,
        )
        return next((one for test in tests for one in webhooks if test(one)), None)

    async def _not_active(self, webhook: Webhook | None, status: WebhookStatus) -> None:
        now = self.clock.now()
        status_at = webhook.status_at if webhook else None
        begins_at = lost_since(status, status_at, await self._heard_at(now), now)
        await self.unheard.begin(self.application_id, begins_at, now)
        outcome = Outcome.REPORTED
        if webhook is not None and status is WebhookStatus.FAILED and await self.may_act():
            done = await self.repairs.since(self.application_id, _WEBHOOK, now - SPAN)
            outcome = Outcome.REPAIRED if done < MOST else Outcome.YIELDED
        if webhook is not None and outcome is Outcome.REPAIRED:
            await self.repairs.add(self.application_id, f"webhook_{status}", _WEBHOOK, now)
            await self.platform.at(Urgency.RESET).change_webhook(webhook)
        if outcome is Outcome.REPAIRED or self._told != (status, outcome):
            self._told = status, outcome
            self.told.not_active(self.application_id, status, outcome)

    async def _heard_at(self, now: float) -> float | None:
        record: FeedRecord | None = (await self.feed.read(now)).get(self.application_id)
        return max(record.last_at.values(), default=None) if record else None
