from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.waiting import EVERY, progress
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from tests.fleet import SteppingClock

if TYPE_CHECKING:
    import pytest

    from tests.fleet import Fleet


async def test_who_waits_is_told_how_many_are_still_to_go(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")
    everybody = [parse_selector("--all")]
    report = await known.operations.operator.carry_out(Act(ActKind.TRIP, "trial", "ada"), everybody)
    told: list[int] = []

    left = await known.operations.operator.wait(report, 0.5, told.append)

    assert (len(left), told) == (2, [2, 2, 2])


def test_a_log_gets_a_line_now_and_then_where_something_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    clock = SteppingClock()

    with progress(clock.now) as tell:
        for left in (12, 12, 12, 7, 0):
            tell(left)
            clock.time += EVERY

    assert capsys.readouterr().err.splitlines() == [
        "waiting for the platform to be read back: 12 to go",
        "waiting for the platform to be read back: 7 to go",
    ]
