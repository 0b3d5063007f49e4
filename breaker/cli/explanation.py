"""One account, told to a person from top to bottom: what it is, its numbers, why, what was done, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from breaker.cli.output import STYLES, Column, print_table
from breaker.cli.records import print_commands, print_recent, print_verdicts
from breaker.cli.words import ago, lasting, many, moment, percent
from breaker.domain.acts.acts import UNENFORCEABLE
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Level
from breaker.domain.circuits.states import WANTED, State, Wanted
from breaker.domain.detectors.detectors import PLATFORM_LINES, PLATFORM_PAUSES, Signal
from breaker.domain.platform.platform_standing import in_words
from breaker.domain.probes.probe import QUEUE, Phase
from breaker.domain.windows.headroom import headroom, rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.domain.platform.stop_evidence import StopEvidence
    from breaker.domain.probes.probe import Outlook
    from breaker.domain.standing.standing import Explanation, Standing
    from breaker.domain.windows.windows import Series

_WINDOWS = (
    Column("signal"),
    Column("over"),
    Column("bad", justify="right"),
    Column("of", justify="right"),
    Column("rate", justify="right"),
    Column("review at", justify="right"),
    Column("pause at", justify="right", wide=True),
)
_BAD = {Signal.BOUNCE: "hard bounce", Signal.COMPLAINT: "complaint"}
_FOR_ITS_DOMAIN = {
    State.STOPPED: ", so its mail is refused",
    State.PROBING: ", by one of its accounts; the mail of all others is refused",
}
_JUDGED = {Signal.BOUNCE: "sends", Signal.COMPLAINT: "delivered sends"}


def print_explanation(console: Console, explanation: Explanation, now: float) -> None:
    """Tell all that is known of an account."""
    standing = explanation.standing
    _say(console, f"{standing.address or standing.id}", "bold")
    _say(console, f"  grant {standing.grant_id or 'unknown'}, application {standing.application_id}")
    _say(console, f"  {_whereabouts(standing)}")
    console.print()
    _print_state(console, explanation, now)
    console.print()
    print_table(_WINDOWS, list(_windows(standing)), console)
    for line in _headrooms(standing):
        _say(console, line)
    console.print()
    print_recent(console, explanation.recent)
    print_verdicts(console, explanation.verdicts)
    print_commands(console, explanation.commands, now)
    console.print()
    for line in _next_steps(explanation):
        console.print(Text(line), soft_wrap=True)  # in one piece, so that a command can be copied


def _enforcement_lines(explanation: Explanation, now: float) -> Iterator[tuple[str, str]]:
    """Yield what the platform does about an account, and what shows it; each line with its style."""
    standing, enforcement = explanation.standing, explanation.standing.enforcement
    if enforcement.is_confirmed:
        yield f"  platform  read back: {enforcement.confirmed}", ""
        if explanation.stop:
            yield from _stop_lines(explanation.stop, now)
    elif not standing.enforceable:
        yield f"  platform  {UNENFORCEABLE}", "yellow"
    else:
        tries = f", tried {enforcement.attempts} times" if enforcement.attempts else ""
        error = f"; last error: {enforcement.error}" if enforcement.error else ""
        yield f"  platform  NOT YET CONFIRMED: {enforcement.wanted} is wanted{tries}{error}", "yellow"


def _stop_lines(stop: StopEvidence, now: float) -> Iterator[tuple[str, str]]:
    if stop.refused_at is not None:
        yield f"            shown by a send that the platform refused {ago(stop.refused_at, now)} ago", ""
    if stop.leaked and stop.leaked_at is not None:
        left = f"{many(stop.leaked, 'send')} left since, the last {ago(stop.leaked_at, now)} ago"
        yield f"            BUT THE STOP LEAKS: {left}, beyond the {QUEUE:g} s of the platform's queue", "bold red"


def _platform_line(platform: PlatformStanding, now: float) -> str:
    scope = f", scope {platform.scope}{'' if platform.scope_told else ' (inferred)'}" if platform.scope else ""
    told = f"told by {platform.source}, {many(platform.refused, 'refused send')}"
    return f"  refused   {in_words(platform.what)} ({platform.what}{scope}), {ago(platform.since, now)} ago; {told}"


def _print_state(console: Console, explanation: Explanation, now: float) -> None:
    standing, setting = explanation.standing, explanation.setting
    circuit = standing.circuit
    since = f" since {moment(circuit.since)} ({ago(circuit.since, now)})" if circuit.since else ""
    _say(console, f"  state     {circuit.state}{since}", STYLES.get(circuit.state, ""))
    for line, style in _enforcement_lines(explanation, now):
        _say(console, line, style)
    if standing.platform:
        _say(console, _platform_line(standing.platform, now), "bold red")
    if standing.domain_state is not State.SENDING:
        domain = f"domain:{standing.domain}"
        refused = _FOR_ITS_DOMAIN.get(standing.domain_state, "")
        told = f"{domain} is {standing.domain_state} as a whole{refused}: see `breaker explain {domain}`"
        _say(console, f"  domain    {told}", "yellow")
    if standing.probe:
        _print_probe(console, standing.probe, now)
    source = (
        f"set for the {standing.mode_source} by {setting.author}: {setting.reason}"
        if setting
        else f"from the {standing.mode_source}'s configuration"
    )
    expiry = f", until {moment(setting.expires_at)}" if setting and setting.expires_at else ""
    _say(console, f"  mode      {standing.mode}, {source}{expiry}")
    owner = f", owner {standing.owner}" if standing.owner else ""
    labels = f" ({', '.join(standing.assigned.labels)})" if standing.assigned.labels else ""
    _say(console, f"  profile   {standing.assigned.profile.name}{owner}{labels}")
    if standing.protected:
        _say(console, f"  protected {standing.protected.sentence}", "yellow")
    if circuit.pending:
        pending = circuit.pending
        _say(
            console,
            f"  pending   verdict {pending.verdict} asks for {pending.to}; held by {pending.held_by} since "
            f"{moment(pending.at)}",
            "yellow",
        )
    if standing.counters.restarted_at:
        _say(console, f"  counting  since the reset of {moment(standing.counters.restarted_at)}")
    if standing.last_event_at:
        _say(console, f"  last news {moment(standing.last_event_at)} ({ago(standing.last_event_at, now)} ago)")


def _print_probe(console: Console, probe: Outlook, now: float) -> None:
    counted = f" So far {many(probe.sends, 'send')}, {probe.bad} hard-bounced." if probe.round else ""
    beyond = f" This round had {probe.overshoot} more than meant." if probe.overshoot else ""
    _say(console, f"  probe     {probe.says}{counted}{beyond}", "yellow" if probe.asks else "")
    if probe.next_at:
        due = f"in {lasting(probe.next_at - now)}" if probe.next_at > now else "due"
        _say(console, f"            next: {moment(probe.next_at)} ({due})")
    if probe.still_needed_sends:
        days = f", {probe.still_needed_days:.1f} days at its pace" if probe.still_needed_days else ""
        _say(console, f"            a healthy account needs some {many(probe.still_needed_sends, 'send')} more{days}")


def _windows(standing: Standing) -> Iterator[tuple[str, ...]]:
    counters = standing.counters
    yield from _windows_of("bounce", Signal.BOUNCE, counters.bounces, "sends")
    yield from _windows_of("complaint", Signal.COMPLAINT, counters.complaints, "delivered")
    if counters.totals.feedback_delivered:
        yield from _windows_of("complaint", Signal.COMPLAINT, counters.feedback, "with feedback")


def _windows_of(name: str, signal: Signal, series: Series, what: str) -> Iterator[tuple[str, ...]]:
    for window in series.windows():
        yield (
            name,
            f"last {window.size:,} {what}",
            f"{window.bad:,}",
            f"{window.total:,}",
            percent(rate(window.bad, window.total)),
            percent(PLATFORM_LINES[signal]),
            percent(PLATFORM_PAUSES[signal]),
        )


def _headrooms(standing: Standing) -> Iterator[str]:
    for signal in Signal:
        left = headroom(standing.counters, signal)
        pace = "never" if left.sends is None else f"after {left.sends:,} sends"
        reached = (
            "the platform's review line is reached"
            if left.bad_outcomes == 0
            else f"the platform's review line is {many(left.bad_outcomes, _BAD[signal])} in a row away"
            f" (at the present rate: {pace})"
        )
        yield f"  {signal}: {reached}, if it judges the last {left.window:,} {_JUDGED[signal]}"


def _next_steps(explanation: Explanation) -> Iterator[str]:
    """Yield what a person may want to type now."""
    standing = explanation.standing
    name = standing.address or standing.id
    circuit = standing.circuit
    if standing.platform and standing.platform.until is None:
        yield f"  For the platform's support:  breaker support {name}"
    if explanation.stop and explanation.stop.leaked:
        yield "  What makes a stop not stop:  breaker doctor"
    if standing.enforceable and not standing.enforcement.is_confirmed:
        under_way = any(one.ended is None for one in explanation.commands)
        if standing.enforcement.error:
            yield "  The platform refused so far; `breaker serve` tries again by itself."
        elif under_way:
            yield "  The platform was not read back yet: is `breaker serve` running?"
        else:
            yield "  Nothing is under way for it: is an actuator on that does this (`breaker check-config`)?"
    if circuit.pending and WANTED[circuit.pending.to] is not Wanted.SENDING and standing.enforceable:
        yield f'  To take the pending verdict:  breaker mode {name} enforce --apply-pending --reason "..."'
    yield from _acts(standing, name)


def _acts(standing: Standing, name: str) -> Iterator[str]:
    """Yield what a person can do about it."""
    state = standing.circuit.state
    if standing.mode is Mode.STOPPED:
        yield f'  To take the pin away, which lets nobody go:  breaker mode {_pinned(standing)} inherit --reason "..."'
        yield f"  What was refused meanwhile:  breaker explain {name} --refused"
        return
    if standing.probe and standing.probe.phase in (Phase.ASKING, Phase.COOLING):
        answer = "To say yes" if standing.probe.asks else "To have it probed now"
        yield f'  {answer}:  breaker probe {name} --reason "..."'
    if state in (State.STOPPED, State.LIMITED, State.PROBING):
        yield f"  What was refused meanwhile:  breaker explain {name} --refused"
        yield f'  To let it go:  breaker reset {name} --reason "..." --wait 60s'
    elif standing.enforceable:
        yield f'  To stop it:  breaker trip {name} --reason "..." --wait 60s'


def _pinned(standing: Standing) -> str:
    """Return the selector whose mode holds."""
    groups = {
        Level.DOMAIN: standing.domain,
        Level.WORKSPACE: standing.home_workspace_id,
        Level.APPLICATION: standing.application_id,
    }
    level = standing.mode_source
    return f"{level}:{groups[level]}" if level in groups else standing.address or standing.id


def _whereabouts(standing: Standing) -> str:
    home, seen = standing.home_workspace_id, standing.workspace_id
    if seen is None and home is None:
        return "its workspace is not known"
    if home is not None and home != seen:
        return f"in workspace {seen}, at home in {home}"
    return f"in workspace {seen}"


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)
