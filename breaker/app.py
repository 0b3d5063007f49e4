"""The composition root: settings become wired parts. The only file that names concrete adapters."""

from __future__ import annotations


class UnavailableError(Exception):
    """Something that Breaker needs cannot be used now; the sentence says what, and what to do about it."""
