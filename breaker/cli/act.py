"""`breaker trip` and `probe`: stop accounts, and have them tested whether they may be let go."""

from __future__ import annotations

from typing import Annotated

import typer

from breaker.cli.acting import Manner, carry_out, in_a_manner, read_selectors
from breaker.cli.options import Everything, OnlyDomain, Selectors
from breaker.cli.output import remark
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.probes.probe import ProbeRules
from breaker.domain.probes.words import bounded

Limit = Annotated[
    bool,
    typer.Option(
        "--limit",
        help="Let them only reply, instead: new conversations are refused; a stopped account may reply again.",
        show_default=False,
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("trip")(trip)
    application.command("probe")(probe)


@in_a_manner
def trip(
    manner: Manner,
    *,
    selectors: Selectors = None,
    everything: Everything = False,
    only_domain: OnlyDomain = False,
    limit: Limit = False,
) -> None:
    """Stop accounts, whatever their mode; --only-domain: a whole sending domain, by one entry in a list.

    With --limit they may still reply. What a person stopped or limited comes back by `probe` or `reset` alone.
    """
    if limit and only_domain:
        raise typer.BadParameter("--limit does not go with --only-domain: a domain is stopped, or it is not")
    act = Act(ActKind.LIMIT if limit else ActKind.TRIP, manner.reason, manner.author, only_domain=only_domain)
    carry_out(act, read_selectors(selectors, everything=everything), manner)


@in_a_manner
def probe(
    manner: Manner, *, selectors: Selectors = None, everything: Everything = False, only_domain: OnlyDomain = False
) -> None:
    """Have stopped accounts tested now, in rounds of a few sends, whether they may be let go.

    --only-domain: a stopped sending domain, by one of its accounts, while all others of it stay stopped.

    Complaints are too rare for a test: an account that was stopped for them may reply from now on, write new mail in a
    week, and is watched for another one; one that is limited for them is let go. Rounds go on in the mode enforce only.
    """
    if bound := bounded(ProbeRules(quota=None if only_domain else manner.settings.probing.quota)):
        remark(f"In each round: {bound}")
    act = Act(ActKind.PROBE, manner.reason, manner.author, only_domain=only_domain)
    carry_out(act, read_selectors(selectors, everything=everything), manner)
