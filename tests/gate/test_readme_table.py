"""The README's table of refused sends says what the platform answers, and what Breaker makes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from breaker.domain.platform.platform_standing import SendRefusal, refusal_of
from breaker.simulator.options import FREE
from tests.simulator.client import Answer, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

SENDER = "agent@agents.example.com"


async def _block(world: World, _grant: str) -> None:
    condition = {"field": "from.address", "operator": "is", "value": SENDER}
    rule = {
        "name": "stop",
        "trigger": "outbound",
        "match": {"conditions": [condition]},
        "actions": [{"type": "block"}],
    }
    number = (await world.client.post("/v3/rules", rule)).data["id"]
    default = world.application.workspaces.default.workspace_id
    await world.client.patch(f"/v3/workspaces/{default}", {"rule_ids": [number]})


async def _fail_to_evaluate(world: World, grant: str) -> None:
    await _block(world, grant)
    world.application.standing.evaluation_fails = True


async def _pause(world: World, grant: str) -> None:
    world.application.standing.paused.add(grant)


async def _restrict(world: World, _grant: str) -> None:
    world.application.standing.restrictions.add(("application", "app-1"))


async def _use_up(world: World, grant: str) -> None:
    limits = {"name": "one a day", "limits": {"limit_count_daily_email_sent": 1}}
    policy = (await world.client.post("/v3/policies", limits)).data["id"]
    default = world.application.workspaces.default.workspace_id
    await world.client.patch(f"/v3/workspaces/{default}", {"policy_id": policy})
    await world.client.send(grant, "a@y.example")


ANSWERS: Mapping[SendRefusal, tuple[Callable[[World, str], Awaitable[None]], int]] = {
    SendRefusal.BLOCKED_BY_RULE: (_block, 403),
    SendRefusal.PLATFORM_PAUSED: (_pause, 400),
    SendRefusal.RESTRICTED: (_restrict, 403),
    SendRefusal.RATE_LIMITED: (_use_up, 429),
    SendRefusal.EVALUATION_FAILED: (_fail_to_evaluate, 503),
}


def rows() -> list[list[str]]:
    """Return the cells of the table's rows."""
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    table = readme.partition("| answer to the send |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


async def answer_to(refusal: SendRefusal) -> Answer:
    arrange, _ = ANSWERS[refusal]
    async with World.open(plan=FREE) as world:
        grant = world.application.add_grant(SENDER)
        await arrange(world, grant.id)
        return await world.client.send(grant.id, "a@y.example")


@pytest.mark.parametrize("refusal", ANSWERS)
async def test_what_the_platform_answers_has_its_row(refusal: SendRefusal) -> None:
    answer = await answer_to(refusal)
    status, _, message = answer.error
    _, expected = ANSWERS[refusal]

    said = "the text speaks of a rule" if refusal is SendRefusal.BLOCKED_BY_RULE else f"(`{refusal}`)"
    found = [cells for cells in rows() if said in cells[0]]

    assert (status, refusal_of(status, message)) == (expected, refusal)
    assert [re.match(r"\d+", cells[0])[0] for cells in found] == [str(status)]  # type: ignore[index] # each begins so


def test_only_what_ends_by_itself_is_tried_again() -> None:
    tried_again = {cells[0][:3] for cells in rows() if "no retry" not in cells[2]}

    assert tried_again == {"429", "503", "202"}


def test_every_refusal_that_breaker_keeps_is_in_the_table() -> None:
    text = " ".join(cells[0] for cells in rows())

    for refusal in ("platform_paused", "restricted", "rate_limited", "evaluation_failed"):
        assert f"`{refusal}`" in text
    assert "`domain is not verified`" in text
