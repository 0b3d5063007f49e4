"""Webhook destinations: where an application's notifications go, with which secret, in which status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from breaker.simulator.errors import ErrorFamily
from breaker.simulator.webhooks.triggers import TRIGGERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings

_ERRORS = ErrorFamily.NOTIFICATION

Status = Literal["active", "pause", "failing", "failed"]


class DestinationCreation(msgspec.Struct):
    """The body that creates a destination."""

    trigger_types: list[str]
    webhook_url: str
    description: str | None = None
    notification_email_addresses: list[str] = msgspec.field(default_factory=list)
    compressed_delivery: bool = False


class DestinationChange(msgspec.Struct):
    """The body that changes a destination: what is omitted or empty stays."""

    trigger_types: list[str] | None = None
    webhook_url: str | None = None
    description: str | None = None
    notification_email_addresses: list[str] | None = None
    compressed_delivery: bool | None = None
    status: Literal["active", "pause"] | None = None


@dataclass(slots=True)
class Destination:
    """One destination; its secret is shown when it is made and when it is rotated, never again."""

    id: str
    application_id: str
    trigger_types: list[str]
    webhook_url: str
    secret: str
    description: str | None
    notification_email_addresses: list[str]
    compressed_delivery: bool
    created_at: int
    updated_at: int
    status_updated_at: int
    status: Status = "active"

    @property
    def receives(self) -> bool:
        """Whether notifications are delivered to it at present; a failing one still gets them."""
        return self.status in {"active", "failing"}

    def as_json(self, *, with_secret: bool = False) -> Json:
        """Return it as the platform shows it; with its secret only on creation and rotation."""
        shown: Json = {
            "id": self.id,
            "trigger_types": list(self.trigger_types),
            "webhook_url": self.webhook_url,
            "status": self.status,
            "notification_email_addresses": list(self.notification_email_addresses),
            "compressed_delivery": self.compressed_delivery,
            "status_updated_at": self.status_updated_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.description is not None:
            shown["description"] = self.description
        if with_secret:
            shown["webhook_secret"] = self.secret
        return shown


class Destinations:
    """The destinations of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, Destination] = {}

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._by_id.values())

    def check(self, trigger_types: list[str], webhook_url: str) -> None:
        """Refuse what cannot be a destination, before its endpoint is asked.

        Raises:
            ApiError: 400, with the reason.
        """
        unknown = [trigger for trigger in trigger_types if trigger not in TRIGGERS]
        if not trigger_types or unknown:
            raise _ERRORS.bad_request(f"trigger_types.invalid : {', '.join(unknown) or 'required'}")
        url = urlsplit(webhook_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise _ERRORS.bad_request("webhook_url.invalid")
        if "ngrok" in url.hostname:
            raise _ERRORS.bad_request("webhook_url.invalid : ngrok is not supported")

    def add(self, body: DestinationCreation) -> Destination:
        """Keep a destination whose endpoint has answered the challenge."""
        now = self._surroundings.now()
        destination = Destination(
            id=self._surroundings.identifiers.destination(),
            application_id=self._surroundings.application_id,
            trigger_types=list(dict.fromkeys(body.trigger_types)),
            webhook_url=body.webhook_url,
            secret=self._surroundings.identifiers.webhook_secret(),
            description=body.description,
            notification_email_addresses=body.notification_email_addresses,
            compressed_delivery=body.compressed_delivery,
            created_at=now,
            updated_at=now,
            status_updated_at=now,
        )
        self._by_id[destination.id] = destination
        return destination

    def get(self, destination_id: str) -> Destination:
        """Return a destination.

        Raises:
            ApiError: 400 `destination.id.not.found`.
        """
        known = self._by_id.get(destination_id)
        if known is None:
            raise _ERRORS.not_found("destination")
        return known

    def change(self, destination_id: str, body: DestinationChange) -> Destination:
        """Change what the body names.

        Raises:
            ApiError: 400 `destination.id.not.found`.
        """
        known = self.get(destination_id)
        known.trigger_types = body.trigger_types or known.trigger_types
        known.webhook_url = body.webhook_url or known.webhook_url
        known.description = body.description or known.description
        known.notification_email_addresses = body.notification_email_addresses or known.notification_email_addresses
        if body.compressed_delivery is not None:
            known.compressed_delivery = body.compressed_delivery
        if body.status is not None:
            self.set_status(known, body.status)
        known.updated_at = self._surroundings.now()
        return known

    def set_status(self, destination: Destination, status: Status) -> None:
        """Put a destination into a status and note when."""
        if destination.status != status:
            destination.status = status
            destination.status_updated_at = self._surroundings.now()

    def rotate_secret(self, destination_id: str) -> Destination:
        """Give a destination a new secret; the old one is dead at once.

        Raises:
            ApiError: 400 `destination.id.not.found`.
        """
        known = self.get(destination_id)
        known.secret = self._surroundings.identifiers.webhook_secret()
        known.updated_at = self._surroundings.now()
        return known

    def remove(self, destination_id: str) -> None:
        """Remove a destination.

        Raises:
            ApiError: 400 `destination.id.not.found`.
        """
        del self._by_id[self.get(destination_id).id]

    def subscribed(self, trigger: str) -> list[Destination]:
        """Return the destinations that get notifications of a trigger at present."""
        return [one for one in self if one.receives and trigger in one.trigger_types]
