"""What the platform itself holds against senders: pauses, restrictions, and rules that cannot be evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RestrictionScope = Literal["sender", "domain", "application", "grant"]


@dataclass(slots=True)
class Standing:
    """The platform's own measures in one application; none of them ends by itself.

    Attributes:
        under_review: Grants whose rates are watched; silent, sending goes on.
        paused: Grants whose sends fail with 400 until support lifts it.
        restrictions: What operations has blocked, by scope and name; sends fail with 403.
        evaluation_fails: Whether rules cannot be evaluated at present, so that sends fail closed with 503.
    """

    under_review: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    restrictions: set[tuple[RestrictionScope, str]] = field(default_factory=set)
    evaluation_fails: bool = False

    def restricted(self, application_id: str, grant_id: str | None, sender: str) -> bool:
        """Tell whether any restriction covers a sender; one of a domain covers its subdomains (the fleet article)."""
        if not self.restrictions:
            return False
        domain = sender.rpartition("@")[2]
        parts = domain.split(".")
        candidates: list[tuple[RestrictionScope, str]] = [
            ("application", application_id),
            ("sender", sender),
            *(("domain", ".".join(parts[index:])) for index in range(len(parts))),
        ]
        if grant_id is not None:
            candidates.append(("grant", grant_id))
        return any(candidate in self.restrictions for candidate in candidates)
