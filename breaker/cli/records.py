"""What was counted, decided and done about an account, as tables and lines: of today, and of a moment of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from breaker.cli.output import Column, print_table
from breaker.cli.words import lasting, moment, percent
from breaker.domain.windows.headroom import rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.standing.standing import CommandRecord, VerdictRecord

_RECENT = (
    Column("last"),
    Column("sends", justify="right"),
    Column("hard bounces", justify="right"),
    Column("rate", justify="right"),
    Column("all bounces", justify="right", wide=True),
    Column("delivered", justify="right", wide=True),
    Column("complaints", justify="right"),
    Column("rejected", justify="right", wide=True),
)
_COMMANDS = (
    Column("command"),
    Column("wanted", wide=True),
    Column("sent"),
    Column("ended"),
    Column("tries", justify="right"),
    Column("error", shrinks=True),
)


def print_recent(console: Console, recent: Mapping[int, Tally]) -> None:
    """Print what the sends of the last hour, day and week are worth."""
    print_table(_RECENT, list(_recent(recent)), console)


def print_verdicts(console: Console, verdicts: Sequence[VerdictRecord]) -> None:
    """Print entries of the audit trail, if there are any."""
    if verdicts:
        console.print()
    for verdict in verdicts:
        by = f" by {verdict.author}" if verdict.author else ""
        held = f", held by {verdict.held_by}" if verdict.held_by else ""
        _say(console, f"  {moment(verdict.at)}  verdict {verdict.id}: {_moved(verdict)} ({verdict.detector}{by}{held})")
        _say(console, f"    {verdict.why}")


def print_commands(console: Console, commands: Sequence[CommandRecord], now: float) -> None:
    """Print what was ordered on the platform, if anything was."""
    if commands:
        console.print()
        print_table(_COMMANDS, [_command(one, now) for one in commands], console)


def _moved(verdict: VerdictRecord) -> str:
    if verdict.to is None:
        return str(verdict.scope)
    of = f"{verdict.scope} " if verdict.scope else ""
    return f"{of}{verdict.before} -> {verdict.to}" if verdict.before is not verdict.to else f"{of}{verdict.to}"


def _recent(recent: Mapping[int, Tally]) -> Iterator[tuple[str, ...]]:
    for seconds, tally in recent.items():
        yield (
            lasting(seconds),
            f"{tally.sends:,}",
            f"{tally.hard_bounces:,}",
            percent(rate(tally.hard_bounces, tally.sends)),
            f"{tally.bounces:,}",
            f"{tally.delivered:,}",
            f"{tally.complaints:,}",
            f"{tally.rejected:,}",
        )


def _command(command: CommandRecord, now: float) -> tuple[str | None, ...]:
    ended = {"settled": "read back", "given_up": "GIVEN UP"}.get(command.ended or "", command.ended or "open")
    when = f" {moment(command.ended_at)}" if command.ended_at else ""
    waits = max(0.0, command.next_attempt_at - now)
    due = f", again in {lasting(waits)}" if not command.ended and waits else ""
    return (
        command.kind,
        moment(command.created_at),
        moment(command.sent_at) if command.sent_at else None,
        f"{ended}{when}{due}",
        str(command.attempts),
        command.error,
    )


def _say(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=not console.is_terminal)
