from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _one_account(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")


async def _one_away(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1", workspace="w-quarantine", home="w-gone")


async def _a_dozen_accounts(known: Fleet) -> None:
    for number in range(12):
        await known.know(f"agent{number}@x.example", f"grant-{number}")


async def _states(known: Fleet) -> list[str]:
    return list((await known.states()).values())


async def _homes(known: Fleet) -> list[str | None]:
    return [home for (home,) in await known.pool.fetch("SELECT home_workspace_id FROM accounts ORDER BY account")]


async def _trail(known: Fleet) -> list[tuple[str | None, str]]:
    return [(one.author, one.why) for one in (await known.operations.trail.page()).items]


def test_a_trip_is_accepted_but_not_done_before_the_platform_was_read_back(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("trip", "agent@x.example", "--reason", "bought list")

    assert said.code == 4
    assert said.out.splitlines()[1].split()[:4] == ["agent@x.example", "sending", "stopped", "changed"]
    assert said.err.startswith("1 not yet confirmed by the platform")
    assert shell.prepare(_trail) == [("ada", "Stopped by a person: bought list")]


def test_more_than_ten_accounts_are_not_touched_without_being_asked(shell: Terminal) -> None:
    shell.prepare(_a_dozen_accounts)

    said = shell.breaker("trip", "domain:x.example", "--reason", "bought list")

    assert said.code == 2
    assert "12 accounts are meant and nobody can be asked: say --yes" in " ".join(said.err.replace("│", "").split())
    assert shell.prepare(_states) == ["sending"] * 12


def test_more_than_ten_accounts_are_stopped_where_that_is_said(shell: Terminal) -> None:
    shell.prepare(_a_dozen_accounts)

    said = shell.breaker("trip", "--all", "--reason", "bought list", "--yes", "--json")

    assert (said.code, said.json["accounts"], said.json["unconfirmed"]) == (4, 12, 12)
    assert shell.prepare(_states) == ["stopped"] * 12


def test_accounts_are_read_from_standard_input(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.prepare(_a_dozen_accounts)
    monkeypatch.setattr("sys.stdin", io.StringIO("agent1@x.example  # the worst\n\ngrant-3\n"))

    said = shell.breaker("trip", "-", "--reason", "bought list", "--json")

    assert [one["account"] for one in said.json["results"]] == ["grant-1", "grant-3"]


def test_a_plan_changes_nothing_and_is_done(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("trip", "grant-1", "--reason", "bought list", "--plan", "--json")

    assert (said.code, said.json["plan"], said.json["unconfirmed"]) == (0, True, None)
    assert shell.prepare(_states) == ["sending"]


def test_nothing_to_take_back_is_said(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("release", "--everything", "--reason", "bad roll-out")

    assert (said.code, said.out, said.err) == (0, "", "Nobody stands so: there is nothing to do.\n")


def test_a_trip_of_who_is_stopped_already_says_how_to_keep_them_so(shell: Terminal) -> None:
    async def stopped(known: Fleet) -> None:
        await known.set_state(await known.know("agent@x.example", "grant-1"), State.STOPPED)

    shell.prepare(stopped)

    said = shell.breaker("trip", "grant-1", "--reason", "bought list")

    assert said.code == 0
    assert said.err == (
        "What Breaker stopped by itself is still probed after its cool-down: the mode stopped keeps it stopped.\n"
    )


def test_an_act_needs_a_reason_and_somebody_to_act_on(shell: Terminal) -> None:
    codes = [
        shell.breaker(*arguments).code
        for arguments in (
            ("trip", "grant-1"),
            ("trip", "grant-1", "--reason", " "),
            ("trip", "--reason", "bought list"),
            ("trip", "team:x", "--reason", "bought list"),
            ("trip", "grant-1", "--reason", "bought list", "--wait", "soon"),
        )
    ]

    assert codes == [2, 2, 2, 2, 2]


def test_a_mode_is_set_and_taken_away(shell: Terminal) -> None:
    shell.prepare(_one_account)

    codes = [
        shell.breaker("mode", "domain:x.example", mode, "--reason", "trial").code for mode in ("enforce", "inherit")
    ]

    assert codes == [0, 0]
    assert shell.prepare(_trail) == [
        ("ada", "Mode of domain:x.example no longer set by a person: trial"),
        ("ada", "Mode of domain:x.example set to enforce by a person: trial"),
    ]


def test_enforcing_lists_whose_verdict_is_pending(shell: Terminal) -> None:
    async def held(known: Fleet) -> None:
        await known.suspend(await known.know("agent@x.example", "grant-1"), State.STOPPED)

    shell.prepare(held)

    said = shell.breaker("mode", "--all", "enforce", "--reason", "trial")

    assert said.code == 0
    assert "agent@x.example" in said.out
    assert said.err.endswith("1 verdict given before stays pending and stops nobody now; --apply-pending takes it.\n")


def test_pending_verdicts_are_taken_where_that_is_said(shell: Terminal) -> None:
    async def held(known: Fleet) -> None:
        await known.suspend(await known.know("agent@x.example", "grant-1"), State.STOPPED)

    shell.prepare(held)

    said = shell.breaker("mode", "grant-1", "enforce", "--apply-pending", "--reason", "trial")

    assert (said.code, shell.prepare(_states)) == (4, ["stopped"])


def test_what_is_no_mode_is_bad_usage(shell: Terminal) -> None:
    assert shell.breaker("mode", "grant-1", "panic", "--reason", "trial").code == 2


def test_a_trip_may_limit_instead(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("trip", "agent@x.example", "--limit", "--reason", "a new list", "--json")

    assert said.code == 4
    assert shell.prepare(_states) == ["limited"]
    assert shell.prepare(_trail) == [("ada", "Limited by a person: a new list")]


def test_a_domain_is_stopped_as_a_whole_or_not_at_all(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("trip", "domain:x.example", "--limit", "--only-domain", "--reason", "a new list")

    assert said.code == 2
    assert shell.prepare(_states) == ["sending"]


def test_a_reset_may_say_where_accounts_go(shell: Terminal) -> None:
    shell.prepare(_one_away)
    shell.breaker("trip", "agent@x.example", "--reason", "a bought list")

    said = shell.breaker("reset", "agent@x.example", "--home", "w-support", "--reason", "moved", "--json")

    assert (said.code, shell.prepare(_states), shell.prepare(_homes)) == (4, ["sending"], ["w-support"])


def test_a_domain_has_no_home(shell: Terminal) -> None:
    shell.prepare(_one_account)

    said = shell.breaker("reset", "domain:x.example", "--only-domain", "--home", "w-support", "--reason", "moved")

    assert said.code == 2


def test_a_probe_says_what_a_quota_bounds(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.prepare(_one_account)
    shell.breaker("trip", "agent@x.example", "--reason", "a bought list")
    monkeypatch.setenv("BREAKER_PROBING__QUOTA", "5")

    said = shell.breaker("probe", "agent@x.example", "--reason", "the list was cleaned")

    assert "5 messages a day at most meanwhile: up to 250 sends" in " ".join(said.err.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("trip", "-"),
        ("trip", "-", "--limit"),
        ("reset", "-"),
        ("probe", "-"),
        ("mode", "-", "enforce"),
        ("mode", "-", "stopped"),
        ("guard", "approve", "-"),
    ],
)
def test_every_act_takes_every_selector_from_standard_input_and_plans_without_asking(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    shell.prepare(_one_account)
    selectors = ("agent@x.example", "grant-1", "domain:x.example", "application:app-1", "--all")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(selectors)))

    said = shell.breaker(*arguments, "--reason", "trial", "--plan", "--json")

    assert (said.code, said.json["plan"]) == (0, True)
    assert shell.prepare(_states) == ["sending"]
