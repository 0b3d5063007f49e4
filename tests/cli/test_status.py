from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _three_accounts(known: Fleet) -> None:
    healthy = await known.know("good@x.example", "grant-good")
    await known.count(healthy, delivered=198, bounced=2)
    stopped = await known.know("bad@x.example", "grant-bad")
    await known.count(stopped, delivered=60, bounced=60)
    await known.set_state(stopped, State.STOPPED, confirmed=False)
    observed = await known.know("held@y.example", "grant-held")
    await known.suspend(observed, State.STOPPED)


def test_the_worst_state_comes_first_and_the_rest_by_age(shell: Terminal) -> None:
    shell.prepare(_three_accounts)

    said = shell.breaker("status")

    rows = [line.split() for line in said.out.splitlines()]
    assert said.code == 0
    assert [row[:4] for row in rows] == [
        ["account", "domain", "state", "confirmed"],
        ["bad@x.example", "x.example", "stopped", "not"],
        ["good@x.example", "x.example", "sending", "yes"],
        ["held@y.example", "y.example", "sending", "yes"],
    ]
    assert said.err == "3 accounts: 2 sending, 1 stopped; 1 with a held verdict\n"


def test_not_enough_data_is_no_rate(shell: Terminal) -> None:
    shell.prepare(_three_accounts)

    said = shell.breaker("status", "--domain", "Y.example")

    assert said.out.splitlines()[1].split()[5:8] == ["?", "?", "5"]


def test_only_accounts_with_a_held_verdict(shell: Terminal) -> None:
    shell.prepare(_three_accounts)

    said = shell.breaker("status", "--pending", "--json")

    assert [one["id"] for one in said.json["data"]] == ["grant-held"]


def test_a_page_of_json_says_where_the_next_one_goes_on(shell: Terminal) -> None:
    shell.prepare(_three_accounts)

    first = shell.breaker("status", "--json", "--limit", "2").json
    second = shell.breaker("status", "--json", "--limit", "2", "--cursor", str(first["next_cursor"])).json

    pages = [[one["id"] for one in page["data"]] for page in (first, second)]
    assert (pages, second["next_cursor"]) == ([["grant-bad", "grant-good"], ["grant-held"]], None)


def test_an_empty_fleet_says_what_to_do(shell: Terminal) -> None:
    said = shell.breaker("status")

    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("No account is known yet: they are learnt from what the platform tells.")


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(shell: Terminal) -> None:
    said = shell.breaker_elsewhere("postgresql://breaker:hunter2@127.0.0.1:1/fleet", "status")

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert said.err.startswith("breaker: the database 127.0.0.1:1/fleet ")
    assert "hunter2" not in said.err


def test_a_wrong_setting_ends_with_2_and_names_it(shell: Terminal) -> None:
    said = shell.breaker_elsewhere("mysql://nothing", "status")

    assert said.code == 2
    assert "BREAKER_DATABASE_URL" in said.err


def test_a_cursor_of_nobody_s_is_bad_usage(shell: Terminal) -> None:
    assert shell.breaker("status", "--cursor", "!").code == 2
