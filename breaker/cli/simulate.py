"""`breaker simulate`: the simulated platform by itself."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
import uvloop
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from breaker.cli.output import remark, remarks
from breaker.simulator.alone import Alone, StartingFleet
from breaker.simulator.fleets.scenarios import FleetSize, Scenario
from breaker.simulator.mail.world import MailOptions
from breaker.simulator.options import (
    PLANS,
    EnforcementOptions,
    ListEnvelope,
    RetriedAnswers,
    RuleScope,
    SimulationOptions,
    WorkspaceGeneration,
)
from breaker.simulator.webhooks.feed import Feed
from breaker.simulator.webhooks.notifications import Family

if TYPE_CHECKING:
    from breaker.simulator.fleets.truth import FleetTruth
    from breaker.simulator.platform import SimulatedPlatform

_DEFAULTS = Alone()
_LIVE, _RECORD, _READINGS, _WORLD = "Live", "Recording", "Where sources disagree", "The simulated world"


Record = Annotated[
    Path | None,
    typer.Option(
        help="Run a scenario (mixed, unless another is named) without a port, at full speed; write what its webhooks"
        " would have got into this file, and the truth beside it.",
        dir_okay=False,
        rich_help_panel=_RECORD,
    ),
]


class Families(StrEnum):
    """By which triggers an account's outcomes are reported."""

    AGENT = "agent"
    TRANSACTIONAL = "transactional"
    BOTH = "both"

    def chosen(self) -> tuple[Family, ...]:
        """Return the families."""
        match self:
            case Families.AGENT:
                return (Family.AGENT,)
            case Families.TRANSACTIONAL:
                return (Family.TRANSACTIONAL,)
            case Families.BOTH:
                return (Family.AGENT, Family.TRANSACTIONAL)


def register(application: typer.Typer) -> None:
    """Add the command to the command line."""
    application.command("simulate")(simulate)


def simulate(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.", rich_help_panel=_LIVE)] = _DEFAULTS.host,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", rich_help_panel=_LIVE)
    ] = _DEFAULTS.port,
    speed: Annotated[
        float, typer.Option(help="Simulated seconds in one real second.", min=0.001, rich_help_panel=_LIVE)
    ] = _DEFAULTS.speed,
    history: Annotated[
        float,
        typer.Option(
            help="Days that a scenario's fleet has been sending when the port opens; nobody was told of them.",
            min=0,
            max=90,
            rich_help_panel=_LIVE,
        ),
    ] = 0.0,
    application_id: Annotated[
        str, typer.Option(help="The application's id.", rich_help_panel=_LIVE)
    ] = _DEFAULTS.application_id,
    api_key: Annotated[str, typer.Option(help="The application's API key.", rich_help_panel=_LIVE)] = _DEFAULTS.api_key,
    record: Record = None,
    days: Annotated[float, typer.Option(help="Simulated days to record.", min=0.01, rich_help_panel=_RECORD)] = 14.0,
    seed: Annotated[int, typer.Option(help="What all randomness is drawn from.")] = _DEFAULTS.seed,
    scenario: Annotated[
        Scenario | None,
        typer.Option(help="A fleet that sends by itself; without one, accounts wait for /simulator/bursts."),
    ] = None,
    accounts: Annotated[int, typer.Option(help="Agent Accounts.", min=0)] = _DEFAULTS.fleet.accounts,
    domains: Annotated[int, typer.Option(help="Sending domains, without a scenario.", min=1)] = 2,
    workspaces: Annotated[int, typer.Option(help="Workspaces, without a scenario.", min=0)] = 2,
    volume: Annotated[float, typer.Option(help="Scales how much a scenario's healthy accounts send.", min=0.001)] = 1.0,
    plan: Annotated[
        Literal["free", "full"],
        typer.Option(help="Billing plan: free has 5 rules and 10 lists, full 30 and 50.", rich_help_panel=_WORLD),
    ] = "full",
    representative_volume: Annotated[
        int | None,
        typer.Option(
            help="Sends that accounts are judged over; drawn by the seed if not given.", rich_help_panel=_WORLD
        ),
    ] = None,
    enforcement: Annotated[
        bool, typer.Option(help="Whether the platform reviews and pauses accounts.", rich_help_panel=_WORLD)
    ] = True,
    send_queue: Annotated[
        bool, typer.Option(help="Whether sends beyond the plan's rate wait (202, then 429).", rich_help_panel=_WORLD)
    ] = True,
    repeated: Annotated[
        float, typer.Option(help="Share of notifications that come twice.", min=0, max=1, rich_help_panel=_WORLD)
    ] = 0.0,
    late: Annotated[
        float,
        typer.Option(help="Share of notifications that come up to an hour late.", min=0, max=1, rich_help_panel=_WORLD),
    ] = 0.0,
    families: Annotated[
        Families, typer.Option(help="Triggers by which accounts' outcomes are reported.", rich_help_panel=_READINGS)
    ] = Families.AGENT,
    rule_scope: Annotated[
        RuleScope, typer.Option(help="Which outbound rules a send is checked against.", rich_help_panel=_READINGS)
    ] = RuleScope.WORKSPACE,
    rules_envelope: Annotated[
        ListEnvelope, typer.Option(help="Shape of the answer to GET /v3/rules.", rich_help_panel=_READINGS)
    ] = ListEnvelope.FLAT,
    workspace_generation: Annotated[
        WorkspaceGeneration, typer.Option(help="Workspaces since or before 2026-09-24.", rich_help_panel=_READINGS)
    ] = WorkspaceGeneration.DOMAIN_OPTIONAL,
    retried: Annotated[
        RetriedAnswers,
        typer.Option(help="Which answers of a webhook endpoint are tried again.", rich_help_panel=_READINGS),
    ] = RetriedAnswers.SKILL,
) -> None:
    """Run the simulated platform by itself, until it is interrupted, or record what it would have told.

    Its API is the platform's, with the endpoints that Breaker uses and more. What happens in the simulated world is
    told to it below /simulator/ on the same port, without a key. An account that sends a bought list, for instance:

        curl -X POST http://127.0.0.1:8590/simulator/bursts -d
        '{"grant_id": "agent-001@agents-1.example.com", "sends": 120, "hard_bounces": 60, "transactional_share": 0.3}'

    Also there: state, books, grants, workspaces, bursts/N/repeat, standing, faults (latency, status, html, silence,
    disconnect, stale, lost), feed (lost, repeated, late), clock, restart, journal.
    """
    if history and (scenario is None or record is not None):
        raise typer.BadParameter("needs a --scenario, and makes no sense of a --record", param_hint="--history")
    alone = Alone(
        host=host,
        port=port,
        seed=seed,
        speed=speed,
        application_id=application_id,
        api_key=api_key,
        fleet=StartingFleet(accounts, domains, workspaces),
        scenario=None if scenario is None else scenario.value,
        size=FleetSize(accounts, history or days, volume),
        options=SimulationOptions(
            plan=PLANS[plan],
            rule_scope=rule_scope,
            rules_envelope=rules_envelope,
            workspaces=workspace_generation,
            retried_answers=retried,
            enforcement=EnforcementOptions(enabled=enforcement, representative_volume=representative_volume),
            send_queue=send_queue and record is None,
        ),
        mail_options=MailOptions(families.chosen()),
        feed=Feed(repeated=repeated, late=late),
        history=history,
    )
    try:
        if record is None:
            _run(alone)
        else:
            _record(alone, record)
    except OSError as error:
        where = f"listen on {host}:{port}" if record is None else f"write {record}"
        remark(f"The simulated platform cannot {where}: {error.strerror or error}")
        raise typer.Exit(1) from None


