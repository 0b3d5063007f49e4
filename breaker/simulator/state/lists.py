"""Lists: typed collections of addresses, domains or top-level domains that rules refer to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings

_ERRORS = ErrorFamily.RESOURCE
MAXIMUM_ITEMS = 1000
MAXIMUM_ITEM_LENGTH = 500

ListType = Literal["domain", "tld", "address"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class ListCreation(msgspec.Struct):
    """The body that creates a list."""

    name: Name
    type: ListType
    description: str | None = None


class ListChange(msgspec.Struct):
    """The body that changes a list; its type cannot be changed."""

    name: Name | None = None
    description: str | None = None
    type: str | None = None


class ItemsBody(msgspec.Struct):
    """The body that adds or removes items."""

    items: list[str]


@dataclass(slots=True)
class ListItem:
    """One value of a list, lowercased and trimmed."""

    id: str
    sequence: int
    list_id: str
    value: str
    created_at: int

    def as_json(self) -> Json:
        """Return it as the platform shows it (SPEC ListItemObject)."""
        return {"id": self.id, "list_id": self.list_id, "value": self.value, "created_at": self.created_at}


@dataclass(slots=True)
class ValueList:
    """A list with its items by value."""

    id: str
    sequence: int
    name: str
    type: ListType
    description: str | None
    created_at: int
    updated_at: int
    items: dict[str, ListItem] = field(default_factory=dict)


class Lists:
    """The lists of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, ValueList] = {}

    def __iter__(self) -> Iterator[ValueList]:
        return iter(self._by_id.values())

    def create(self, body: ListCreation) -> ValueList:
        """Create an empty list.

        Raises:
            ApiError: 400, if the plan has no room for another one.
        """
        limit = self._surroundings.options.plan.lists
        if len(self._by_id) >= limit:
            raise _ERRORS.bad_request(f"list limit reached: the plan allows {limit} lists")
        now = self._surroundings.now()
        created = ValueList(
            self._surroundings.identifiers.unique(),
            self._surroundings.next_sequence(),
            body.name,
            body.type,
            body.description,
            now,
            now,
        )
        self._by_id[created.id] = created
        return created

    def get(self, list_id: str) -> ValueList:
        """Return a list.

        Raises:
            ApiError: Not found.
        """
        known = self._by_id.get(list_id)
        if known is None:
            raise _ERRORS.not_found("list")
        return known

    def change(self, list_id: str, body: ListChange) -> ValueList:
        """Change a list's name or description.

        Raises:
            ApiError: 400 for another type, or not found.
        """
        known = self.get(list_id)
        if body.type is not None and body.type != known.type:
            raise _ERRORS.bad_request("type cannot be changed")
        known.name = body.name or known.name
        known.description = body.description if body.description is not None else known.description
        known.updated_at = self._surroundings.now()
        return known

    def remove(self, list_id: str) -> None:
        """Remove a list with its items; rules that refer to it match its values no longer.

        Raises:
            ApiError: Not found.
        """
        del self._by_id[self.get(list_id).id]

    def add_items(self, list_id: str, body: ItemsBody) -> ValueList:
        """Add values, lowercased and trimmed; those that are there already are ignored.

        Raises:
            ApiError: 400 for too many, too long or ill-fitting values, with nothing added; or not found.
        """
        known = self.get(list_id)
        values = [_checked(value, known.type) for value in _bounded(body.items)]
        now = self._surroundings.now()
        for value in values:
            if value not in known.items:
                known.items[value] = ListItem(
                    self._surroundings.identifiers.unique(), self._surroundings.next_sequence(), known.id, value, now
                )
        known.updated_at = now
        return known

    def remove_items(self, list_id: str, body: ItemsBody) -> ValueList:
        """Remove values; those that are not there are ignored.

        Raises:
            ApiError: 400 for too many values, or not found.
        """
        known = self.get(list_id)
        for value in _bounded(body.items):
            known.items.pop(value.strip().lower(), None)
        known.updated_at = self._surroundings.now()
        return known

    def holds(self, list_id: str, list_type: str, value: str) -> bool:
        """Tell whether a list of this type has this value; a list that is gone or of another type has none."""
        known = self._by_id.get(list_id)
        return known is not None and known.type == list_type and value in known.items

    def as_json(self, known: ValueList) -> Json:
        """Return a list as the platform shows it (SPEC ListObject)."""
        shown: Json = {
            "id": known.id,
            "name": known.name,
            "type": known.type,
            "items_count": len(known.items),
            "application_id": self._surroundings.application_id,
            "organization_id": self._surroundings.organization_id,
            "created_at": known.created_at,
            "updated_at": known.updated_at,
        }
        if known.description is not None:
            shown["description"] = known.description
        return shown


def _bounded(items: list[str]) -> list[str]:
    if len(items) > MAXIMUM_ITEMS:
        raise _ERRORS.bad_request(f"items cannot contain more than {MAXIMUM_ITEMS} values")
    return items


def _checked(value: str, list_type: ListType) -> str:
    normalized = value.strip().lower()
    if len(normalized) > MAXIMUM_ITEM_LENGTH:
        raise _ERRORS.bad_request(f"an item cannot be longer than {MAXIMUM_ITEM_LENGTH} characters")
    name, at, domain = normalized.rpartition("@")
    fits = {
        "address": bool(name and at and "." in domain),
        "domain": not at and "." in normalized.strip("."),
        "tld": bool(normalized) and not at and "." not in normalized.lstrip("."),
    }
    if not fits[list_type]:
        raise _ERRORS.bad_request(f"an item is not a valid {list_type}")
    return normalized
