"""One thing that is wrong, in one sentence, with what to type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_NAMED = 5


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    """A stop does not stop, is not decided, or lets somebody go."""
    WARNING = "warning"
    """It may come to that, or is not what was meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        kind: A word for programs.
        severity: How bad it is.
        sentence: What is wrong, and what it does.
        fix: What to type, or else to do.
        application_id: The application, or None where it is not known.
    """

    kind: str
    severity: Severity
    sentence: str
    fix: str
    application_id: str | None = None


def api_call(api_url: str, method: str, path: str, body: str) -> str:
    """Return a call of the platform's API as it is typed; the key stays in its variable."""
    headers = '-H "Authorization: Bearer $BREAKER_NYLAS_API_KEY" -H "Content-Type: application/json"'
    return f"curl -X {method} {api_url}{path} {headers} -d '{body}'"


def some_of(names: tuple[str, ...]) -> str:
    """Name the first few of many."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def many(count: int, what: str) -> str:
    """Say a number with its noun."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
