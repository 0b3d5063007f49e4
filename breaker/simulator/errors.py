"""The platform's error answers: one exception, and the wording of each family of endpoints.

The families are as the OpenAPI file has them: grants and workspaces speak of `bad_request`, policies, rules, lists and
mail of `invalid_request_error`, webhooks of numbers in quotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """An answer other than success, with all that its envelope needs.

    Args:
        status: The HTTP status.
        kind: The envelope's `error.type`.
        message: The envelope's `error.message`.
        headers: Headers beside it, such as `Retry-After`.
        provider_error: The envelope's `error.provider_error`, where one is known.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        provider_error: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})
        self.provider_error = provider_error

    def envelope(self, request_id: str) -> dict[str, object]:
        """Return the body of the answer."""
        error: dict[str, object] = {"type": self.kind, "message": self.message}
        if self.provider_error is not None:
            error["provider_error"] = dict(self.provider_error)
        return {"request_id": request_id, "error": error}


@dataclass(frozen=True, slots=True)
class _Wording:
    bad_request: str
    not_found_status: int
    not_found: str
    not_found_message: str
    unauthorized: str
    unauthorized_message: str


class ErrorFamily(Enum):
    """A family of endpoints that words its errors alike."""

    MANAGEMENT = _Wording(
        "bad_request",
        404,
        "{subject}.not_found_error",
        "Resource not found",
        "invalid_request_error",
        "Authentication error",
    )
    """Grants, workspaces, applications and `connect/custom`. The file writes `xyz.not_found_error`."""
    RESOURCE = _Wording(
        "invalid_request_error",
        404,
        "not_found_error",
        "requested object not found",
        "unauthorized",
        "Unauthorized",
    )
    """Policies, rules, lists, rule evaluations, messages and drafts."""
    NOTIFICATION = _Wording(
        "70001",
        400,
        "70000",
        "destination.id.not.found : record not found",
        "unauthorized",
        "Unauthorized",
    )
    """Webhook destinations: what is not found is a 400 here, as the file has no 404 for them."""

    def bad_request(self, message: str) -> ApiError:
        """Return the error for a request that cannot be understood or is not allowed as it stands."""
        return ApiError(400, self.value.bad_request, message)

    def not_found(self, subject: str) -> ApiError:
        """Return the error for a `subject` (grant, workspace, …) that is not there."""
        wording = self.value
        return ApiError(wording.not_found_status, wording.not_found.format(subject=subject), wording.not_found_message)

    def unauthorized(self) -> ApiError:
        """Return the error for a request without a valid API key."""
        return ApiError(401, self.value.unauthorized, self.value.unauthorized_message)
