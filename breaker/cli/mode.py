"""`breaker mode`: how far Breaker may go."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from breaker.cli.acting import Manner, carry_out, in_a_manner, read_selectors
from breaker.cli.options import Everything, parse_duration
from breaker.domain.acts import EXEMPT_LASTS, Act, ActKind
from breaker.domain.circuit import Mode


class ModeChoice(StrEnum):
    """What `breaker mode` sets; `inherit` takes a setting away."""

    OBSERVE = "observe"
    ENFORCE = "enforce"
    EXEMPT = "exempt"
    INHERIT = "inherit"


Words = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTOR... observe|enforce|exempt|inherit",
        help="Whose mode (a group's holds for accounts to come), and which; inherit takes a setting away.",
        show_default=False,
    ),
]
Lasts = Annotated[
    str | None,
    typer.Option("--for", metavar="24h", help="Ends by itself after that; exempt: 24h.", show_default=False),
]
ApplyPending = Annotated[
    bool,
    typer.Option("--apply-pending", help="With enforce: also do what pending verdicts asked.", show_default=False),
]


def register(application: typer.Typer) -> None:
    """Add the command of this family."""
    application.command("mode")(mode)


@in_a_manner
def mode(
    manner: Manner,
    *,
    words: Words,
    everything: Everything = False,
    lasts: Lasts = None,
    apply_pending: ApplyPending = False,
) -> None:
    """Say how far Breaker may go: observe (verdicts only), enforce, exempt.

    The most specific setting wins: account, domain, workspace, application. Going from observe to enforce stops nobody
    for what was seen before: it lists who has a verdict pending, and --apply-pending takes them.
    """
    *selectors, last = words
    if last not in set(ModeChoice):
        raise typer.BadParameter(f"{last!r} is no mode: the last word is one of {', '.join(ModeChoice)}")
    if apply_pending and last != ModeChoice.ENFORCE:
        raise typer.BadParameter("--apply-pending goes with enforce only")
    seconds = None if lasts is None else parse_duration(lasts)
    if seconds is None and last == ModeChoice.EXEMPT:
        seconds = EXEMPT_LASTS
    act = Act(
        ActKind.MODE,
        manner.reason,
        manner.author,
        mode=None if last == ModeChoice.INHERIT else Mode(last),
        lasts=seconds,
        apply_pending=apply_pending,
    )
    carry_out(act, read_selectors(selectors, everything=everything), manner)
