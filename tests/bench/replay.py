"""How fast a record is replayed through the domain, decoding included, on one core: `breaker backtest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.app import backtest
from breaker.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.app import Backtest
    from tests.bench.events import Fleet

_SECONDS_BETWEEN = 4


def replay(home: Path, fleet: Fleet, notifications: int) -> Backtest:
    """Write a record of so many notifications, and replay it with the default configuration."""
    path = home / "record.jsonl"
    with path.open("wb") as file:
        file.writelines(fleet.record(notifications, seed=1, seconds_between=_SECONDS_BETWEEN))
    return backtest(load(None, {"data_dir": home / "data"}, {}), path)
