"""`breaker status` and `breaker explain`: how the fleet stands, and why one account stands as it does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import (
    Operations,
    account_as_json,
    domain_as_json,
    explanation_as_json,
    hold_as_json,
    verdict_as_json,
)
from breaker.cli.domains import domain_lines, print_domain
from breaker.cli.exit_codes import ExitCode
from breaker.cli.explanation import print_explanation
from breaker.cli.holds import current_hold, hold_line, keeping_back
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, results
from breaker.cli.running import operate
from breaker.cli.words import ago, many, percent, share
from breaker.domain.acts import RefusedError
from breaker.domain.circuit import Mode
from breaker.domain.detectors import Signal
from breaker.domain.headroom import headroom, rate
from breaker.domain.listing import AccountFilter, CursorError, Sort
from breaker.domain.selectors import Scope, parse_selector
from breaker.domain.states import State
from breaker.flows.learn_feedback import FeedbackDomains

if TYPE_CHECKING:
    from breaker.domain.selectors import Selector
    from breaker.domain.standing import Standing

_COLUMNS = (
    Column("account", shrinks=True),
    Column("domain", wide=True),
    Column("state"),
    Column("confirmed"),
    Column("mode", wide=True),
    Column("bounce", justify="right"),
    Column("complaint", justify="right", wide=True),
    Column("headroom", justify="right"),
    Column("since", justify="right"),
)
_PENDING = Column("pending")

States = Annotated[
    list[State] | None, typer.Option("--state", help="Only this state; may be repeated.", show_default=False)
]
Modes = Annotated[
    list[Mode] | None, typer.Option("--mode", help="Only this mode; may be repeated.", show_default=False)
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("status")(status)
    application.command("explain")(explain)


def status(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    state: States = None,
    mode: Modes = None,
    domain: Annotated[str | None, typer.Option(help="Only this sending domain.", show_default=False)] = None,
    workspace: Annotated[str | None, typer.Option(help="Only this home workspace.", show_default=False)] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Only accounts with a held verdict.", show_default=False)
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Accounts to show.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the last JSON ended.", show_default=False)] = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show the fleet, the worst state first.

    "confirmed" says whether the platform was read back and does what is wanted. "headroom" is how many more bounces
    in a row reach the platform's review line. Rates are of the worst window; "?" is not enough data, which is not 0 %.
    "pending" is what a verdict asked for that was held.
    """
    wanted = AccountFilter(
        states=frozenset(state or ()),
        modes=frozenset(mode or ()),
        domain=domain.lower() if domain else None,
        workspace_id=workspace,
        pending=pending,
    )

    async def work(available: Operations) -> ExitCode:
        try:
            page = await available.accounts.page(wanted, Sort.STATE, limit, cursor)
        except CursorError as error:
            raise typer.BadParameter(f"--cursor: {error}") from error
        domains = await available.domains.all((), wanted.domain)
        held_back, blind = await current_hold(available), await available.feed.open_gaps()
        if json:
            accounts = [account_as_json(one) for one in page.items]
            shown = [domain_as_json(one) for one in domains]
            more = {
                "next_cursor": page.next_cursor,
                "domains": shown,
                **hold_as_json(held_back),
                "blind": sorted(blind),
            }
            print_json({"data": accounts, **more})
            return ExitCode.DONE
        counts = await available.fleet.by_state_and_mode()
        by_state = {one: sum(count for (found, _), count in counts.items() if found is one) for one in State}
        if not counts:
            remark(_EMPTY)
        elif not page.items:
            remark("No account is like that.")
        else:
            shows_pending = any(one.circuit.pending for one in page.items)
            columns = (*_COLUMNS, _PENDING) if shows_pending else _COLUMNS
            now = available.clock.now()
            print_table(columns, [_row(one, now)[: len(columns)] for one in page.items])
        if counts:
            told = ", ".join(f"{count:,} {one}" for one, count in by_state.items() if count)
            held = sum((await available.fleet.pending_verdicts()).values())
            remark(
                f"{many(sum(by_state.values()), 'account')}: {told}{f'; {held:,} with a held verdict' if held else ''}"
            )
        for line in domain_lines(domains, available.clock.now()):
            remark(line, style="yellow")
        for line in keeping_back(held_back, blind, available.clock.now()):
            remark(line, style="yellow")
        if page.next_cursor:
            remark(f"Only the first {limit:,} are shown: --limit shows more, --state and --domain others.")
        return ExitCode.DONE

    operate(read_settings(config, data_dir=data_dir), work)


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
            raise RefusedError(f"no account is known by {chosen}; `breaker status` lists those that are")
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


_EMPTY = (
    "No account is known yet: they are learnt from what the platform tells. Is `breaker serve` running, and is the "
    "webhook made (`breaker setup`)? `breaker demo` shows a fleet that sends."
)


def _row(standing: Standing, now: float) -> tuple[str | None, ...]:
    counters, circuit = standing.counters, standing.circuit
    bounces = max(counters.bounces.windows(), key=lambda one: share(one.bad, one.total))
    complaints = max(counters.complaints.windows(), key=lambda one: share(one.bad, one.total))
    return (
        standing.address or standing.id,
        standing.domain,
        circuit.state,
        "yes" if standing.enforcement.is_confirmed else "not yet" if standing.enforceable else "cannot be",
        standing.mode,
        percent(rate(bounces.bad, bounces.total)),
        percent(rate(complaints.bad, complaints.total)),
        f"{headroom(counters, Signal.BOUNCE).bad_outcomes:,}",
        ago(circuit.since, now),
        _pending(standing),
    )


def _pending(standing: Standing) -> str | None:
    """Return what is pending, and whose the account is that is protected from it."""
    pending, protected = standing.circuit.pending, standing.protected
    if pending is None or protected is None or protected.allows(pending.to):
        return pending.to if pending else None
    return f"{pending.to} (protected: {protected.owner})"
