"""Protected accounts as the command line shows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet

TABLES = """
[[protected]]
pattern = "ceo@*"
owner = "Board"
may = "limit"
[[protected]]
pattern = "*@news.example"
owner = "Marketing"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "breaker.toml"
    path.write_text(TABLES)
    return str(path)


async def live(fleet: Fleet) -> None:
    fleet.clock.time = time.time()
    key = await fleet.know("ceo@x.example", "grant-ceo")
    await fleet.count(key, delivered=400, bounced=50)
    await fleet.set_state(key, State.LIMITED)
    await fleet.suspend(key, State.STOPPED, HeldBy.EXEMPT)
    await fleet.know("a@x.example", "grant-a")


def test_an_account_is_shown_with_what_protects_it(shell: Terminal, file: str) -> None:
    shell.prepare(live)

    explained = shell.breaker("explain", "ceo@x.example", "--config", file)
    fleet = shell.breaker("status", "--config", file)

    assert "  protected It is protected by ceo@*, owner Board: automatically, it may only be limited." in explained.out
    assert "stopped (protected: Board)" in " ".join(fleet.out.split())


def test_whom_each_pattern_speaks_of_is_listed_and_one_that_speaks_of_nobody_is_found(
    shell: Terminal, file: str
) -> None:
    shell.prepare(live)

    said = shell.breaker("check-config", "--protected", "--config", file, "--json")
    in_words = shell.breaker("check-config", "--protected", "--config", file)

    assert (said.code, said.json) == (
        3,
        {
            "protected": [
                {
                    "pattern": "ceo@*",
                    "owner": "Board",
                    "may": "limit",
                    "reason": None,
                    "accounts": 1,
                    "examples": ["ceo@x.example"],
                },
                {
                    "pattern": "*@news.example",
                    "owner": "Marketing",
                    "may": "notify",
                    "reason": None,
                    "accounts": 0,
                    "examples": [],
                },
            ]
        },
    )
    assert (in_words.code, "*@news.example speaks of no account that is known" in in_words.err) == (3, True)


def test_a_pattern_that_never_counts_is_a_problem_and_one_that_overlaps_a_note(shell: Terminal, file: str) -> None:
    with open(file, "a", encoding="utf-8") as tables:  # noqa: PTH123 - appended to, once
        tables.write('[[protected]]\npattern = "ceo@x.example"\nowner = "Legal"\n')
        tables.write('[[protected]]\npattern = "*@x.example"\nowner = "Legal"\n')

    said = shell.breaker("check-config", "--config", file, "--json")

    assert said.code == 3
    assert said.json["contradictions"] == [
        "protected[2]: ceo@x.example never counts, since ceo@* before it speaks of all of its accounts: put it first"
    ]
    assert (
        "protected[3]: to an account that fits both *@x.example and ceo@*, as much may happen as the first says: limit"
        in said.json["notes"]
    )


def test_who_may_not_be_stopped_would_be_limited_at_most(shell: Terminal, file: str) -> None:
    async def bad(fleet: Fleet) -> None:
        fleet.clock.time = time.time()
        for address in ("ceo@x.example", "a@news.example", "b@x.example"):
            await fleet.count(await fleet.know(address, f"grant-{address}"), delivered=400, bounced=50)

    shell.prepare(bad)

    said = shell.breaker("check-config", "--would-stop", "--config", file, "--json")

    assert {one["address"]: one["to"] for one in said.json["would_stop"]} == {
        "ceo@x.example": "limited",
        "b@x.example": "stopped",
    }
