from __future__ import annotations

import time
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet

WATCHED = '[[profiles]]\nname = "watched"\npreset = "strict"\ndomains = ["watched.example"]\n'


async def send(fleet: Fleet) -> None:
    """Two accounts that bounce the same, one that is stopped already, one that is healthy, one that was long silent."""
    fleet.clock.time = time.time()
    for address, bounced in (("a@watched.example", 5), ("b@other.example", 5), ("c@other.example", 1)):
        await fleet.count(await fleet.know(address, f"grant-{address[0]}"), delivered=400, bounced=bounced)
    stopped = await fleet.know("d@watched.example", "grant-d")
    await fleet.count(stopped, delivered=400, bounced=50)
    await fleet.set_state(stopped, State.STOPPED)
    fleet.clock.time -= 8 * 86_400
    await fleet.count(await fleet.know("e@watched.example", "grant-e"), delivered=400, bounced=50)


def test_who_would_be_stopped_by_a_configuration_is_listed(shell: Terminal, tmp_path: Path) -> None:
    shell.prepare(send)
    file = tmp_path / "breaker.toml"
    file.write_text(WATCHED)

    said = shell.breaker("check-config", "--would-stop", "--config", str(file), "--json")

    found = {one["address"]: one for one in said.json["would_stop"]}
    assert (said.code, found["a@watched.example"]) == (
        3,
        {
            "id": "grant-a",
            "application_id": "app-1",
            "address": "a@watched.example",
            "profile": "watched",
            "mode": "observe",
            "state": "sending",
            "pending": None,
            "to": "stopped",
            "detector": "cusum",
            "signal": "bounce",
            "window": None,
            "count": 6,
            "of": 6,
            "rate": 1.0,
            "threshold": 5 / 6,
        },
    )
    assert {address: one["to"] for address, one in found.items()} == {
        "a@watched.example": "stopped",
        "b@other.example": "limited",
    }


def test_what_is_held_already_stands_beside_it(shell: Terminal) -> None:
    async def hold(fleet: Fleet) -> None:
        await send(fleet)
        fleet.clock.time = time.time()
        await fleet.suspend(await fleet.know("b@other.example", "grant-b"), State.LIMITED, HeldBy.OBSERVE)

    shell.prepare(hold)

    said = shell.breaker("check-config", "--would-stop")

    assert said.code == 3
    rows = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "b@other.example standard observe sending limited limited 6 bounces of 6 cusum" in rows
    assert "nobody is stopped by this alone" in said.err


def test_a_configuration_that_would_stop_nobody_is_fine(shell: Terminal) -> None:
    said = shell.breaker("check-config", "--would-stop", "--json")

    assert (said.code, said.json) == (0, {"would_stop": []})


def test_a_database_that_does_not_answer_is_a_failure(shell: Terminal) -> None:
    assert shell.breaker_elsewhere("postgresql://127.0.0.1:1/nowhere", "check-config", "--would-stop").code == 1
