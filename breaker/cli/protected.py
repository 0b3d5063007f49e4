"""What `breaker check-config` says of protected accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from breaker.app import who_is_protected
from breaker.cli.exit_codes import ExitCode
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import run
from breaker.domain.profiles.protected import shadows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.app import Speaks
    from breaker.config import Settings

_COLUMNS = (
    Column("pattern"),
    Column("may"),
    Column("owner", shrinks=True),
    Column("accounts", justify="right"),
    Column("such as", shrinks=True),
)


def never_counting(settings: Settings) -> Iterator[str]:
    """Yield the entries that an earlier one leaves nobody to."""
    for place, by, whole in _shadows(settings):
        if whole:
            pattern, earlier = settings.protected[place].pattern, settings.protected[by].pattern
            yield (
                f"protected[{place}]: {pattern} never counts, since {earlier} before it speaks of all of its accounts: "
                "put it first"
            )


def weaker_before(settings: Settings) -> Iterator[str]:
    """Yield the entries that an earlier and weaker one takes accounts from."""
    for place, by, whole in _shadows(settings):
        if not whole:
            entry, earlier = settings.protected[place], settings.protected[by]
            yield (
                f"protected[{place}]: to an account that fits both {entry.pattern} and {earlier.pattern}, as much may "
                f"happen as the first says: {earlier.may}"
            )


def _shadows(settings: Settings) -> list[tuple[int, int, bool]]:
    return [(one.entry, one.by, one.whole) for one in shadows([one.entry() for one in settings.protected])]


def check_protected(settings: Settings, *, as_json: bool) -> None:
    """Print whom each pattern speaks of; one that speaks of nobody is something found."""
    found = run(who_is_protected(settings))
    nobody = [one for one in found if not one.accounts]
    if as_json:
        print_json({"protected": [_as_json(one) for one in found]})
    else:
        print_table(_COLUMNS, [_row(one) for one in found]) if found else remark("nobody is protected")
        for one in nobody:
            remark(f"problem: {one.entry.pattern} speaks of no account that is known", style="yellow")
    if nobody:
        raise typer.Exit(ExitCode.FOUND_SOMETHING)


def _as_json(one: Speaks) -> dict[str, object]:
    return {**one.entry.describe(), "accounts": one.accounts, "examples": one.examples}


def _row(one: Speaks) -> tuple[str, ...]:
    entry = one.entry
    return str(entry.pattern), str(entry.may), entry.owner, f"{one.accounts:,}", ", ".join(one.examples)
