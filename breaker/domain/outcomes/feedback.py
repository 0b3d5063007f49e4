"""When a recipient domain is known to send complaint feedback: from the complaints that it sends.

Two thresholds, so that neither a stray report nor one angry recipient of one account makes a domain one of them.
"""

from __future__ import annotations

COMPLAINTS = 3
"""Complaints that a recipient domain must have sent."""

ACCOUNTS = 2
"""Accounts that they must have been against."""
