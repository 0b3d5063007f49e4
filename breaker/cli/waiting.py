"""What a person sees while the platform is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from breaker.cli.output import remark, remarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY = 5.0
"""Seconds between two lines where nobody looks at a terminal: as a log of a job shows it."""


@contextmanager
def progress(now: Callable[[], float]) -> Iterator[Callable[[int], None]]:
    """Give what is told how many are still unconfirmed: one changing line on a terminal, else a line now and then.

    Args:
        now: The time in Unix seconds.
    """
    console = remarks()
    if console.is_terminal:
        with console.status("") as status:
            yield lambda left: status.update(_sentence(left))
        return
    said, spoken_at = -1, now()

    def tell(left: int) -> None:
        nonlocal said, spoken_at
        if left and left != said and now() - spoken_at >= EVERY:
            remark(_sentence(left))
            said, spoken_at = left, now()

    yield tell


def _sentence(left: int) -> str:
    return f"waiting for the platform to be read back: {left:,} to go"
