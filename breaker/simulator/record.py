"""A record of what was delivered to webhooks: JSON Lines, one notification each with `received_at` beside its fields.

This is what a backtest replays. The truth about the same time goes into a file beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from breaker.simulator.fleets.truth import FleetTruth
    from breaker.simulator.webhooks.delivery import Deliveries
    from breaker.simulator.webhooks.notifications import Notification


class Recorder:
    """Writes notifications down as they leave, whether or not anybody receives them.

    Args:
        path: The record; an existing file is overwritten.
        deliveries: What is recorded.

    Attributes:
        written: How many notifications were written.
    """

    def __init__(self, path: Path, deliveries: Deliveries) -> None:
        self._path = path
        self._deliveries = deliveries
        self.written = 0

    @property
    def truth_path(self) -> Path:
        """Where the truth goes: beside the record, with the suffix `.truth.json`."""
        return self._path.with_suffix(".truth.json")

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._deliveries.taps.append(self._write)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deliveries.taps.remove(self._write)
        self._file.close()

    def write_truth(self, truth: FleetTruth) -> None:
        """Write the truth beside the record."""
        self.truth_path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1) + b"\n")

    def _write(self, notification: Notification, received_at: float) -> None:
        self._file.write(msgspec.json.encode({**notification.envelope(1), "received_at": received_at}) + b"\n")
        self.written += 1
