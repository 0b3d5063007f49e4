"""`breaker trip` and `probe`: stop accounts, and have them tested whether they may be let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.acting import Manner, carry_out, in_a_manner, read_selectors
from breaker.cli.options import Everything, OnlyDomain, Selectors
from breaker.domain.acts import Act, ActKind

if TYPE_CHECKING:
    import typer


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("trip")(trip)
    application.command("probe")(probe)


@in_a_manner
def trip(
    manner: Manner, *, selectors: Selectors = None, everything: Everything = False, only_domain: OnlyDomain = False
) -> None:
    """Stop accounts, whatever their mode; --only-domain: a whole sending domain, by one entry in a list."""
    act = Act(ActKind.TRIP, manner.reason, manner.author, only_domain=only_domain)
    carry_out(act, read_selectors(selectors, everything=everything), manner)


@in_a_manner
def probe(manner: Manner, *, selectors: Selectors = None, everything: Everything = False) -> None:
    """Have stopped accounts tested now, in rounds of a few sends, whether they may be let go.

    Complaints are too rare for a test: an account that was stopped for them may reply from now on, write new mail in a
    week, and is watched for another one; one that is limited for them is let go. Rounds go on in the mode enforce only.
    """
    act = Act(ActKind.PROBE, manner.reason, manner.author)
    carry_out(act, read_selectors(selectors, everything=everything), manner)
