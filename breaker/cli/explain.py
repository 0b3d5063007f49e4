"""`breaker explain`: why one account, or one sending domain, stands as it does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import Operations, domain_as_json, explanation_as_json, verdict_as_json
from breaker.cli.domains import print_domain
from breaker.cli.exit_codes import ExitCode
from breaker.cli.explanation import print_explanation
from breaker.cli.holds import current_hold, hold_line
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import print_json, remark, results
from breaker.cli.running import operate
from breaker.domain.acts import RefusedError
from breaker.domain.selectors import Scope, parse_selector
from breaker.flows.learn_feedback import FeedbackDomains
from breaker.flows.meant import nobody

if TYPE_CHECKING:
    from breaker.domain.selectors import Selector


def register(application: typer.Typer) -> None:
    """Add the command of this family."""
    application.command("explain")(explain)


def explain(
    *,
    selector: Annotated[
        str, typer.Argument(metavar="SELECTOR", help="An address, a grant id, or domain:X.", show_default=False)
    ],
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Say why an account stands as it does: its numbers, its verdicts, what was done, and what to type next.

    domain:X tells the same of the circuit of a sending domain.
    """
    try:
        chosen = parse_selector(selector)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if chosen.scope not in {Scope.ACCOUNT, Scope.DOMAIN}:
        raise typer.BadParameter(f"explain takes one account; `breaker status` lists those of {chosen}")

    async def work(available: Operations) -> ExitCode:
        if chosen.scope is Scope.DOMAIN:
            return await _explain_domain(available, chosen, json=json)
        found = await available.accounts.find(chosen)
        if not found:
            raise await nobody(chosen, available.directory)
        explanations = await asyncio.gather(*(available.explanations.explain(one) for one in found))
        if json:
            shown = [explanation_as_json(one) for one in explanations]
            print_json(shown[0] if len(shown) == 1 else shown)
        else:
            feedback = FeedbackDomains(available.in_force.settings.counting.feedback_domains)
            feedback.learnt = frozenset(one.domain for one in await available.feedback.all())
            for one in explanations:
                print_explanation(results(), one, available.clock.now())
                remark(feedback.sentence)
            if held_back := await current_hold(available):
                remark(hold_line(held_back, available.clock.now()), style="yellow")
        return ExitCode.DONE

    operate(read_settings(config, data_dir=data_dir), work)


async def _explain_domain(available: Operations, chosen: Selector, *, json: bool) -> ExitCode:
    standings = await available.domains.all((), chosen.name)
    if not standings:
        raise RefusedError(f"nothing was ever decided about {chosen} itself; `breaker status` lists its accounts")
    verdicts = (await available.trail.page(scope=str(chosen))).items
    if json:
        shown = [{**domain_as_json(one), "verdicts": [verdict_as_json(v) for v in verdicts]} for one in standings]
        print_json(shown[0] if len(shown) == 1 else shown)
    else:
        for one in standings:
            print_domain(results(), one, verdicts, available.clock.now())
    return ExitCode.DONE
