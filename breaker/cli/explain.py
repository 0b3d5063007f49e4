"""`breaker explain`: why one account, or one sending domain, stands as it does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import (
    Live,
    Operations,
    domain_as_json,
    explanation_as_json,
    live,
    past_as_json,
    recipients_as_json,
    refused_as_json,
    verdict_as_json,
)
from breaker.cli.acting import author, read_reason
from breaker.cli.domains import print_domain
from breaker.cli.exit_codes import ExitCode
from breaker.cli.explanation import print_explanation
from breaker.cli.holds import current_hold, hold_line
from breaker.cli.lookups import print_recipients, print_refused
from breaker.cli.options import Config, DataDir, Json, parse_moment, read_settings
from breaker.cli.output import print_json, remark, results
from breaker.cli.past import print_past
from breaker.cli.running import operate, run
from breaker.domain.acts.acts import RefusedError
from breaker.domain.acts.selectors import Scope, parse_selector
from breaker.flows.learn_feedback import FeedbackDomains
from breaker.flows.meant import nobody
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.config import Settings
    from breaker.domain.acts.selectors import Selector
    from breaker.domain.standing.standing import Standing

Name = Annotated[
    str, typer.Argument(metavar="SELECTOR", help="An address, a grant id, or domain:X.", show_default=False)
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="How it stood then: 2h ago as 2h, or a time such as 2026-11-20T09:00.",
        show_default=False,
    ),
]
Refused = Annotated[
    bool,
    typer.Option(
        "--refused",
        help="Ask the platform which of its sends were refused by rules, when and by which.",
        show_default=False,
    ),
]
Recipients = Annotated[
    bool,
    typer.Option(
        "--recipients",
        help="Ask the platform whose mail bounced and who complained, by address; needs --reason, and is in the audit "
        "trail. With --refused: whom those sends were meant for.",
        show_default=False,
    ),
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="With --recipients: from when on; the platform keeps 90 days.")
]
Why = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why you look at recipients.", show_default=False),
]


def register(application: typer.Typer) -> None:
    """Add the command of this family."""
    application.command("explain")(explain)


def explain(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    selector: Name,
    at: At = None,
    refused: Refused = False,
    recipients: Recipients = False,
    since: Since = "7d",
    reason: Why = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Say why an account stands as it does: its numbers, its verdicts, what was done, and what to type next.

    domain:X tells the same of the circuit of a sending domain. --refused and --recipients ask the platform itself;
    what it answers is shown, and neither stored nor logged.
    """
    try:
        chosen = parse_selector(selector)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    special = at is not None or refused or recipients
    if chosen.scope is not Scope.ACCOUNT and (special or chosen.scope is not Scope.DOMAIN):
        raise typer.BadParameter(f"explain takes one account here; `breaker status` lists those of {chosen}")
    if at is not None and (refused or recipients):
        raise typer.BadParameter("--at does not go with --refused and --recipients, which ask the platform now")
    if recipients and reason is None:
        raise typer.BadParameter("recipients' addresses are shown to whom says why: --reason")
    settings = read_settings(config, data_dir=data_dir)
    if refused or recipients:
        look = Look(chosen, refused, recipients, parse_moment(since, time()), read_reason(reason or "-"), json)
        raise typer.Exit(run(_look_up(settings, look)))
    if at is not None:
        moment = parse_moment(at, time())
        operate(settings, lambda available: _explain_past(available, chosen, moment, json=json))
    operate(settings, lambda available: _explain(available, chosen, json=json))


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked up at the platform.

    Args:
        chosen: Whose.
        refused: Whether refused sends.
        recipients: Whether recipients are shown.
        since: From when on, Unix seconds.
        reason: Why.
        json: Print JSON.
    """

    chosen: Selector
    refused: bool
    recipients: bool
    since: float
    reason: str
    json: bool


async def _explain(available: Operations, chosen: Selector, *, json: bool) -> ExitCode:
    if chosen.scope is Scope.DOMAIN:
        return await _explain_domain(available, chosen, json=json)
    found = await _found(available, chosen)
    explanations = await asyncio.gather(*(available.explanations.explain(one) for one in found))
    if json:
        _print_one_or_all([explanation_as_json(one) for one in explanations])
        return ExitCode.DONE
    feedback = FeedbackDomains(available.in_force.settings.counting.feedback_domains)
    feedback.learnt = frozenset(one.domain for one in await available.feedback.all())
    for one in explanations:
        print_explanation(results(), one, available.clock.now())
        remark(feedback.sentence)
    if held_back := await current_hold(available):
        remark(hold_line(held_back, available.clock.now()), style="yellow")
    return ExitCode.DONE


async def _explain_past(available: Operations, chosen: Selector, at: float, *, json: bool) -> ExitCode:
    if at > available.clock.now():
        raise typer.BadParameter("--at is a moment to come: nothing is known of it")
    pasts = [await available.explanations.past(one, at) for one in await _found(available, chosen)]
    if json:
        _print_one_or_all([past_as_json(one) for one in pasts])
        return ExitCode.DONE
    for one in pasts:
        print_past(results(), one)
    return ExitCode.DONE


async def _look_up(settings: Settings, look: Look) -> ExitCode:
    async with live(settings) as opened:
        told = [await _look(opened, one, look) for one in await _found(opened.operations, look.chosen)]
    if look.json:
        _print_one_or_all(told)
    return ExitCode.DONE


async def _look(opened: Live, standing: Standing, look: Look) -> dict[str, object]:
    look_up = opened.look_up(standing.application_id)
    account = Account(standing.key, standing.application_id, standing.grant_id, standing.address)
    name = account.address or account.id
    if look.refused:
        refused = await look_up.refused(account, recipients=look.recipients, reason=look.reason, author=author())
        if not look.json:
            print_refused(name, refused, recipients=look.recipients)
        return refused_as_json(account, refused, recipients=look.recipients)
    found = await look_up.bad_recipients(account, look.since, reason=look.reason, author=author())
    if not look.json:
        print_recipients(name, found, look.since)
    return recipients_as_json(account, found)


async def _found(available: Operations, chosen: Selector) -> Sequence[Standing]:
    found = await available.accounts.find(chosen)
    if not found:
        raise await nobody(chosen, available.directory)
    return found


async def _explain_domain(available: Operations, chosen: Selector, *, json: bool) -> ExitCode:
    standings = await available.domains.all((), chosen.name)
    if not standings:
        raise RefusedError(f"nothing was ever decided about {chosen} itself; `breaker status` lists its accounts")
    verdicts = (await available.trail.page(scope=str(chosen))).items
    if json:
        _print_one_or_all(
            [{**domain_as_json(one), "verdicts": [verdict_as_json(v) for v in verdicts]} for one in standings]
        )
    else:
        for one in standings:
            print_domain(results(), one, verdicts, available.clock.now())
    return ExitCode.DONE


def _print_one_or_all(shown: Sequence[object]) -> None:
    print_json(shown[0] if len(shown) == 1 else shown)
