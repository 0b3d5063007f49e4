"""`breaker simulate`: the simulated platform alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from breaker.simulator.alone import Alone, StartingFleet
from breaker.simulator.options import (
    PLANS,
    ListEnvelope,
    RetriedAnswers,
    RuleScope,
    SimulationOptions,
    WorkspaceGeneration,
)

if TYPE_CHECKING:
    from breaker.simulator.platform import SimulatedPlatform

_DEFAULTS = Alone()


def register(application: typer.Typer) -> None:
    """Add the command to the command line."""
    application.command("simulate")(simulate)


def simulate(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = _DEFAULTS.host,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = _DEFAULTS.port,
    seed: Annotated[int, typer.Option(help="What all randomness is drawn from.")] = _DEFAULTS.seed,
    speed: Annotated[float, typer.Option(help="Simulated seconds in one real second.")] = _DEFAULTS.speed,
    application_id: Annotated[str, typer.Option(help="The application's id.")] = _DEFAULTS.application_id,
    api_key: Annotated[str, typer.Option(help="The application's API key.")] = _DEFAULTS.api_key,
    accounts: Annotated[int, typer.Option(help="Agent Accounts at the start.")] = _DEFAULTS.fleet.accounts,
    domains: Annotated[int, typer.Option(help="Sending domains of those accounts.")] = _DEFAULTS.fleet.domains,
    workspaces: Annotated[int, typer.Option(help="Workspaces of those accounts.")] = _DEFAULTS.fleet.workspaces,
    plan: Annotated[str, typer.Option(help="Billing plan: free (5 rules, 10 lists) or full (30, 50).")] = "full",
    rule_scope: Annotated[
        RuleScope, typer.Option(help="Which outbound rules a send is checked against; the sources disagree.")
    ] = RuleScope.WORKSPACE,
    rules_envelope: Annotated[
        ListEnvelope, typer.Option(help="Shape of the answer to GET /v3/rules; the sources disagree.")
    ] = ListEnvelope.FLAT,
    workspace_generation: Annotated[
        WorkspaceGeneration, typer.Option(help="Workspaces since or before 2026-09-24.")
    ] = WorkspaceGeneration.DOMAIN_OPTIONAL,
    retried: Annotated[
        RetriedAnswers, typer.Option(help="Which answers of a webhook endpoint are tried again; the sources disagree.")
    ] = RetriedAnswers.SKILL,
) -> None:
    """Run the simulated platform alone, with a small fleet, until it is interrupted.

    Its API is the platform's, with the endpoints that Breaker uses and more. What happens in the simulated world is
    told to it below /simulator/ on the same port, without a key. An account that sends a bought list, for instance:

        curl -X POST http://127.0.0.1:8590/simulator/bursts -d
        '{"grant_id": "agent-001@agents-1.example.com", "sends": 120, "hard_bounces": 60, "transactional_share": 0.3}'

    Also there: state, grants, workspaces, bursts/N/repeat, standing, faults (latency, status, html, silence,
    disconnect, stale), feed (lost, repeated, late), clock, restart, journal.
    """
    if plan not in PLANS:
        raise typer.BadParameter(f"{plan!r} is no plan: choose {' or '.join(PLANS)}", param_hint="--plan")
    options = SimulationOptions(
        plan=PLANS[plan],
        rule_scope=rule_scope,
        rules_envelope=rules_envelope,
        workspaces=workspace_generation,
        retried_answers=retried,
    )
    fleet = StartingFleet(accounts, domains, workspaces)
    alone = Alone(host, port, seed, speed, application_id, api_key, fleet, options)
    try:
        uvloop.run(alone.run(_announce))
    except OSError as error:
        typer.echo(f"The simulated platform cannot listen on {host}:{port}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None


def _announce(base_url: str, platform: SimulatedPlatform) -> None:
    [application] = platform.applications
    typer.echo(f"The simulated platform listens on {base_url} (seed {platform.seed}).")
    typer.echo(f"{len(application.grants)} accounts on {len(application.domains)} domains. For a daemon beside it:\n")
    typer.echo(f"export BREAKER_NYLAS_API_URL={base_url}")
    typer.echo(f"export BREAKER_NYLAS_API_KEY={application.api_key}")
    typer.echo(f"export BREAKER_APPLICATION_ID={application.id}\n")
    typer.echo(f"What happens in this world is told to it below {base_url}/simulator/ (--help says what there is).")
