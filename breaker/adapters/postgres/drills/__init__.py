"""Drills in PostgreSQL: written before each step, so that what a dead process left behind is known."""

from __future__ import annotations

from breaker.adapters.postgres.drills.records import PostgresDrills
from breaker.adapters.postgres.drills.totals import DrillTotals, PostgresDrillTotals

__all__ = ["DrillTotals", "PostgresDrillTotals", "PostgresDrills"]
