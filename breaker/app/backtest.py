"""A backtest: a record, read line by line and replayed through the domain with the detectors that are configured."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.nylas.notifications import GrantEvent, NotJsonError, NotUnderstoodError
from breaker.adapters.nylas.recorded import read_line
from breaker.adapters.records import BrokenRecordError, open_record
from breaker.adapters.secrets import known_send_hash_key
from breaker.app.derived import counting, guard_limits, profiles, window_sizes
from breaker.domain.backtest.domains import Domains
from breaker.domain.backtest.fleet_guard import FleetGuard
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.backtest.replay import Replay
from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.domain.outcomes.sends import Rules
from breaker.domain.platform.commands import Actuator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from breaker.adapters.nylas.notifications import Notification
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
        processor_seconds: How long it had a processor, which others may want too.
    """

    replay: Replay
    truth: bool
    lines: int = 0
    ignored: int = 0
    unread: int = 0
    first_unread: list[Unread] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

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
    feedback = set(settings.counting.feedback_domains)
    rules = Rules(
        counting=counting(settings),
        feedback_domains=feedback,
        simulator_domains=settings.counting.simulator_domains,
        send_key=known_send_hash_key(settings) or _KEY,
        retention=settings.ledger.retention_days * _DAY,
    )
    replay = Replay(
        rules,
        profiles(settings),
        window_sizes(settings),
        FleetGuard(guard_limits(settings)),
        presets,
        turns_bad_at,
        Domains(can_block=Actuator.BLOCK_DOMAIN in settings.actuators),
        feedback,
    )
    found = Backtest(replay, truth=truth is not None)
    begun, begun_at = perf_counter(), process_time()
    with open_record(record) as lines, _without_collector():
        _read(lines, found, settings.intake.max_recipients, progress or _nobody)
        replay.end()
    found.seconds, found.processor_seconds = perf_counter() - begun, process_time() - begun_at
    return found


@dataclass(slots=True)
class _Listener:
    """Hands what lines say to the replay.

    Attributes:
        delivered: The short way for what most lines say.
    """

    found: Backtest
    most_recipients: int
    delivered: Callable[[tuple[str, str | None, str | None], str, int, str, float], None]

    def other(self, notification: Notification, received_at: float) -> None:
        """Take in whatever it is."""
        replay = self.found.replay
        if isinstance(notification, DeliveryEvent):
            if len(notification.recipients) > self.most_recipients:
                raise NotUnderstoodError(f"more than {self.most_recipients} recipients")
            replay.take(notification, received_at)
        elif not isinstance(notification, GrantEvent):
            self.found.ignored += 1
        elif notification.what == "deleted":
            replay.deleted(notification.application_id, notification.grant_id, notification.occurred_at)
        elif notification.what == "created":
            replay.known(notification.application_id, notification.grant_id, notification.email, received_at)


def _read(
    lines: Lines, found: Backtest, most_recipients: int, progress: Callable[[int, int | None, int], None]
) -> None:
    listener = _Listener(found, most_recipients, found.replay.delivered)
    try:
        for block in lines.blocks():
            for line in block:
                found.lines += 1
                try:
                    read_line(line, listener)
                except (NotJsonError, NotUnderstoodError) as error:
                    if line.strip():
                        found.skip(found.lines, str(error))
            progress(lines.read, lines.size, found.outcomes)
    except BrokenRecordError as error:
        found.skip(found.lines + 1, f"the record ends here: {error}")


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
