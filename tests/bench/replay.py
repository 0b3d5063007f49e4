"""How fast a record is replayed through the domain, decoding included, on one core: `breaker backtest`."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

from breaker.app import backtest
from breaker.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.app import Backtest
    from tests.bench.events import Fleet

_SECONDS_BETWEEN = 4


def replay(home: Path, fleet: Fleet, notifications: int) -> tuple[Backtest, float]:
    """Write a record of so many notifications, and replay it with the default configuration.

    Returns:
        What came of it, and the seconds of a processor that it took: others may want the same core.
    """
    path = home / "record.jsonl"
    with path.open("wb") as file:
        file.writelines(fleet.record(notifications, seed=1, seconds_between=_SECONDS_BETWEEN))
    settings = load(None, {"data_dir": home / "data"}, {})
    begun = process_time()
    found = backtest(settings, path)
    return found, process_time() - begun
