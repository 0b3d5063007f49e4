"""What was looked up at the platform, told to a person: refused sends, and recipients by their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.output import Column, print_table, remark
from breaker.cli.words import many, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.standing.lookups import BadRecipient, RefusedSend

_REFUSED = (
    Column("refused at"),
    Column("type"),
    Column("by", shrinks=True),
    Column("message", shrinks=True),
)
_TO = Column("recipients", shrinks=True)
_RECIPIENTS = (
    Column("at"),
    Column("recipient"),
    Column("what"),
    Column("class"),
    Column("the server's words", shrinks=True),
)


def print_refused(name: str, refused: Sequence[RefusedSend], *, recipients: bool) -> None:
    """Tell of the sends of one account that the platform refused by rules."""
    if not refused:
        remark(f"{name}: no refused send is among the latest receipts that the platform keeps.")
        return
    columns = (*_REFUSED, _TO) if recipients else _REFUSED
    print_table(columns, [_refused(one)[: len(columns)] for one in refused])
    remark(f"{name}: {many(len(refused), 'refused send')} among the latest receipts that the platform keeps.")


def print_recipients(name: str, found: Sequence[BadRecipient], since: float) -> None:
    """Tell whose mail from an account bounced, and who complained of it."""
    if found:
        rows = [(moment(one.at), one.address, one.kind, one.bounce_class, one.diagnostic) for one in found]
        print_table(_RECIPIENTS, rows)
    remark(f"{name}: {len(found):,} bounced or complained since {moment(since)}.")


def _refused(one: RefusedSend) -> tuple[str | None, ...]:
    by = "rules could not be evaluated" if one.failed else ", ".join(one.rules) or "a rule"
    return (moment(one.at), one.type, by, one.message_id, ", ".join(one.recipients) or None)
