"""`breaker status`: how the fleet stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import (
    Operations,
    account_as_json,
    domain_as_json,
    hold_as_json,
)
from breaker.cli.domains import domain_lines
from breaker.cli.exit_codes import ExitCode
from breaker.cli.holds import current_hold, keeping_back
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import operate
from breaker.cli.words import ago, many, percent, share
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.listing import AccountFilter, CursorError, Sort
from breaker.domain.windows.headroom import headroom, rate

if TYPE_CHECKING:
    from breaker.domain.standing.standing import Standing

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
    """Add the command of this family."""
    application.command("status")(status)


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
