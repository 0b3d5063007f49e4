"""Mailboxes that people connected, of other providers: the platform's outbound rules hold for Agent Accounts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import UNENFORCEABLE, Act, ActKind, Effect
from breaker.domain.acts.selectors import parse_selector

if TYPE_CHECKING:
    from tests.fleet import Fleet


@pytest.mark.parametrize("kind", [ActKind.TRIP, ActKind.PROBE])
async def test_an_act_on_all_is_refused_for_who_is_no_agent_account(known: Fleet, kind: ActKind) -> None:
    keys = [await known.know(f"{name}@x.example", f"grant-{name}") for name in ("agent", "person", "unseen")]
    for name, provider in (("agent", "nylas"), ("person", "google")):
        await known.pool.execute("UPDATE accounts SET provider = $2 WHERE grant_id = $1", f"grant-{name}", provider)
    act, everybody = Act(kind, "a bought list", "ada"), [parse_selector("--all")]

    planned = await known.operations.operator.plan(act, everybody)
    report = await known.operations.operator.carry_out(act, everybody)

    refused = [(one.account, one.detail) for one in report.listed if one.effect is Effect.REFUSED]
    assert refused == [("grant-person", UNENFORCEABLE)]
    assert [(one.account, one.effect) for one in planned.listed] == [(one.account, one.effect) for one in report.listed]
    assert await known.commands(keys[1]) == []
    standings = await known.operations.accounts.find(parse_selector("--all"))
    assert {one.id: one.enforceable for one in standings} == {
        "grant-agent": True,
        "grant-person": False,
        "grant-unseen": True,
    }
    assert ("person@x.example", "sending") in (await known.states()).items()
