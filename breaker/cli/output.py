"""How commands speak: tables for a terminal, plain columns for a pipe, JSON for programs.

Results go to standard output; whatever is said beside them (plans, questions, hints, errors) to standard error, so that
a pipe carries nothing but the result.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDE = 120
"""Characters of a terminal from which on no column is left out."""

_UNLIMITED = 10_000
_GAP = 2
_NARROWEST = 12
_NOTHING = "-"

STYLES: Mapping[str, str] = {
    "sending": "green",
    "warned": "yellow",
    "limited": "dark_orange",
    "stopped": "bold red",
    "probing": "cyan",
}
"""Colours of the states; never the only carrier of what they mean."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        title: Its heading.
        justify: Which side its cells lean to.
        wide: Shown only where there is room for it.
        shrinks: May be cut with an ellipsis on a narrow terminal; the others never are.
    """

    title: str
    justify: Literal["left", "right"] = "left"
    wide: bool = False
    shrinks: bool = False


def results() -> Console:
    """Return the console of standard output; plain and unbounded where that is not a terminal."""
    return _console(stderr=False)


def remarks() -> Console:
    """Return the console of standard error."""
    return _console(stderr=True)


def remark(text: str, style: str = "") -> None:
    """Say something beside the result."""
    remarks().print(Text(text, style=style), soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON document: indented for a terminal, one line for a pipe."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None) + "\n")


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | None]], console: Console | None = None
) -> None:
    """Print a table, as wide as the terminal, or as its content where there is none.

    Args:
        columns: All columns; the `wide` ones are left out on a narrow terminal.
        rows: One cell for each column; None where there is nothing to say.
        console: Where to; standard output unless told otherwise.
    """
    console = console or results()
    shown = [place for place, column in enumerate(columns) if not column.wide or console.width >= WIDE]
    cells = [[_cell(row[place]) for place in shown] for row in rows]
    widths = [
        max([cell_len(columns[place].title), *(row[position].cell_len for row in cells)])
        for position, place in enumerate(shown)
    ]
    excess = sum(widths) + _GAP * (len(shown) - 1) - console.width
    # A box puts one character of its own between columns.
    style, padding = (box.SIMPLE_HEAD, _GAP - 1) if console.is_terminal else (None, _GAP)
    table = Table(box=style, padding=(0, padding, 0, 0), pad_edge=False, show_edge=False)
    for place, width in zip(shown, widths, strict=True):
        column = columns[place]
        fitting = max(_NARROWEST, width - excess) if column.shrinks and excess > 0 else width
        table.add_column(column.title, justify=column.justify, no_wrap=True, overflow="ellipsis", width=fitting)
    for row in cells:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _cell(text: str | None) -> Text:
    value = _NOTHING if text is None else text
    return Text(value, style=STYLES.get(value, ""))


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    plain = not stream.isatty()
    return Console(file=stream, highlight=False, width=_UNLIMITED if plain else None, no_color=plain or None)
