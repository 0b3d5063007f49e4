from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.domain.platform.platform_standing import Example, SendRefusal, Source, standing_of
from tests.fleet import NOW

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def _a_paused_account(known: Fleet) -> None:
    key = await known.know("bad@x.example", "grant-bad", workspace="wsp-1")
    await known.know("good@x.example", "grant-good")
    await known.count(key, delivered=180, bounced=20)
    example = Example(400, "invalid_request_error", "Sending paused for this account.", NOW, "request-7")
    seen = standing_of(SendRefusal.PLATFORM_PAUSED, example, Source.OBSERVATION, None)
    assert await PostgresPlatformStandings(known.pool).note(key, seen, NOW) is not None


def test_support_is_told_who_one_example_the_numbers_and_what_was_done(shell: Terminal) -> None:
    shell.prepare(_a_paused_account)

    said = shell.breaker("support", "bad@x.example")

    assert said.code == 0
    for part in (
        "Application  app-1",
        "Grant        grant-bad",
        "Workspace    wsp-1",
        "The platform has paused the account (scope: grant), since 2025-11-20 12:00:00 UTC.",
        "One example, of 1 refused, told by observation:",
        "  request id  request-7",
        "  status      400",
        "  error       invalid_request_error: Sending paused for this account.",
        "  last 1,000 sends: 20 hard bounces of 200 (10.00 %)",
        "What was done: the account is sending (read back from the platform).",
    ):
        assert part in said.out


def test_the_platform_is_not_told_who_looked_at_what_or_set_which_mode(shell: Terminal) -> None:
    shell.prepare(_a_paused_account)
    shell.breaker("mode", "grant-bad", "observe", "--reason", "our own affair")

    said, told = shell.breaker("support", "grant-bad"), shell.breaker("support", "grant-bad", "--json").json

    assert "our own affair" not in said.out
    assert told["done"]["verdicts"] == []


def test_a_group_is_told_of_as_far_as_the_platform_refuses_it(shell: Terminal) -> None:
    shell.prepare(_a_paused_account)

    [told] = msgspec.json.decode(shell.breaker("support", "domain:x.example", "--json").out)

    assert (told["grant_id"], told["platform"]["what"], told["platform"]["example"]) == (
        "grant-bad",
        "platform_paused",
        {
            "status": 400,
            "type": "invalid_request_error",
            "message": "Sending paused for this account.",
            "request_id": "request-7",
            "at": NOW,
        },
    )
    assert told["numbers"]["signals"]["bounce"]["rate"] == 0.1
    assert told["done"]["state"] == "sending"


def test_an_account_that_nobody_refuses_is_told_of_without_an_example(shell: Terminal) -> None:
    shell.prepare(_a_paused_account)

    said, told = shell.breaker("support", "grant-good"), shell.breaker("support", "grant-good", "--json").json

    assert "The platform is not known to refuse its sends." in said.out
    assert (told["grant_id"], told["platform"]) == ("grant-good", None)


def test_nobody_to_tell_of_is_said(shell: Terminal) -> None:
    async def known(fleet: Fleet) -> None:
        await _a_paused_account(fleet)
        await fleet.know("agent@y.example", "grant-of-y")

    shell.prepare(known)

    said = [shell.breaker("support", name) for name in ("nobody@x.example", "domain:y.example", "workspace:")]

    assert [one.code for one in said] == [1, 1, 2]
    assert said[1].err == "breaker: the platform is not known to refuse any account of domain:y.example\n"


def test_explain_says_what_the_platform_did_and_where_help_is(shell: Terminal) -> None:
    shell.prepare(_a_paused_account)

    said = shell.breaker("explain", "grant-bad")

    assert "refused   The platform has paused the account (platform_paused, scope grant)" in said.out
    assert "told by observation, 1 refused send" in said.out
    assert "For the platform's support:  breaker support bad@x.example" in said.out
