"""Identifiers and secrets in the shapes that the platform uses, drawn from a seeded source."""

from __future__ import annotations

import random
import string

#: The first digit of a random UUID's fourth group has its two upper bits set to 10 (RFC 9562).
_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in string.hexdigits}
_ALPHANUMERIC = string.ascii_letters + string.digits


class Identifiers:
    """Draws every identifier of one simulation, so that the same seed gives the same ones.

    Args:
        source: Where they are drawn from.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def unique(self) -> str:
        """Return a random UUID: grants, workspaces, policies, rules, lists, messages, evaluations."""
        digits = f"{self._source.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"

    def destination(self) -> str:
        """Return the identifier of a webhook destination: 25 letters and digits, as in the platform's examples."""
        return "".join(self._source.choices(_ALPHANUMERIC, k=25))

    def webhook_secret(self) -> str:
        """Return the secret of a webhook destination: 20 characters, as in the platform's examples."""
        return "".join(self._source.choices(_ALPHANUMERIC + "-_", k=20))

    def challenge(self) -> str:
        """Return a value that an endpoint has to echo."""
        return "".join(self._source.choices(_ALPHANUMERIC, k=32))

    def message_header(self, domain: str) -> str:
        """Return a Message-ID header, which is what a transactional send is known by."""
        return f"<{self.unique()}@{domain}>"


def derived(seed: int, purpose: str) -> random.Random:
    """Return a source of randomness of its own for one purpose, so that one purpose's draws move no other's."""
    return random.Random(f"{seed}/{purpose}")  # noqa: S311 - a simulation wants the same draws again
