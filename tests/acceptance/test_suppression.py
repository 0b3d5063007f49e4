"""Suppression on the whole way: a bounce by webhook, a refused send to the same recipient, an erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from breaker.domain.outcomes.outcomes import BounceClass
from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Platform, World

BAD, OTHER = "agent-001@agents-1.example.com", "agent-002@agents-2.example.com"
LIST = "Breaker: suppressed recipients [app-simulated]"


async def send(platform: Platform, recipient: str) -> int:
    return (await platform.send(OTHER, to=[{"email": recipient}]))[0]


async def test_who_bounced_is_refused_for_everybody_until_a_person_erases_them(world: World) -> None:
    platform, daemon = await world.guarded(
        "--accounts", "2", BREAKER_SUPPRESSION__ENABLED="true", BREAKER_MODE="observe"
    )
    await platform.burst(BAD, sends=20, hard_bounces=10)

    async def kept() -> list[dict[str, Any]] | None:
        said = await world.breaker("suppression", "list", "--json")
        assert said.code == 0, said
        rows: list[dict[str, Any]] = said.json["data"]
        return rows if len(rows) == 10 and all(row["listed"] for row in rows) else None

    rows = await until("all who bounced are in the list, and it was read back", kept, 90)
    assert {row["reason"] for row in rows} == {BounceClass.UNKNOWN_RECIPIENT}
    gone, other = rows[0]["address"], rows[1]["address"]
    assert sorted((await platform.blocked())[LIST]) == sorted(row["address"] for row in rows)
    assert [await send(platform, gone), await send(platform, "somebody@recipients.example.org")] == [403, 200]
    assert await daemon.total("breaker_suppressed_recipients", state="listed") == 10
    assert (await daemon.known(BAD))["state"] == "sending"

    erased = await world.breaker("suppression", "erase", gone, "--reason", "it was a typing error of theirs")

    async def taken_out() -> bool:
        return gone not in (await platform.blocked())[LIST]

    assert erased.code == 0
    await until("it is taken out of the list", taken_out)
    assert [await send(platform, gone), await send(platform, other)] == [200, 403]

    # Nobody is named anywhere but where it is said to be.
    log, metrics = daemon.running.log, "".join(await daemon.metrics())
    trail = str((await daemon.get("/api/v1/verdicts"))[1])
    assert [row["address"] for row in rows if row["address"] in log + metrics + trail] == []

    torn = await world.breaker("teardown", "--yes")
    assert (torn.code, await platform.blocked()) == (0, {})
