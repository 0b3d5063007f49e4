"""The inventory of what Breaker has made on the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One thing that Breaker made or changed on the platform.

    Args:
        kind: `list`, `rule`, `limit_list`, `limit_rule`, `domain_list`, `attachment` (of rules, to a workspace),
            `workspace` (a copy for stopped accounts), `probe_workspace` (one for accounts that are probed), `policy` or
            `webhook`.
        platform_id: Its id there; of an attachment the workspace's.
        detail: What `teardown` and people need to know of it, such as its name.
        made_at: When, Unix seconds.
    """

    kind: str
    platform_id: str
    detail: Mapping[str, object]
    made_at: float


class Inventory(Protocol):
    """Every change that Breaker made on the platform and has not taken back."""

    async def items(self, application_id: str) -> Sequence[InventoryItem]:
        """Return all, the oldest first."""
        ...

    async def add(self, application_id: str, item: InventoryItem) -> None:
        """Remember a change; the same kind and id again replaces what was known of it."""
        ...

    async def remove(self, application_id: str, kind: str, platform_id: str) -> None:
        """Forget a change that was taken back."""
        ...
