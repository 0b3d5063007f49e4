from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.outcomes.outcomes import OutcomeSet
from tests.admin import Admin, admin
from tests.fleet import APPLICATION, NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def ids(listener: Admin, query: str) -> list[str]:
    status, answer = await listener.get(f"/api/v1/accounts?{query}")
    assert status == 200, answer
    return [one["id"] for one in answer["data"]]


def window(bad: str, count: int, total_name: str, total: int) -> dict[str, Any]:
    return {bad: count, total_name: total, "rate": count / total if total >= 100 else None}


async def test_an_account_has_the_shape_that_programs_rely_on(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1", workspace="wsp-1")
    await listener.fleet.count(key, delivered=180, bounced=19, complaints=1)

    status, answer = await listener.get("/api/v1/accounts")

    (account,) = answer["data"]
    assert (status, answer["next_cursor"]) == (200, None)
    assert account == {
        "id": "grant-1",
        "application_id": APPLICATION,
        "grant_id": "grant-1",
        "address": "agent@x.example",
        "domain": "x.example",
        "domain_state": "sending",
        "workspace_id": "wsp-1",
        "home_workspace_id": "wsp-1",
        "state": "sending",
        "since": NOW,
        "mode": "observe",
        "mode_source": "daemon",
        "profile": "standard",
        "owner": None,
        "labels": [],
        "protected": None,
        "epoch": 0,
        "enforceable": True,
        "platform": None,
        "pending": None,
        "enforcement": {"wanted": "sending", "confirmed": "sending", "since": NOW, "attempts": 0, "error": None},
        "probe": None,
        "signals": {
            "bounce": {
                "hard_bounces": 19,
                "sends": 200,
                "rate": 0.095,
                "headroom": {"bad_outcomes": 0, "sends": 0, "window": 1_000},
                "windows": {str(size): window("hard_bounces", 19, "sends", 200) for size in (1_000, 3_000, 10_000)},
                "all_bounces": {"bounces": 19, "rate": 0.095},
                "by_class": {
                    "unknown_recipient": 19,
                    "mailbox_full": 0,
                    "content_or_size": 0,
                    "policy": 0,
                    "suppressed": 0,
                    "transient": 0,
                    "undetermined": 0,
                },
            },
            "complaint": {
                "complaints": 1,
                "delivered": 181,
                "rate": 1 / 181,
                "headroom": {"bad_outcomes": 0, "sends": 0, "window": 10_000},
                "windows": {"10000": window("complaints", 1, "delivered", 181)},
                "feedback": {
                    "complaints": 0,
                    "delivered": 0,
                    "rate": None,
                    "windows": {"10000": window("complaints", 0, "delivered", 0)},
                },
            },
        },
        "rejected": 0,
        "counted_since": None,
        "last_event_at": NOW,
        "last_verdict": None,
    }


async def test_a_held_verdict_stands_beside_the_state(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    verdict = await listener.fleet.suspend(key, State.STOPPED, HeldBy.GUARD)

    _, answer = await listener.get("/api/v1/accounts/agent@x.example")

    assert (answer["state"], answer["pending"]) == (
        "sending",
        {"verdict": verdict, "to": "stopped", "at": NOW, "held_by": "guard"},
    )
    assert answer["last_verdict"] == {
        "id": verdict,
        "account": "grant-1",
        "scope": None,
        "at": NOW,
        "from": "sending",
        "to": "stopped",
        "detector": "level",
        "signal": None,
        "window": None,
        "count": None,
        "of": None,
        "rate": None,
        "threshold": None,
        "headroom": None,
        "cause": None,
        "epoch": 0,
        "applied": False,
        "held_by": "guard",
        "why": "12 of the last 200 sends hard-bounced.",
        "author": None,
    }


async def test_what_is_wanted_and_what_is_confirmed_are_told_apart(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    await listener.post({"selector": "grant-1", "action": "trip", "reason": "test"})
    await listener.fleet.pool.execute("UPDATE commands SET attempts = 2, error = 'the platform was silent'")

    _, answer = await listener.get("/api/v1/accounts/grant-1")

    assert (answer["state"], answer["enforcement"]) == (
        "stopped",
        {"wanted": "stopped", "confirmed": None, "since": NOW, "attempts": 2, "error": "the platform was silent"},
    )


async def test_an_account_is_found_by_its_grant_or_its_address(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    found = [await listener.get(f"/api/v1/accounts/{name}") for name in ("grant-1", "Agent%40X.example")]

    assert [(status, answer["id"]) for status, answer in found] == [(200, "grant-1"), (200, "grant-1")]


@pytest.mark.parametrize("name", ["nobody@x.example", "domain:x.example", "--all", "a%20b", "x" * 400])
async def test_an_account_that_is_not_known_is_not_found(listener: Admin, name: str) -> None:
    status, answer = await listener.get(f"/api/v1/accounts/{name}")

    assert (status, answer["error"]["type"], len(answer["request_id"])) == (404, "not_found", 32)


async def test_an_address_in_two_applications_has_to_be_told_apart(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    await listener.fleet.know("agent@x.example", "grant-2", application="app-2")

    status, answer = await listener.get("/api/v1/accounts/agent@x.example")
    told, account = await listener.get("/api/v1/accounts/agent@x.example?application=app-2")

    assert (status, answer["error"]["type"], told, account["id"]) == (409, "ambiguous", 200, "grant-2")


async def test_one_account_shows_its_last_hour_day_and_week(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    moments = [(60, OutcomeSet.DELIVERED), (7_200, OutcomeSet.UNKNOWN_RECIPIENT), (3 * 86_400, OutcomeSet.DELIVERED)]
    for number, (before, outcome) in enumerate(moments):
        sent_at = int(NOW) - before
        await listener.fleet.pool.execute("SELECT ledger_partition($1)", sent_at // 86_400)
        await listener.fleet.pool.execute(
            "INSERT INTO ledger SELECT $1::text::uuid, $2, $3, application, $4 FROM accounts WHERE account = $3",
            f"00000000-0000-0000-0000-{number:012}",
            sent_at,
            key,
            int(outcome),
        )

    _, answer = await listener.get("/api/v1/accounts/grant-1")

    assert {seconds: (one["sends"], one["hard_bounces"]) for seconds, one in answer["recent"].items()} == {
        "3600": (1, 0),
        "86400": (2, 1),
        "604800": (3, 1),
    }


async def test_accounts_are_filtered_by_state_mode_domain_and_workspace(listener: Admin) -> None:
    fleet = listener.fleet
    await fleet.know("a@x.example", "grant-a", workspace="home")
    await fleet.set_state(await fleet.know("b@x.example", "grant-b"), State.STOPPED)
    await fleet.set_state(await fleet.know("c@y.example", "grant-c", application="app-2"), State.LIMITED)
    await listener.post({"selector": "domain:y.example", "action": "mode", "mode": "enforce", "reason": "test"})

    assert [
        await ids(listener, query)
        for query in (
            "",
            "state=stopped",
            "state=stopped,limited",
            "state=stopped&state=sending",
            "mode=enforce",
            "mode=observe&state=stopped",
            "domain=X.example",
            "workspace=home",
            "application=app-2",
            "sort=known",
        )
    ] == [
        ["grant-b", "grant-c", "grant-a"],
        ["grant-b"],
        ["grant-b", "grant-c"],
        ["grant-b", "grant-a"],
        ["grant-c"],
        ["grant-b"],
        ["grant-b", "grant-a"],
        ["grant-a"],
        ["grant-c"],
        ["grant-a", "grant-b", "grant-c"],
    ]


@pytest.mark.parametrize("sort", ["state", "known"])
async def test_pages_follow_each_other_without_gap_or_repetition(listener: Admin, sort: str) -> None:
    for number in range(7):
        key = await listener.fleet.know(f"a{number}@x.example", f"grant-{number}")
        await listener.fleet.set_state(key, list(State)[number % 5])
    seen: list[str] = []
    cursor = ""
    while True:
        _, answer = await listener.get(f"/api/v1/accounts?sort={sort}&limit=2{cursor}")
        seen += [one["id"] for one in answer["data"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"

    assert seen == await ids(listener, f"sort={sort}")
    assert len(seen) == 7


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("state=asleep", "state: must be one of sending, warned, limited, stopped, probing"),
        ("mode=panic", "mode: must be one of observe, enforce, stopped, exempt"),
        ("sort=address", "sort: must be one of state, known"),
        ("limit=0", "limit: must be a number from 1 to 1000"),
        ("limit=1001", "limit: must be a number from 1 to 1000"),
        ("limit=²", "limit: must be a number from 1 to 1000"),
        ("pending=maybe", "pending: must be true or false"),
        ("cursor=!", "cursor: the cursor is none that this list gave: begin again without one"),
        ("cursor=WzFd", "cursor: the cursor is none that this list gave: begin again without one"),
        ("domain=x&domain=y", "domain: is there more than once"),
        ("stat=stopped", "stat: unknown parameter; the nearest known one is state"),
    ],
)
async def test_a_bad_parameter_is_named(listener: Admin, query: str, problem: str) -> None:
    status, answer = await listener.get(f"/api/v1/accounts?{query}")

    assert (status, answer["error"]) == (400, {"type": "bad_request", "message": problem})


async def test_a_cursor_of_another_order_is_refused(listener: Admin) -> None:
    for number in range(2):
        await listener.fleet.know(f"a{number}@x.example", f"grant-{number}")
    _, page = await listener.get("/api/v1/accounts?sort=known&limit=1")

    status, _ = await listener.get(f"/api/v1/accounts?sort=state&limit=1&cursor={page['next_cursor']}")

    assert status == 400


async def test_the_audit_trail_is_read_newest_first_with_operators_acts(listener: Admin) -> None:
    key = await listener.fleet.know("a@x.example", "grant-a")
    await listener.fleet.know("b@y.example", "grant-b")
    await listener.fleet.suspend(key, State.STOPPED)
    listener.fleet.clock.time += 100
    await listener.post({"selector": "grant-a", "action": "trip", "reason": "test"})
    await listener.post({"selector": "domain:y.example", "action": "mode", "mode": "enforce", "reason": "test"})

    found = []
    for query in ("", "?account=a@x.example", f"?since={NOW + 50}", "?limit=1"):
        _, answer = await listener.get(f"/api/v1/verdicts{query}")
        found.append([(one["account"], one["scope"], one["detector"], one["author"]) for one in answer["data"]])

    mode = (None, "domain:y.example", "operator", "ada")
    trip = ("grant-a", None, "operator", "ada")
    level = ("grant-a", None, "level", None)
    assert found == [[mode, trip, level], [trip, level], [mode, trip], [mode]]


async def test_the_audit_trail_goes_on_from_its_cursor(listener: Admin) -> None:
    key = await listener.fleet.know("a@x.example", "grant-a")
    numbers = [await listener.fleet.suspend(key, State.STOPPED) for _ in range(3)]

    _, first = await listener.get("/api/v1/verdicts?limit=2")
    _, second = await listener.get(f"/api/v1/verdicts?limit=2&cursor={first['next_cursor']}")

    assert [one["id"] for one in first["data"] + second["data"]] == numbers[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("query", ["since=yesterday", "since=nan", "account=nobody"])
async def test_a_bad_question_to_the_audit_trail_is_refused(listener: Admin, query: str) -> None:
    status, _ = await listener.get(f"/api/v1/verdicts?{query}")

    assert status == (404 if query.startswith("account") else 400)


async def test_counts_by_state_and_mode_cover_every_account(listener: Admin) -> None:
    await listener.fleet.know("a@x.example", "grant-a")
    await listener.fleet.set_state(await listener.fleet.know("b@x.example", "grant-b"), State.STOPPED)
    await listener.fleet.know("c@y.example", "grant-c")
    await listener.post({"selector": "grant-c", "action": "mode", "mode": "exempt", "reason": "test"})

    assert await listener.fleet.operations.fleet.by_state_and_mode() == {
        (State.SENDING, Mode.OBSERVE): 1,
        (State.STOPPED, Mode.OBSERVE): 1,
        (State.SENDING, Mode.EXEMPT): 1,
    }
