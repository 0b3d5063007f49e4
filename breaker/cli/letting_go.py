"""`breaker reset` and `release`: let accounts go, and take back what Breaker did by itself."""

from __future__ import annotations

from time import time
from typing import Annotated

import typer

from breaker.cli.acting import Manner, carry_out, in_a_manner, read_selectors
from breaker.cli.options import Everything, OnlyDomain, Pace, Selectors, parse_moment
from breaker.domain.acts.acts import UNDONE_PER_SECOND, Act, ActKind, Automatic

FalseStop = Annotated[
    bool,
    typer.Option(
        "--false-stop",
        help="The stop was a mistake: it is counted as one, and lengthens no later cool-down.",
        show_default=False,
    ),
]
Detector = Annotated[
    str | None,
    typer.Option("--detector", metavar="NAME", help="Only what this detector stopped or limited.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what Breaker stopped or limited since then: 2h ago as 2h, or a time such as 2026-11-20T09:00.",
        show_default=False,
    ),
]
EverythingAutomatic = Annotated[
    bool, typer.Option("--everything", help="All that Breaker itself stopped or limited.", show_default=False)
]

Home = Annotated[
    str | None,
    typer.Option(
        "--home",
        metavar="WORKSPACE",
        help="Where those go that are away from home, in quarantine for one; without, where they belong.",
        show_default=False,
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("reset")(reset)
    application.command("release")(release)


@in_a_manner
def reset(  # noqa: PLR0913 - every argument is an option that a person may give
    manner: Manner,
    *,
    selectors: Selectors = None,
    everything: Everything = False,
    only_domain: OnlyDomain = False,
    false_stop: FalseStop = False,
    detector: Detector = None,
    since: Since = None,
    pace: Pace = None,
    home: Home = None,
) -> None:
    """Let accounts go: unblock them, bring them home, and begin counting anew; with domain:X the domain as well.

    --detector and --since take back only what Breaker itself stopped or limited so, everywhere unless somebody is
    named: one account a second, or as --pace says, so that who was bad after all shows before all are free.
    An account whose home workspace was deleted goes to the default one, or to where --home says.
    """
    undoes = detector is not None or since is not None
    if undoes and only_domain:
        raise typer.BadParameter("--only-domain does not go with --detector and --since")
    if home is not None and only_domain:
        raise typer.BadParameter("--home does not go with --only-domain: a domain is in no workspace")
    act = Act(
        ActKind.RESET,
        manner.reason,
        manner.author,
        only_domain=only_domain,
        false_stop=false_stop,
        automatic=Automatic(detector, parse_moment(since, time()) if since else None) if undoes else None,
        pace=UNDONE_PER_SECOND if undoes and pace is None else pace,
        home=home,
    )
    carry_out(act, read_selectors(selectors, everything=everything or (undoes and not selectors)), manner)


@in_a_manner
def release(
    manner: Manner,
    *,
    selectors: Selectors = None,
    everything: EverythingAutomatic = False,
    pace: Pace = None,
) -> None:
    """Take back every stop and limit of Breaker's own, of those that are named, or of all.

    What people stopped, and what was found stopped on the platform, stays. What goes on is stopped again: put the mode
    to observe, or `breaker hold on`, first where that is not meant.
    """
    if not everything:
        raise typer.BadParameter("say --everything: all that Breaker itself stopped or limited is meant")
    act = Act(ActKind.RESET, manner.reason, manner.author, automatic=Automatic(), pace=pace)
    carry_out(act, read_selectors(selectors, everything=not selectors), manner)
