"""A backtest: a record, read line by line and replayed through the domain with the detectors that are configured."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.nylas.notifications import GrantEvent, NotJsonError, NotUnderstoodError
from breaker.adapters.nylas.recorded import decode_line
from breaker.adapters.records import BrokenRecordError, open_record
from breaker.adapters.secrets import known_send_hash_key
from breaker.app.derived import counting, guard_limits, profiles, window_sizes
from breaker.domain.backtest.fleet_guard import FleetGuard
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.backtest.replay import Replay
from breaker.domain.outcomes import DeliveryEvent
from breaker.domain.sends import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from breaker.adapters.records import Lines
    from breaker.config import Settings
    from breaker.domain.backtest.others import Preset

__all__ = ["PRESETS", "Backtest", "TruthError", "backtest"]

_DAY = 86_400.0
_TOLD = 20
_KEY = b"the order of sends in one second"
"""Where no key is known: it only decides in which order sends of the same second stand."""


class TruthError(Exception):
    """The file with the truth can't be used."""


class _AccountTruth(msgspec.Struct):
    grant_id: str
    address: str
    healthy: bool
    goes_bad_at: float | None = None


class _Truth(msgspec.Struct):
    started_at: float
    accounts: list[_AccountTruth]


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that could not be used.

    Args:
        number: Its number, from 1.
        reason: Why; never what it says.
    """

    number: int
    reason: str


@dataclass(slots=True)
class Backtest:
    """What came of a backtest.

    Args:
        replay: What became of everybody.
        truth: Whether it was known from elsewhere which accounts are bad.
        lines: How many lines were read.
        ignored: How many of them were notifications that change no count.
        unread: How many could not be used.
        first_unread: The first of those.
        seconds: How long it took, decoding included.
    """

    replay: Replay
    truth: bool
    lines: int = 0
    ignored: int = 0
    unread: int = 0
    first_unread: list[Unread] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def outcomes(self) -> int:
        """How many outcomes the lines held."""
        return self.replay.counted + sum(self.replay.outcomes.values())

    @property
    def outcomes_per_second(self) -> float:
        """How many were read, decoded, counted and judged in a second."""
        return self.outcomes / self.seconds if self.seconds > 0 else 0.0

    def skip(self, number: int, reason: str) -> None:
        """Note a line that could not be used."""
        self.unread += 1
        if len(self.first_unread) < _TOLD:
            self.first_unread.append(Unread(number, reason))


def backtest(
    settings: Settings,
    record: Path | None,
    presets: Sequence[Preset] = (),
    truth: Path | None = None,
    progress: Callable[[int, int | None, int], None] | None = None,
) -> Backtest:
    """Replay a record.

    Args:
        settings: The configuration.
        record: The file, or None for standard input.
        presets: The rules of others to hold against it.
        truth: The file that says which accounts are bad, or None.
        progress: Is told now and then how many bytes were read, of how many, and how many outcomes there were.

    Raises:
        OSError: A file can't be read.
        TruthError: The truth is none.
        ConfigurationError: A secret can't be used.
    """
    turns_bad_at = _read_truth(truth) if truth else {}
    rules = Rules(
        counting=counting(settings),
        feedback_domains=settings.counting.feedback_domains,
        simulator_domains=settings.counting.simulator_domains,
        send_key=known_send_hash_key(settings) or _KEY,
        retention=settings.ledger.retention_days * _DAY,
    )
    replay = Replay(
        rules, profiles(settings), window_sizes(settings), FleetGuard(guard_limits(settings)), presets, turns_bad_at
    )
    found = Backtest(replay, truth=truth is not None)
    begun = perf_counter()
    with open_record(record) as lines, _without_collector():
        _read(lines, found, settings.intake.max_recipients, progress or _nobody)
        replay.end()
    found.seconds = perf_counter() - begun
    return found


def _read(
    lines: Lines, found: Backtest, most_recipients: int, progress: Callable[[int, int | None, int], None]
) -> None:
    replay = found.replay
    number = 0
    try:
        for block in lines.blocks():
            for line in block:
                number += 1
                try:
                    notification, received_at = decode_line(line)
                except (NotJsonError, NotUnderstoodError) as error:
                    if line.strip():
                        found.skip(number, str(error))
                    continue
                if isinstance(notification, DeliveryEvent):
                    if len(notification.recipients) > most_recipients:
                        found.skip(number, f"more than {most_recipients} recipients")
                    else:
                        replay.take(notification, received_at)
                elif isinstance(notification, GrantEvent):
                    _follow(replay, notification, received_at)
                else:
                    found.ignored += 1
            found.lines = number
            progress(lines.read, lines.size, found.outcomes)
    except BrokenRecordError as error:
        found.skip(number + 1, f"the record ends here: {error}")


def _follow(replay: Replay, event: GrantEvent, now: float) -> None:
    if event.what == "deleted":
        replay.deleted(event.application_id, event.grant_id, event.occurred_at)
    elif event.what == "created":
        replay.known(event.application_id, event.grant_id, event.email, now)


def _read_truth(path: Path) -> Mapping[str, float]:
    try:
        truth = msgspec.json.decode(path.read_bytes(), type=_Truth)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TruthError(f"{path} is no truth, as `breaker simulate --record` writes it: {error}") from error
    return {
        name: truth.started_at if one.goes_bad_at is None else one.goes_bad_at
        for one in truth.accounts
        if not one.healthy
        for name in (one.grant_id, one.address)
    }


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let the cycle collector rest: a replay makes no cycles, and much for it to look through."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _nobody(_read: int, _of: int | None, _outcomes: int) -> None: ...
