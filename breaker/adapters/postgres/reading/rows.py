"""Rows of the database as values of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from breaker.domain.circuits.circuit import Circuit, HeldBy, Pending
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.standing import CommandRecord, VerdictRecord
from breaker.domain.windows.headroom import Headroom

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CIRCUIT_COLUMNS = """
    c.state, c.since, c.epoch, c.pending_verdict, c.pending_to, c.pending_at, c.pending_held_by, c.permitted,
    c.watched_until
"""

VERDICT_COLUMNS = """
    v.id, v.at, v.scope, v.from_state, v.to_state, v.detector, v.signal, v.window_size, v.count, v.of, v.rate,
    v.threshold, v.headroom, v.cause, v.epoch, v.held_by, v.why, v.author
"""

COMMAND_COLUMNS = """
    m.kind, m.epoch, m.created_at, m.sent_at, m.attempts, m.next_attempt_at, m.error, m.ended, m.ended_at
"""

_headroom = msgspec.json.Decoder(Headroom)


def circuit_of(columns: Sequence[Any]) -> Circuit:
    """Read `CIRCUIT_COLUMNS`."""
    state, since, epoch, verdict, to, at, held_by, permitted, watched_until = columns
    pending = None if verdict is None else Pending(verdict, State(to), at, HeldBy(held_by))
    wanted = Wanted(permitted) if permitted else None
    return Circuit(State(state), since, epoch, pending, wanted, watched_until or 0.0)


def verdict_of(columns: Sequence[Any], account: str | None, address: str | None) -> VerdictRecord:
    """Read `VERDICT_COLUMNS`, of which account is told beside them."""
    number, at, scope, before, to, detector, signal, window, count, of, rate, *rest = columns
    threshold, headroom, cause, epoch, held_by, why, author = rest
    return VerdictRecord(
        id=number,
        at=at,
        account=account,
        address=address,
        scope=scope,
        before=State(before) if before else None,
        to=State(to) if to else None,
        detector=detector,
        signal=Signal(signal) if signal else None,
        window=window,
        count=count,
        of=of,
        rate=rate,
        threshold=threshold,
        headroom=_headroom.decode(headroom) if headroom else None,
        cause=cause,
        epoch=epoch,
        held_by=HeldBy(held_by) if held_by else None,
        why=why,
        author=author,
    )


def command_of(columns: Sequence[Any]) -> CommandRecord:
    """Read `COMMAND_COLUMNS`."""
    kind, epoch, created_at, sent_at, attempts, next_attempt_at, error, ended, ended_at = columns
    return CommandRecord(kind, epoch, created_at, sent_at, attempts, next_attempt_at, error, ended, ended_at)
