from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _one_account(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")


async def _states(known: Fleet) -> list[str]:
    return list((await known.states()).values())


def test_modes_in_force_are_listed_with_author_and_reason(shell: Terminal) -> None:
    shell.prepare(_one_account)
    shell.breaker("mode", "grant-1", "exempt", "--for", "2d", "--reason", "a launch")
    shell.breaker("mode", "domain:x.example", "observe", "--reason", "trial")

    said = shell.breaker("modes")

    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [
        ["whose", "mode", "since", "ends", "in", "by", "why"],
        ["agent@x.example", "exempt", "0", "s", "1", "d", "ada", "a", "launch"],
        ["domain:x.example", "observe", "0", "s", "-", "ada", "trial"],
        ["--all", "observe", "-", "-", "the", "configuration", "-"],
    ]


def test_a_pin_stops_and_ends_when_it_was_said_to(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("mode", "domain:x.example", "stopped", "--until", "2999-01-01", "--reason", "under inquiry")
    listed = shell.breaker("modes", "--json").json["data"]

    assert (said.code, shell.prepare(_states)) == (4, ["stopped"])
    assert [(one["selector"], one["mode"], one["expires_at"]) for one in listed] == [
        ("domain:x.example", "stopped", pytest.approx(32_472_144_000.0, abs=60))
    ]


def test_letting_go_what_is_pinned_fails_and_says_what_to_type(shell: Terminal) -> None:
    shell.prepare(_one_account)
    shell.breaker("mode", "grant-1", "stopped", "--reason", "under inquiry")

    said = shell.breaker("reset", "grant-1", "--reason", "trial")

    assert said.code == 1
    assert "Take that away first: breaker mode agent@x.example inherit" in said.out


def test_a_pinned_account_is_explained_with_how_its_pin_is_taken_away(shell: Terminal) -> None:
    shell.prepare(_one_account)
    shell.breaker("mode", "domain:x.example", "stopped", "--reason", "under inquiry")

    said = shell.breaker("explain", "grant-1")

    assert "mode      stopped, set for the domain by ada: under inquiry" in said.out
    assert 'breaker mode domain:x.example inherit --reason "..."' in said.out
    assert "breaker reset" not in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("observe", "--for", "1h", "--until", "2999-01-01"),
        ("observe", "--until", "2001-01-01"),
        ("observe", "--until", "tomorrow"),
        ("inherit", "--for", "1h"),
    ],
)
def test_an_end_that_is_none_is_bad_usage(shell: Terminal, arguments: tuple[str, ...]) -> None:
    assert shell.breaker("mode", "grant-1", *arguments, "--reason", "trial").code == 2


def test_an_unknown_selector_is_answered_by_the_nearest_known_one(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = [
        shell.breaker(*arguments)
        for arguments in (
            ("trip", "agnet@x.example", "--reason", "trial"),
            ("explain", "agnet@x.example"),
            ("support", "grant-11"),
        )
    ]

    assert [one.code for one in said] == [1, 1, 1]
    assert [one.err.partition("the nearest known is ")[2].partition(")")[0] for one in said] == [
        "agent@x.example",
        "agent@x.example",
        "grant-1",
    ]
