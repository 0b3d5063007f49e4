"""Drafts: messages that wait to be sent, kept by grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings
    from breaker.simulator.state.messages import Outgoing

_ERRORS = ErrorFamily.RESOURCE


@dataclass(slots=True)
class Draft:
    """A draft: what is to be sent, and `fields` of the request as they are shown."""

    id: str
    sequence: int
    grant_id: str
    thread_id: str
    fields: Json
    outgoing: Outgoing

    def as_json(self) -> Json:
        """Return it as the platform shows it (SPEC draft)."""
        return {
            **self.fields,
            "id": self.id,
            "grant_id": self.grant_id,
            "object": "draft",
            "thread_id": self.thread_id,
            "folders": ["drafts"],
            "starred": False,
        }


class Drafts:
    """The drafts of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, Draft] = {}

    def of_grant(self, grant_id: str) -> Iterator[Draft]:
        """Return a grant's drafts, the oldest first."""
        return (draft for draft in self._by_id.values() if draft.grant_id == grant_id)

    def create(self, grant_id: str, shown: Json, outgoing: Outgoing) -> Draft:
        """Keep a new draft."""
        identifiers = self._surroundings.identifiers
        draft = Draft(
            identifiers.unique(),
            self._surroundings.next_sequence(),
            grant_id,
            identifiers.unique(),
            shown,
            outgoing,
        )
        self._by_id[draft.id] = draft
        return draft

    def get(self, grant_id: str, draft_id: str) -> Draft:
        """Return a draft of a grant.

        Raises:
            ApiError: Not found.
        """
        draft = self._by_id.get(draft_id)
        if draft is None or draft.grant_id != grant_id:
            raise _ERRORS.not_found("draft")
        return draft

    def remove(self, grant_id: str, draft_id: str) -> None:
        """Remove a draft for good.

        Raises:
            ApiError: Not found.
        """
        del self._by_id[self.get(grant_id, draft_id).id]
