"""One account as it stood at a moment, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from breaker.cli.output import STYLES
from breaker.cli.records import print_commands, print_recent, print_verdicts
from breaker.cli.words import ago, moment

if TYPE_CHECKING:
    from rich.console import Console

    from breaker.domain.standing.past import Past


def print_past(console: Console, past: Past) -> None:
    """Tell how an account stood."""
    standing = past.standing
    _say(console, f"{standing.address or standing.id}, as of {moment(past.at)}", "bold")
    _say(console, f"  grant {standing.grant_id or 'unknown'}, application {standing.application_id}")
    console.print()
    since = f" since {moment(past.since)} ({ago(past.since, past.at)})" if past.since else ""
    _say(console, f"  state     {past.state}{since}", STYLES.get(past.state, ""))
    if past.pending:
        asked = f"verdict {past.pending.verdict} asked for {past.pending.to}; held by {past.pending.held_by}"
        _say(console, f"  pending   {asked} since {moment(past.pending.at)}", "yellow")
    if past.mode:
        setting = past.mode.setting
        ends = f", until {moment(setting.expires_at)}" if setting.expires_at else ""
        said = f"{setting.mode}, set for {past.mode.selector} by {setting.author}: {setting.reason}{ends}"
    else:
        said = "not set by a person then: from the configuration"
    _say(console, f"  mode      {said}")
    console.print()
    print_recent(console, past.recent)
    print_verdicts(console, past.verdicts)
    print_commands(console, past.commands, past.at)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)
