from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State
from tests.fleet import NOW

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _a_stopped_account(known: Fleet) -> None:
    key = await known.know("bad@x.example", "grant-bad", workspace="wsp-1")
    await known.count(key, delivered=60, bounced=60)
    await known.suspend(key, State.STOPPED)
    act = Act(ActKind.TRIP, "bought list", "ada")
    await known.operations.operator.carry_out(act, [parse_selector("grant-bad")])


def test_an_account_is_explained_from_its_numbers_to_what_to_type_next(shell: Terminal) -> None:
    shell.prepare(_a_stopped_account)

    said = shell.breaker("explain", "bad@x.example")

    assert said.code == 0
    for part in (
        "grant grant-bad, application app-1",
        "NOT YET CONFIRMED: stopped is wanted",
        "observe, from the daemon's configuration",
        "bounce: the platform's review line is reached",
        "(level, held by observe)",
        "12 of the last 200 sends hard-bounced.",
        "sending -> stopped (operator by ada)",
        "Stopped by a person: bought list",
        'breaker reset bad@x.example --reason "..." --wait 60s',
    ):
        assert part in said.out
    assert "bounce last 1,000 sends 60 120 50.00 % 5.00 % 10.00 %" in " ".join(said.out.split())


def test_a_stop_is_told_with_what_shows_that_it_holds_or_leaks(shell: Terminal) -> None:
    async def stopped_and_read_back(known: Fleet) -> None:
        await _a_stopped_account(known)
        await known.pool.execute(
            "UPDATE circuits SET confirmed = 'stopped', since = $1, confirmed_at = $1", NOW - 3_600
        )
        await known.pool.execute(
            "INSERT INTO evaluations_read (account, read_at, until, refused, last_refused_at) "
            "SELECT account, $1, $1, 2, $1 FROM accounts",
            NOW - 60,
        )

    async def sent(known: Fleet) -> None:
        await known.pool.execute("SELECT ledger_partition($1)", int(NOW) // 86_400)
        await known.pool.execute(
            "INSERT INTO ledger (send, sent_at, account, application, outcomes) "
            "SELECT gen_random_uuid(), $1, account, application, 1 FROM accounts",
            int(NOW) - 120,
        )

    shell.prepare(stopped_and_read_back)
    holds, of_holds = shell.breaker("explain", "bad@x.example"), shell.breaker("explain", "grant-bad", "--json").json
    shell.prepare(sent)
    leaks, of_leaks = shell.breaker("explain", "bad@x.example"), shell.breaker("explain", "grant-bad", "--json").json

    assert "read back: stopped" in holds.out
    assert "shown by a send that the platform refused" in holds.out
    assert "LEAKS" not in holds.out
    assert "BUT THE STOP LEAKS: 1 send left since" in leaks.out
    assert "breaker doctor" in leaks.out
    expected = {"confirmed_at": NOW - 3_600, "refused_at": NOW - 60, "sends_after": 0, "last_sent_at": None}
    assert of_holds["stop"] == expected
    assert of_leaks["stop"] == expected | {"sends_after": 1, "last_sent_at": int(NOW) - 120}


def test_the_json_is_the_account_with_its_story(shell: Terminal) -> None:
    shell.prepare(_a_stopped_account)

    told = shell.breaker("explain", "grant-bad", "--json").json

    assert (told["id"], told["state"], told["last_verdict"]["detector"]) == (
        "grant-bad",
        "stopped",
        "operator",
    )
    assert [one["detector"] for one in told["verdicts"]] == ["operator", "level"]
    assert [(one["kind"], one["ended"]) for one in told["commands"]] == [("block", None)]
    assert set(told["recent"]) == {"3600", "86400", "604800"}


def test_an_unknown_account_is_told_and_fails(shell: Terminal) -> None:
    said = shell.breaker("explain", "nobody@x.example")

    assert (said.code, said.err) == (
        1,
        "breaker: no account is known by nobody@x.example; `breaker status` lists those that are\n",
    )


def test_explain_takes_one_account(shell: Terminal) -> None:
    assert shell.breaker("explain", "workspace:x").code == 2


def test_an_account_is_explained_as_it_stood_at_a_moment(shell: Terminal) -> None:
    shell.prepare(_a_stopped_account)

    before = shell.breaker("explain", "bad@x.example", "--at", "2025-11-20T11:59:59", "--json").json
    said = shell.breaker("explain", "bad@x.example", "--at", "2025-11-20T12:00:00")

    assert (before["state"], before["since"], before["verdicts"], before["commands"]) == ("sending", None, [], [])
    assert said.code == 0
    for part in (
        "bad@x.example, as of 2025-11-20 12:00:00 UTC",
        "state     stopped since 2025-11-20 12:00:00 UTC",
        "sending -> stopped (operator by ada)",
    ):
        assert part in said.out


def test_a_moment_to_come_is_bad_usage(shell: Terminal) -> None:
    shell.prepare(_a_stopped_account)

    assert shell.breaker("explain", "bad@x.example", "--at", "2999-01-01").code == 2
