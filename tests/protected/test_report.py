"""Who goes on sending because people said so, in the report on readiness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from breaker.app import fleet_report
from breaker.cli.report import fleet_report_as_json
from breaker.config import load
from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.guard import Limits
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.readiness import Asked, foresee_guard
from tests.fleet import APPLICATION, fleet

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ({"pattern": "ceo@*", "owner": "Board", "may": "limit"},)


async def test_the_report_names_who_is_protected_and_over_the_platform_s_line(
    database_url: str, tmp_path: Path
) -> None:
    async with fleet(database_url, tmp_path) as known:
        known.clock.time = time.time()
        for name in ("ceo", "exempt", "fine"):
            key = await known.know(f"{name}@x.example", f"grant-{name}")
            await known.count(key, delivered=900, bounced=5 if name == "fine" else 100)
            await known.suspend(key, State.STOPPED, HeldBy.EXEMPT)
    flags = {
        "data_dir": tmp_path,
        "database_url": database_url,
        "application_id": APPLICATION,
        "protected": TABLES,
    }

    made = fleet_report_as_json(await fleet_report(load(None, flags, {}), lambda now: now - 86_400))

    over: Any = made["over_line"]
    assert [(one["address"], one["asks_for"], one["protected"] and one["protected"]["owner"]) for one in over] == [
        ("ceo@x.example", "stopped", "Board"),
        ("exempt@x.example", "stopped", None),
    ]


def test_who_may_not_be_stopped_takes_no_room_of_the_guard() -> None:
    asked = [
        Asked(
            id=number,
            account=f"grant-{number}",
            address=None,
            application_id="app-1",
            groups=(),
            at=float(number),
            to=State.STOPPED,
            detector="level",
            signal=Signal.BOUNCE,
            count=1,
            of=10,
            rate=0.1,
            cause=None,
            held_by=HeldBy.EXEMPT if number < 5 else HeldBy.OBSERVE,
            why="",
        )
        for number in range(10)
    ]

    foreseen = foresee_guard(asked, Limits(), 100, {})

    assert (foreseen.stops, foreseen.held) == (5, [])
