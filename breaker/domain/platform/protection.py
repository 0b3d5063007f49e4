"""Whether a stop would stop: what each account has to have around it on the platform, and what is missing.

A rule stops only where its workspace names it, where it is enabled, and where it refers to the list that Breaker writes
to. The platform's own texts disagree on whether an unattached rule is run; it is not relied on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Unprotected(StrEnum):
    """Why a stop of an account would not stop it."""

    NO_ACTUATOR = "no_actuator"
    """Neither `block` nor `quarantine` is on for its workspace."""
    LIST_MISSING = "list_missing"
    """A list that the rule looks up is not on the platform."""
    RULE_MISSING = "rule_missing"
    """The rule is not on the platform."""
    RULE_DISABLED = "rule_disabled"
    """The rule is switched off."""
    RULE_CHANGED = "rule_changed"
    """The rule does something else, or does not refer to its list."""
    RULE_DETACHED = "rule_detached"
    """The account's workspace does not name the rule."""
    NO_WORKSPACE = "no_workspace"
    """The account is in no workspace, so no rule holds for it."""


def first_reason(reasons: Sequence[Unprotected | None]) -> Unprotected | None:
    """Return the reason of the first rule that does not hold, or None where all do."""
    return next((one for one in reasons if one is not None), None)
