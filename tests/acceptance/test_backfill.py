"""History from the platform, beside a daemon and before there was one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import asyncpg

from tests.acceptance.notifications import APPLICATION, Message, body_of

if TYPE_CHECKING:
    from tests.acceptance.world import World

FIRST, SECOND = "agent-001@agents-1.example.com", "agent-002@agents-2.example.com"


async def test_a_set_up_reads_what_was_before_and_a_backfill_what_was_lost_since(world: World) -> None:
    platform = await world.platform("--accounts", "4")
    daemon = await world.daemon()
    # Nobody listens yet.
    await platform.burst(FIRST, sends=60, hard_bounces=6, complaints=1)
    await platform.burst(SECOND, sends=40, soft_bounces=2, policy_bounces=1)

    done = await world.breaker("setup", "--backfill", "90d", "--json", BREAKER_PUBLIC_URL=daemon.webhooks)

    assert (done.code, all(one["done"] for one in done.json["applications"][0]["steps"])) == (0, True)
    assert [await daemon.counts(FIRST), await daemon.counts(SECOND)] == [(6, 60), (1, 40)]

    # From here on webhooks come, and are lost for a while.
    burst = await platform.burst(FIRST, sends=20, hard_bounces=1)
    heard = burst["accepted"]
    await platform.delivered(heard)
    daemon.running.kill()
    await platform.burst(FIRST, sends=30, hard_bounces=2)
    said = await world.breaker("backfill", "--since", "90d", "--json")
    assert (said.code, said.err) == (0, "")
    [backfill] = said.json["backfills"]
    known = {name: backfill[name] for name in ("application_id", "outcomes", "counted", "pending_verdicts")}
    assert known == {
        "application_id": APPLICATION,
        "outcomes": {"counted": 30, "repeated": 121},
        "counted": {"bounced": 2, "delivered": 28},
        "pending_verdicts": [],
    }
    assert backfill["events_per_second"] > 0
    daemon = await world.daemon()
    assert await daemon.counts(FIRST) == (9, 110)

    again = await world.breaker("backfill", "--since", "90d", "--again", "--json")
    [backfill] = again.json["backfills"]
    assert (backfill["outcomes"], await daemon.counts(FIRST)) == ({"repeated": 151}, (9, 110))

    # All is known, and both sides count the same.
    report = await world.breaker("report")
    *_, ready, following = report.out.splitlines()
    assert (report.code, ready) == (0, "ready to enforce")
    assert following.startswith("  next: breaker mode workspace:")


async def test_what_was_kept_undecoded_is_replayed(world: World, database_url: str) -> None:
    await world.platform("--accounts", "2")
    message = Message(
        id="m-1", sender=FIRST, sent_at=time.time(), recipient="nobody@y.example", grant_id="grant-of-another-day"
    )
    bodies = [body_of(message.delivered()), b'{"type": "message.bounced", "data": {}}']
    assert (await world.breaker("backfill", "--undecoded", "--json")).json["replays"][0]["kept"] == 0
    connection = await asyncpg.connect(database_url)
    try:
        for body in bodies:
            await connection.execute(
                "INSERT INTO undecoded (application, received_at, trigger, problem, body) "
                "SELECT application, $1, 'message.delivered', 'the shape is not known', $2 FROM applications",
                time.time(),
                body,
            )
        said = await world.breaker("backfill", "--undecoded", "--json")
        left = [row["body"] for row in await connection.fetch("SELECT body FROM undecoded")]
        sends = await connection.fetchval("SELECT count(*) FROM ledger")
    finally:
        await connection.close()

    assert (said.code, said.json) == (
        0,
        {
            "replays": [
                {
                    "application_id": APPLICATION,
                    "kept": 2,
                    "understood": 1,
                    "outcomes_counted": 1,
                    "pending_verdicts": [],
                }
            ]
        },
    )
    assert (left, sends) == ([bodies[1]], 1)


async def test_a_backfill_says_what_it_lacks(world: World) -> None:
    neither = await world.breaker("backfill")
    assert (neither.code, "--since 90d" in neither.err) == (2, True)
    without_key = await world.breaker("backfill", "--since", "90d")
    assert (without_key.code, "no API key" in without_key.err) == (2, True)
    await world.platform("--accounts", "1")
    other = await world.breaker("backfill", "--since", "90d", "--application", "app-of-others")
    assert (other.code, "app-of-others" in other.err) == (2, True)
