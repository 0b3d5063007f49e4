"""`breaker support`: what the platform's support asks for, ready to be sent to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from breaker.app import Operations, support_as_json
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import print_json, remark, results
from breaker.cli.running import operate
from breaker.cli.words import lasting, moment, percent
from breaker.domain.acts.acts import RefusedError
from breaker.domain.acts.selectors import Scope, parse_selector
from breaker.domain.platform.platform_standing import in_words
from breaker.domain.windows.headroom import rate
from breaker.flows.meant import nobody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.domain.standing.standing import Explanation

_MOST = 100
_VERDICTS = 5


def register(application: typer.Typer) -> None:
    """Add the command of this family."""
    application.command("support")(support)


def support(
    *,
    selector: Annotated[
        str,
        typer.Argument(
            metavar="SELECTOR",
            help="An address, a grant id, domain:X, workspace:X, application:X or --all.",
            show_default=False,
        ),
    ],
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Print what the platform's support asks for: ids, one example error, the numbers, what was done.

    Of a group, the accounts that the platform itself refuses are told of. Nothing in it names a recipient.
    """
    try:
        chosen = parse_selector(selector)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    async def work(available: Operations) -> ExitCode:
        one = chosen.scope is Scope.ACCOUNT
        found = await available.accounts.find(chosen, _MOST + 1, refused=not one)
        if not found:
            if one or not await available.directory.keys(chosen):
                raise await nobody(chosen, available.directory)
            raise RefusedError(f"the platform is not known to refuse any account of {chosen}")
        explanations = await asyncio.gather(*(available.explanations.explain(each) for each in found[:_MOST]))
        if json:
            told = [support_as_json(each) for each in explanations]
            print_json(told[0] if one and len(told) == 1 else told)
        else:
            console = results()
            for each in explanations:
                for line in _lines(each, available.clock.now()):
                    console.print(Text(line), soft_wrap=True)
        if len(found) > _MOST:
            remark(f"Only the first {_MOST} accounts are told of: name a smaller group for the others.")
        return ExitCode.DONE

    operate(read_settings(config, data_dir=data_dir), work)


def _lines(explanation: Explanation, now: float) -> Iterator[str]:
    standing = explanation.standing
    yield f"Application  {standing.application_id}"
    yield f"Grant        {standing.grant_id or 'unknown'}"
    yield f"Address      {standing.address or 'unknown'}"
    yield f"Workspace    {standing.workspace_id or 'unknown'}"
    yield ""
    yield from _platform(standing.platform, now)
    yield ""
    yield "Numbers, as counted by Breaker from delivery events:"
    for seconds, tally in explanation.recent.items():
        yield (
            f"  last {lasting(seconds)}: {tally.sends:,} sends, {tally.hard_bounces:,} hard bounces "
            f"({percent(rate(tally.hard_bounces, tally.sends))}), {tally.delivered:,} delivered, "
            f"{tally.complaints:,} complaints ({percent(rate(tally.complaints, tally.delivered))})"
        )
    counters = standing.counters
    for window in counters.bounces.windows():
        share = percent(rate(window.bad, window.total))
        yield f"  last {window.size:,} sends: {window.bad:,} hard bounces of {window.total:,} ({share})"
    for window in counters.complaints.windows():
        share = percent(rate(window.bad, window.total))
        yield f"  last {window.size:,} delivered: {window.bad:,} complaints of {window.total:,} ({share})"
    yield ""
    enforcement = standing.enforcement
    shown = "read back from the platform" if enforcement.is_confirmed else "not yet read back from the platform"
    yield f"What was done: the account is {standing.circuit.state} ({shown})."
    for verdict in [one for one in explanation.verdicts if one.moves][:_VERDICTS]:
        held = "" if verdict.applied else f" [held by {verdict.held_by}]"
        yield f"  {moment(verdict.at)}  {verdict.before or '-'} -> {verdict.to or '-'}{held}: {verdict.why}"
    yield ""


def _platform(platform: PlatformStanding | None, now: float) -> Iterator[str]:
    if platform is None:
        yield "The platform is not known to refuse its sends. If it does, tell of an answer: POST /api/v1/observations."
        return
    scope = f" (scope: {platform.scope}{'' if platform.scope_told else ', inferred'})" if platform.scope else ""
    yield f"{in_words(platform.what)}{scope}, since {moment(platform.since)}."
    example = platform.example
    yield f"One example, of {platform.refused:,} refused, told by {platform.source}:"
    yield f"  at          {moment(example.at)} ({lasting(max(0.0, now - example.at))} ago)"
    yield f"  request id  {example.request_id or 'not told'}"
    yield f"  status      {example.status or 'not told'}"
    yield f"  error       {example.type or '-'}: {example.message or '-'}"
