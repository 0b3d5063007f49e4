from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.feed import BlindCause, Blindness
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _held_by_the_guard(known: Fleet) -> None:
    await known.suspend(await known.know("agent@x.example", "grant-1"), State.STOPPED, HeldBy.GUARD)


async def _trail(known: Fleet) -> list[tuple[str | None, str | None, str]]:
    return [(one.scope, one.author, one.why) for one in (await known.operations.trail.page()).items if one.author]


def test_the_guard_shows_its_limits_and_what_it_holds(shell: Terminal) -> None:
    shell.prepare(_held_by_the_guard)

    said = shell.breaker("guard")

    assert said.code == 0
    assert "agent@x.example" in said.out
    assert "1 stop held." in said.err
    assert shell.breaker("guard", "--json").json["held"][0]["account"] == "grant-1"


def test_what_the_guard_holds_is_taken_by_a_person(shell: Terminal) -> None:
    shell.prepare(_held_by_the_guard)

    said = shell.breaker("guard", "approve", "agent@x.example", "--reason", "seen")

    assert said.code == 4
    assert said.out.splitlines()[1].split()[:4] == ["agent@x.example", "sending", "stopped", "changed"]
    assert "Nothing is held." in shell.breaker("guard").err


def test_a_limit_is_raised_for_a_while_and_lowered_again(shell: Terminal) -> None:
    shell.prepare(_held_by_the_guard)

    assert shell.breaker("guard", "raise", "--to", "20", "--for", "2h", "--reason", "checked").code == 0
    assert "all limits raised to 20 by ada" in shell.breaker("guard").err
    assert shell.breaker("guard", "lower", "--reason", "enough").code == 0
    assert "raised" not in shell.breaker("guard").err.replace("`breaker guard raise`", "")
    assert shell.prepare(_trail) == [
        ("guard", "ada", "Fleet guard set back to its configured limits by a person: enough"),
        ("guard", "ada", "Fleet guard raised to 20 for 120 minutes by a person: checked"),
    ]


def test_a_limit_that_is_none_is_bad_usage(shell: Terminal) -> None:
    said = shell.breaker("guard", "raise", "--to", "lots", "--reason", "checked")

    assert said.code == 2
    assert "is no limit" in said.err


def test_a_hold_is_set_shown_and_ended(shell: Terminal) -> None:
    assert shell.breaker("hold").err == "Automatic changes are not on hold.\n"

    assert shell.breaker("hold", "on", "--reason", "a move", "--for", "2h").code == 0

    assert "by ada, 1 h left: a move" in " ".join(shell.breaker("hold").err.split())
    assert shell.breaker("hold", "--json").json["hold"]["author"] == "ada"
    assert shell.breaker("hold", "off", "--reason", "moved").code == 0
    assert shell.breaker("hold", "--json").json == {"hold": None}
    assert shell.breaker("hold", "on").code == 2


async def _stopped_by_a_person(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    await known.operations.operator.carry_out(Act(ActKind.TRIP, "a bought list", "eve"), [parse_selector("grant-1")])


def test_everything_is_released_only_where_that_is_said(shell: Terminal) -> None:
    shell.prepare(_stopped_by_a_person)

    assert shell.breaker("release", "--reason", "a bad roll-out").code == 2
    said = shell.breaker("release", "--everything", "--reason", "a bad roll-out", "--json")

    assert (said.code, said.json["accounts"]) == (0, 0)
    assert shell.prepare(lambda known: known.states()) == {"agent@x.example": "stopped"}


def test_what_a_detector_stopped_since_is_plain_to_say(shell: Terminal) -> None:
    shell.prepare(_stopped_by_a_person)

    undone = ("reset", "--detector", "cusum", "--reason", "a bad roll-out", "--json")
    for since in ("2h", "2026-11-20", "2026-11-20T09:00", "2026-11-20T09:00+01:00"):
        assert shell.breaker(*undone, "--since", since).json["accounts"] == 0
    said = shell.breaker(*undone, "--since", "yesterday")
    assert said.code == 2
    assert "is no moment" in said.err


def test_a_false_stop_is_taken_back_as_one(shell: Terminal) -> None:
    shell.prepare(_stopped_by_a_person)

    said = shell.breaker("reset", "agent@x.example", "--false-stop", "--reason", "my mistake", "--json")

    assert said.json["results"][0]["detail"] == "Reset by a person as a false stop: my mistake"


async def _a_gap(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    found = Blindness(BlindCause.SILENCE, known.clock.now() - 3_600, "Nothing delivered was heard for 60 minutes.")
    await known.operations.feed.begin_gap("app-1", found, known.clock.now())


def test_status_says_what_keeps_everything_back(shell: Terminal) -> None:
    shell.prepare(_a_gap)
    shell.breaker("hold", "on", "--reason", "a move")

    told = " ".join(shell.breaker("status").err.split())

    assert "Automatic changes are on hold since 0 s by ada: a move" in told
    assert "The feed of app-1 is blind since" in told
    assert told.endswith("so nothing changes automatically: Nothing delivered was heard for 60 minutes.")
    shown = shell.breaker("status", "--json").json
    assert (shown["hold"]["reason"], shown["blind"]) == ("a move", ["app-1"])
