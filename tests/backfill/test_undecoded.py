"""What was kept undecoded: taken in once it is understood, kept where it is not, and judged as if observed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.http.webhook import Undecodable
from breaker.adapters.nylas.notifications import GrantEvent
from breaker.adapters.postgres.reading.active import PostgresActive
from breaker.adapters.postgres.undecoded import PostgresUndecoded
from breaker.domain.outcomes.outcomes import DeliveryEvent, OutcomeKind
from breaker.flows.judge_once import JudgeOnce
from breaker.flows.replay_undecoded import Replayed, ReplayUndecoded, StillUnknownError
from tests.counting.daemons import APPLICATION, NOW, SIMPLE, SIZES, daemon, event

if TYPE_CHECKING:
    from tests.counting.daemons import Daemon


def _replay(one: Daemon, meanings: dict[bytes, DeliveryEvent | GrantEvent | None]) -> ReplayUndecoded:
    """Return a replay by a version that understands these bodies."""

    def decode(body: bytes, received_at: float) -> DeliveryEvent | GrantEvent | None:
        assert received_at == NOW
        if body not in meanings:
            raise StillUnknownError
        return meanings[body]

    count = replace(one.count, judging=False)
    return ReplayUndecoded(
        application_id=APPLICATION,
        undecoded=PostgresUndecoded(one.pool, one.identities),
        decode=decode,
        count=count,
        judge=JudgeOnce(PostgresActive(one.pool, SIZES), count, one.clock, one.evidence),
        roster=one.roster,
        clock=one.clock,
    )


async def _keep(one: Daemon, *bodies: bytes) -> None:
    for body in bodies:
        kept = Undecodable(APPLICATION, "message.bounced", "the shape is not known", body)
        await PostgresUndecoded(one.pool, one.identities).keep(kept, NOW)


async def _kept(one: Daemon) -> list[bytes]:
    return [row["body"] for row in await one.pool.fetch("SELECT body FROM undecoded ORDER BY id")]


async def test_what_is_understood_is_counted_once_and_dropped_and_the_rest_is_kept(database_url: str) -> None:
    delivered = event(OutcomeKind.DELIVERED, "m-1")
    made = GrantEvent(APPLICATION, "grant-2", "created", NOW, "other@agents.example", "nylas", "grant.created")
    poisonous = event(OutcomeKind.DELIVERED, "m-2", grant="\x00")
    of_another = event(OutcomeKind.DELIVERED, "m-3", application="app-2")
    async with daemon(database_url) as one:
        await one.take(delivered)
        await _keep(one, b"known", b"again", b"grant", b"nothing", b"unknown", b"poisonous", b"another")
        replay = _replay(
            one,
            {
                b"known": event(OutcomeKind.DELIVERED, "m-4"),
                b"again": delivered,
                b"grant": made,
                b"nothing": None,
                b"poisonous": poisonous,
                b"another": of_another,
            },
        )

        assert await replay() == Replayed(APPLICATION, kept=7, understood=4, counted=1, given=[])
        assert await _kept(one) == [b"unknown", b"poisonous", b"another"]
        assert len(await one.sends()) == 2
        assert (await one.row(grant="grant-2"))["address"] == "other@agents.example"
        assert await replay() == Replayed(APPLICATION, kept=3, understood=0, counted=0, given=[])


async def test_what_it_finds_is_pending(database_url: str) -> None:
    bodies = {b"%d" % number: event(OutcomeKind.BOUNCED, f"m-{number}") for number in range(25)}
    async with daemon(database_url, profile=SIMPLE) as one:
        await _keep(one, *bodies)

        done = await _replay(one, dict(bodies))()

        [given] = done.given
        row = await one.row(grant="grant-1")
        assert (row["state"], row["pending_to"], row["pending_verdict"]) == ("sending", "stopped", given.id)
