"""Many at once: several daemons on one database, and one that is told to end in the midst of it."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import asyncpg

from tests.acceptance.notifications import Message, Sender, body_of
from tests.acceptance.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.acceptance.world import Daemon, World

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
SECRET = "a-secret-of-the-acceptance"
GRANTS = {f"agent-{number}@agents.example.com": f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)}


async def test_two_daemons_on_one_database_count_exactly_and_meet_no_deadlock(world: World) -> None:
    world.environment["BREAKER_WEBHOOK_SECRETS"] = SECRET
    first, second = await asyncio.gather(world.daemon(), world.daemon())
    messages = _messages(per_account=150)
    bad = set(random.Random(1).sample(messages, 120))
    # Each outcome comes by both families, and half of them once more; bounces of what was delivered before, too.
    bodies = [body for message in messages for body in _told(message, bounced=message in bad)]
    bodies += random.Random(2).sample(bodies, len(bodies) // 2)
    random.Random(3).shuffle(bodies)
    sender = Sender(world.session, SECRET)

    await sender.pour([first.webhooks, second.webhooks], bodies, connections=64)

    assert sender.answers == {200: len(bodies)}
    expected = {address: _expected(address, messages, bad) for address in GRANTS}
    assert {address: await first.counts(address) for address in GRANTS} == expected
    assert {address: await second.counts(address) for address in GRANTS} == expected
    taken = [await daemon.total("breaker_outcomes_total") for daemon in (first, second)]
    assert min(taken) > 0
    assert sum(taken) == len(messages) + len(bad)
    connection = await asyncpg.connect(world.environment["BREAKER_DATABASE_URL"])
    try:
        assert await _ledger(connection) == expected
        deadlocks = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    assert deadlocks == 0
    for daemon in (first, second):
        assert not [one for one in daemon.running.events if one["level"] in {"error", "critical"}]


async def test_a_daemon_that_is_told_to_end_under_load_loses_nothing_and_counts_nothing_twice(world: World) -> None:
    world.environment["BREAKER_WEBHOOK_SECRETS"] = SECRET
    daemon = await world.daemon()
    messages = _messages(per_account=400)
    bodies = [body_of(message.bounced()) for message in messages]
    sender = Sender(world.session, SECRET)

    pouring = asyncio.create_task(sender.pour([daemon.webhooks], bodies))

    async def well_under_way() -> bool:
        return sender.answers[200] >= 200

    await until("a good part is taken", well_under_way)
    daemon.running.tell(signal.SIGTERM)
    answered = await pouring
    code = await daemon.running.ended()

    assert code == 0
    assert await sender.post(daemon.webhooks, bodies[0]) == 0
    taken = {body for body, status in answered if status == 200}
    assert {status for _, status in answered} <= {200, 503, 0}
    assert 200 <= len(taken) < len(bodies)
    connection = await asyncpg.connect(world.environment["BREAKER_DATABASE_URL"])
    try:
        counted = sum(sends for _, sends in (await _ledger(connection)).values())
        # An answer may be cut off after its commit, never before.
        assert len(taken) <= counted <= len(bodies)
    finally:
        await connection.close()

    # All is delivered again, as by a platform that heard no answer.
    daemon = await world.daemon()
    again = Sender(world.session, SECRET)
    await again.pour([daemon.webhooks], bodies)
    assert again.answers == {200: len(bodies)}
    assert {address: await daemon.counts(address) for address in GRANTS} == dict.fromkeys(GRANTS, (400, 400))
    assert await daemon.total("breaker_outcomes_not_counted_total", reason="repeated") == counted
    assert await daemon.running.end() == 0


async def test_what_cannot_be_committed_in_good_time_is_answered_503_and_counted_once(world: World) -> None:
    world.environment |= {"BREAKER_WEBHOOK_SECRETS": SECRET, "BREAKER_INTAKE__ANSWER_WITHIN_SECONDS": "1"}
    daemon = await world.daemon()
    sender = Sender(world.session, SECRET)
    [one, *others] = _messages(per_account=5)
    assert await sender.post(daemon.webhooks, body_of(one.delivered())) == 200

    connection = await asyncpg.connect(world.environment["BREAKER_DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE circuits IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            await sender.pour([daemon.webhooks], [body_of(message.bounced()) for message in others])
            lasted = time.monotonic() - began
            assert sender.answers == {200: 1, 503: len(others)}
            assert lasted < 8.0  # the platform gives up after ten
            assert (await daemon.get("/livez", token=None))[0] == 200
    finally:
        await connection.close()

    sender.answers.clear()
    await sender.pour([daemon.webhooks], [body_of(message.bounced()) for message in others])
    assert sender.answers == {200: len(others)}
    assert Counter(await _all_counts(daemon)) == Counter([(4, 5), (5, 5), (5, 5), (5, 5)])
    assert await daemon.running.end() == 0


def _messages(per_account: int) -> list[Message]:
    now = time.time() - 3_600
    return [
        Message(
            id=f"{address}-{number}",
            sender=address,
            sent_at=int(now) + number,
            recipient=f"person-{number}@hidden-recipients.example.net",
            grant_id=grant_id,
        )
        for number in range(per_account)
        for address, grant_id in GRANTS.items()
    ]


def _told(message: Message, *, bounced: bool) -> Iterable[bytes]:
    """Return all that is told of a message: by its grant, and by its sender's address alone."""
    nameless = Message(id=message.id, sender=message.sender, sent_at=message.sent_at, recipient=message.recipient)
    for one in (message, nameless):
        yield body_of(one.delivered())
        if bounced:
            yield body_of(one.bounced())


def _expected(address: str, messages: list[Message], bad: set[Message]) -> tuple[int, int]:
    return sum(one.sender == address for one in bad), sum(one.sender == address for one in messages)


async def _ledger(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Return hard bounces and sends by address, counted send by send."""
    rows = await connection.fetch(
        """
        SELECT a.address, count(DISTINCT l.send) AS sends, count(*) AS rows,
               (SELECT count(DISTINCT b.send) FROM bad_outcomes b WHERE b.account = a.account) AS bad
        FROM ledger l JOIN accounts a USING (account) GROUP BY a.account, a.address
        """
    )
    assert all(row["rows"] == row["sends"] for row in rows)
    return {row["address"]: (row["bad"], row["sends"]) for row in rows}


async def _all_counts(daemon: Daemon) -> list[tuple[int, int]]:
    return [await daemon.counts(address) for address in GRANTS]