def _run(alone: Alone) -> None:
    if not alone.history:
        uvloop.run(alone.run(_announce))
        return
    with Progress(console=remarks(), transient=True) as bar:
        task = bar.add_task("days of history", total=alone.history)

        def announce(base_url: str, platform: SimulatedPlatform) -> None:
            bar.stop()
            _announce(base_url, platform)

        uvloop.run(alone.run(announce, lambda days: bar.update(task, completed=days)))


def _announce(base_url: str, platform: SimulatedPlatform) -> None:
    [application] = platform.applications
    typer.echo(f"The simulated platform listens on {base_url} (seed {platform.seed}).")
    typer.echo(f"{len(application.grants)} accounts on {len(application.domains)} domains. For a daemon beside it:\n")
    typer.echo(f"export BREAKER_NYLAS_API_URL={base_url}")
    typer.echo(f"export BREAKER_NYLAS_API_KEY={application.api_key}")
    typer.echo(f"export BREAKER_APPLICATION_ID={application.id}\n")
    typer.echo(f"What happens in this world is told to it below {base_url}/simulator/ (--help says what there is).")


def _record(alone: Alone, path: Path) -> None:
    lines = TextColumn("{task.fields[lines]} lines")
    columns = (TextColumn("{task.description}"), BarColumn(), lines, TimeElapsedColumn())
    with Progress(*columns, console=remarks(), transient=True) as bar:
        task = bar.add_task("recording", total=alone.size.days, lines=0)
        truth, written = uvloop.run(
            alone.record(path, lambda days, lines: bar.update(task, completed=days, lines=lines))
        )
    typer.echo(_summary(path, truth, written))


def _summary(path: Path, truth: FleetTruth, written: int) -> str:
    return (
        f"{path}: {written} notifications of {len(truth.accounts)} accounts; {truth.under_review} of them came under"
        f" review and {truth.paused} were paused, over a hidden volume of {truth.representative_volume} sends."
        f" The truth is in {path.with_suffix('.truth.json')}."
    )
