"""Grants: the mailboxes of an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings

AGENT_PROVIDER = "nylas"


@dataclass(slots=True)
class Grant:
    """A mailbox. `workspace_id` is None only after `manual-assign` removed it from its workspace."""

    id: str
    sequence: int
    provider: str
    email: str
    name: str | None
    workspace_id: str | None
    created_at: int
    updated_at: int
    valid: bool = True

    @property
    def domain(self) -> str:
        """The domain of its address."""
        return self.email.rpartition("@")[2]

    def as_json(self) -> Json:
        """Return it as the platform shows it (SPEC GrantObject)."""
        shown: Json = {
            "id": self.id,
            "provider": self.provider,
            "grant_status": "valid" if self.valid else "invalid",
            "email": self.email,
            "scope": [],
            "settings": {"email": self.email},
            "blocked": False,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.name is not None:
            shown["name"] = self.name
        if self.workspace_id is not None:
            shown["workspace_id"] = self.workspace_id
        return shown


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants a client asked for; None means any. Times are Unix seconds, both ends included."""

    email: str | None = None
    provider: str | None = None
    workspace_id: str | None = None
    grant_status: str | None = None
    since: int | None = None
    before: int | None = None

    def admits(self, grant: Grant) -> bool:
        """Tell whether a grant is among those asked for."""
        return (
            (self.email is None or grant.email == self.email.lower())
            and (self.provider is None or grant.provider == self.provider)
            and (self.workspace_id is None or grant.workspace_id == self.workspace_id)
            and (self.grant_status is None or ("valid" if grant.valid else "invalid") == self.grant_status)
            and (self.since is None or grant.created_at >= self.since)
            and (self.before is None or grant.created_at <= self.before)
        )


class Grants:
    """The grants of one application, by id and by address."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, Grant] = {}
        self._by_address: dict[str, Grant] = {}

    def __iter__(self) -> Iterator[Grant]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def connect(self, email: str, *, provider: str, name: str | None, workspace_id: str) -> tuple[Grant, bool]:
        """Return the grant of an address and whether it is new: connecting a known address authenticates it again."""
        address = email.strip().lower()
        now = self._surroundings.now()
        known = self._by_address.get(address)
        if known is not None:
            known.valid, known.updated_at = True, now
            return known, False
        grant = Grant(
            id=self._surroundings.identifiers.unique(),
            sequence=self._surroundings.next_sequence(),
            provider=provider,
            email=address,
            name=name,
            workspace_id=workspace_id,
            created_at=now,
            updated_at=now,
        )
        self._by_id[grant.id] = self._by_address[address] = grant
        return grant, True

    def get(self, grant_id: str, family: ErrorFamily = ErrorFamily.MANAGEMENT) -> Grant:
        """Return a grant by its id.

        Raises:
            ApiError: Not found, worded as `family` does it.
        """
        grant = self._by_id.get(grant_id)
        if grant is None:
            raise family.not_found("grant")
        return grant

    def sender(self, id_or_address: str) -> Grant:
        """Return a grant by its id or address, as the send endpoints take either.

        Raises:
            ApiError: Not found.
        """
        known = self._by_id.get(id_or_address) or self._by_address.get(id_or_address.lower())
        if known is None:
            raise ErrorFamily.RESOURCE.not_found("grant")
        return known

    def by_address(self, address: str) -> Grant | None:
        """Return the grant of an address, if there is one."""
        return self._by_address.get(address.lower())

    def remove(self, grant_id: str) -> Grant:
        """Remove a grant for good; the address may be connected anew, as another grant.

        Raises:
            ApiError: Not found.
        """
        grant = self.get(grant_id)
        del self._by_id[grant.id]
        del self._by_address[grant.email]
        return grant
