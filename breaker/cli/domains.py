"""Sending domains, told to a person: those whose own circuit is not simply sending, and one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from breaker.cli.output import STYLES
from breaker.cli.words import ago, many, moment
from breaker.domain.circuits.states import State
from breaker.domain.probes.probe import Phase
from breaker.domain.probes.words import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from breaker.domain.probes.probe import Outlook
    from breaker.domain.standing.standing import DomainStanding, VerdictRecord


def domain_lines(standings: Sequence[DomainStanding], now: float) -> Iterator[str]:
    """Yield a line for each domain that is warned or stopped, or has a verdict pending."""
    for one in standings:
        circuit = one.circuit.circuit
        if circuit.state is not State.SENDING:
            shown = "" if one.circuit.confirmed else ", NOT YET CONFIRMED by the platform"
            for_cause = f" for {one.cause}" if one.cause else ""
            yield (
                f"{one.id} is {circuit.state}{for_cause} since {ago(circuit.since, now)}{shown}: "
                f"{many(one.accounts, 'account')}; {_way_back(one, now)}`breaker explain {one.id}`"
            )
        elif (pending := circuit.pending) is not None:
            yield f"{one.id} would be {pending.to}, held by {pending.held_by}: `breaker explain {one.id}`"


def print_domain(console: Console, standing: DomainStanding, verdicts: Sequence[VerdictRecord], now: float) -> None:
    """Tell all that is known of a domain's circuit."""
    circuit, enforcement = standing.circuit.circuit, standing.enforcement
    _say(console, standing.id, "bold")
    _say(console, f"  application {standing.application_id}, {many(standing.accounts, 'account')}")
    since = f" since {moment(circuit.since)} ({ago(circuit.since, now)})" if circuit.since else ""
    _say(console, f"  state     {circuit.state}{since}", STYLES.get(circuit.state, ""))
    if enforcement.is_confirmed:
        _say(console, f"  platform  read back: {enforcement.confirmed}")
    else:
        tries = f", tried {enforcement.attempts} times" if enforcement.attempts else ""
        error = f"; last error: {enforcement.error}" if enforcement.error else ""
        _say(console, f"  platform  NOT YET CONFIRMED: {enforcement.wanted} is wanted{tries}{error}", "yellow")
    if circuit.pending:
        pending = circuit.pending
        told = f"verdict {pending.verdict} asks for {pending.to}; held by {pending.held_by} since {moment(pending.at)}"
        _say(console, f"  pending   {told}", "yellow")
    if standing.probe:
        _print_probe(console, standing.probe, standing.probed_by, now)
    for begins_at, ends_at in standing.circuit.intervals:
        until = moment(ends_at) if ends_at is not None else "now"
        _say(console, f"  left out  refusals of sends from {moment(begins_at)} until {until}, for its accounts")
    console.print()
    for verdict in verdicts:
        by = f" by {verdict.author}" if verdict.author else ""
        held = f", held by {verdict.held_by}" if verdict.held_by else ""
        states = f"{verdict.before} -> {verdict.to}: " if verdict.to else ""
        _say(console, f"  {moment(verdict.at)}  verdict {verdict.id}: {states}({verdict.detector}{by}{held})")
        _say(console, f"    {verdict.why}")
    console.print()
    for line in _next_steps(standing):
        console.print(Text(line), soft_wrap=True)  # in one piece, so that a command can be copied


def _way_back(standing: DomainStanding, now: float) -> str:
    """Say in a few words what its way back waits for, or nothing."""
    probe = standing.probe
    if probe is None:
        return ""
    if probe.asks:
        return "it waits for a person; "
    if probe.phase is Phase.COOLING and probe.next_at:
        return f"it is probed in {lasting(max(0.0, probe.next_at - now))}; "
    return f"round {probe.round}, by {standing.probed_by}; " if standing.probed_by and probe.round else ""


def _print_probe(console: Console, probe: Outlook, account: str | None, now: float) -> None:
    refused = f" So far {many(probe.sends, 'send')}, {probe.bad} refused for the domain." if probe.round else ""
    beyond = f" This round had {probe.overshoot} more than meant." if probe.overshoot else ""
    _say(console, f"  probe     {probe.says}{refused}{beyond}", "yellow" if probe.asks else "")
    if account and probe.round:
        _say(console, f"            by {account}; all other accounts are held")
    if probe.next_at:
        due = f"in {lasting(probe.next_at - now)}" if probe.next_at > now else "due"
        _say(console, f"            next: {moment(probe.next_at)} ({due})")
    if probe.still_needed_sends:
        days = f", {probe.still_needed_days:.1f} days at that account's pace" if probe.still_needed_days else ""
        _say(console, f"            a healthy domain needs some {many(probe.still_needed_sends, 'send')} more{days}")


def _next_steps(standing: DomainStanding) -> Iterator[str]:
    circuit = standing.circuit.circuit
    if circuit.state in {State.STOPPED, State.PROBING}:
        if circuit.state is State.STOPPED:
            yield "Once what the servers refuse is repaired, let one of its accounts test it now, all others held:"
            yield f"  breaker probe {standing.id} --only-domain --reason '...'"
        yield "To let the domain go at once, and keep what was counted of its accounts:"
        yield f"  breaker reset {standing.id} --only-domain --reason '...'"
    elif circuit.state is State.WARNED:
        yield "Its accounts are judged one by one. Once it is repaired:"
        yield f"  breaker reset {standing.id} --only-domain --reason '...'"
    elif circuit.pending:
        yield "To do what was held:"
        yield f"  breaker mode {standing.id} enforce --apply-pending --reason '...'"


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))
