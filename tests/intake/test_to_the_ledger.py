"""From bytes on a socket to rows in a real database: what is odd costs itself, and nothing beside it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.http.webhook import Handlers, TryLaterError
from breaker.domain.outcomes.outcomes import Tally
from breaker.flows.follow_grants import follow
from breaker.flows.ingest import OverloadedError, PoisonousEventError, StoppedError
from tests.counting.daemons import DAY, NOW, SIMULATOR, daemon, started
from tests.intake.listening import bounced, complaint, delivered, grant, listening, notification, rejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.adapters.http.webhook import Undecodable
    from breaker.adapters.nylas.notifications import GrantEvent, SendFailed
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.counting.daemons import Daemon
    from tests.intake.listening import Listening


class Intake:
    """Handlers before a real line, as the daemon's own."""

    def __init__(self, one: Daemon) -> None:
        self.daemon = one
        self.kept: list[Undecodable] = []
        self.poisonous: list[str] = []
        self.failed: list[SendFailed] = []

    async def deliver(self, event: DeliveryEvent, _body: bytes) -> str:
        try:
            await self.daemon.ingest.submit(event)
        except (OverloadedError, StoppedError) as error:
            raise TryLaterError(str(error)) from error
        except PoisonousEventError as error:
            self.poisonous.append(str(error))
            return "poisonous"
        return "committed"

    async def follow(self, event: GrantEvent) -> None:
        await follow(self.daemon.roster, event, NOW)

    async def note(self, event: SendFailed) -> None:
        self.failed.append(event)

    async def keep(self, one: Undecodable) -> None:
        self.kept.append(one)


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[tuple[Listening, Intake]]:
    async with daemon(url) as one, started(one):
        intake = Intake(one)
        async with listening(Handlers(intake.deliver, intake.follow, intake.note, intake.keep)) as listener:
            yield listener, intake


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[tuple[Listening, Intake]]:
    async with serving(database_url) as both:
        yield both


ODD: list[tuple[str, Any, str]] = [
    ("a time before the ledger", delivered(sent_at=int(NOW - 91 * DAY)), "too_old"),
    ("a time long gone", delivered(sent_at=-1), "too_old"),
    ("a time to come", delivered(sent_at=int(NOW + 2 * DAY)), "too_far_ahead"),
    ("a time in milliseconds", delivered(sent_at=int(NOW * 1000)), "too_far_ahead"),
    ("mail to the simulator", delivered(f"success@{SIMULATOR}"), "simulator"),
    ("a NUL in a recipient", delivered("a\x00b@x.example", id="nul-1"), "counted"),
    ("a NUL in the message", bounced({"email": "b@x.example", "diagnostic_code": "550 \x00"}, id="nul\x00"), "counted"),
    ("an unknown grant", delivered(id="g", data={"grant_id": "never heard of"}), "counted"),
    ("a suffix", delivered(id="s", kind="message.delivered.transformed"), "counted"),
    (
        "nobody",
        delivered(data={"object": {"message": {"id": "n", "sent_at": int(NOW)}, "delivered": {"recipients": []}}}),
        "",
    ),
    ("half a surrogate pair", delivered(id="m\ud800"), "refused"),
    ("an unknown trigger", notification("message.opened", {}), ""),
    ("a known one that counts nothing", notification("message.send_failed", None), ""),
    ("a message without an id", delivered(id=None), "kept"),
    ("wrong types", notification("message.bounced", {"message": 7, "bounce": "yes"}), "kept"),
    ("too many recipients", delivered(*(f"r{n}@x.example" for n in range(51))), "kept"),
    ("a report of no spam", complaint(complaint_type="not-spam"), ""),
]


async def test_each_odd_notification_costs_itself_and_nothing_beside_it(
    served: tuple[Listening, Intake],
) -> None:
    listener, intake = served
    good = [bounced({"email": f"r{n}@x.example"}, id=f"good-{n}") for n in range(20)]
    # All at once, so that they share batches.
    posts = [listener.notify(one) for pair in zip(good, [odd for _, odd, _ in ODD], strict=False) for one in pair]
    answers = await asyncio.gather(*posts, *(listener.notify(one) for one in good[len(ODD) :]))

    expected = {"refused": 400}
    statuses = [answer.status for answer in answers[1 : 2 * len(ODD) : 2]]
    assert dict(zip([name for name, _, _ in ODD], statuses, strict=True)) == {
        name: expected.get(label, 200) for name, _, label in ODD
    }
    assert {answer.status for answer in [*answers[0 : 2 * len(ODD) : 2], *answers[2 * len(ODD) :]]} == {200}
    outcomes = [report.outcomes for report in intake.daemon.observed.reports]
    labels = {label for each in outcomes for label in each}
    assert {label: sum(each[label] for each in outcomes) for label in labels} == {
        "counted": 20 + sum(1 for *_, label in ODD if label == "counted"),
        "too_old": 2,
        "too_far_ahead": 2,
        "simulator": 1,
    }
    assert len(intake.kept) == sum(1 for *_, label in ODD if label == "kept")
    assert intake.poisonous == []
    assert (await intake.daemon.counters(grant="grant-1")).totals.hard_bounces == 21


async def test_a_notification_counts_once_however_often_and_in_whatever_family_it_comes(
    served: tuple[Listening, Intake],
) -> None:
    listener, intake = served
    ways = [
        bounced(),
        bounced(kind="message.bounced.transformed"),
        bounced(kind="message.transactional.bounced", data={"grant_id": None}),
        bounced({"email": "Jane Doe <JANE.DOE@example.org>", "diagnostic_code": "550 user unknown"}),
        bounced(sent_at=int(NOW - 100 + 3 * 3600)),
    ]
    # The grant and its address are made known by the first; then all come at once, some compressed.
    await listener.notify(ways[0])
    answers = await asyncio.gather(*(listener.notify(one, gzipped=bool(n % 2)) for n, one in enumerate(ways * 4)))

    assert {answer.status for answer in answers} == {200}
    assert (await intake.daemon.counters(grant="grant-1")).totals == Tally(1, 1, 1, 0, 0, 0, 0, 0)
    assert len(await intake.daemon.sends()) == 1


async def test_one_event_of_several_recipients_is_as_many_sends(served: tuple[Listening, Intake]) -> None:
    listener, intake = served
    everybody = [f"r{number}@x.example" for number in range(50)]
    await listener.notify(delivered(*everybody))
    await listener.notify(bounced(*({"email": one, "diagnostic_code": "550 user unknown"} for one in everybody[:7])))
    await listener.notify(complaint(*everybody[7:9]))
    await listener.notify(rejected(id="virus", to=everybody[:3], cc=everybody[3:5]))

    assert (await intake.daemon.counters(grant="grant-1")).totals == Tally(50, 7, 7, 50, 2, 5, 0, 0)


async def test_events_of_grants_make_accounts_known(served: tuple[Listening, Intake]) -> None:
    listener, intake = served
    await listener.notify(grant("created"))
    await listener.notify(delivered(data={"grant_id": None}))
    await listener.notify(grant("deleted"))
    row = await intake.daemon.row(grant="grant-1")

    assert (row["address"], row["provider"], row["grant_deleted_at"]) == ("agent@agents.example", "nylas", NOW)
    assert (await intake.daemon.counters(grant="grant-1")).totals.delivered == 1


async def test_no_address_of_a_recipient_is_anywhere_in_the_database(served: tuple[Listening, Intake]) -> None:
    listener, intake = served
    text = "smtp; 550 5.1.1 <jane.doe@example.org>: jane.doe is unknown here"
    await listener.notify(delivered(subject="for jane.doe"))
    await listener.notify(bounced({"email": "jane.doe@example.org", "diagnostic_code": text}))
    await listener.notify(complaint())
    tables = await intake.daemon.pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )

    for table in [row["relname"] for row in tables]:
        rows = await intake.daemon.pool.fetch(f'SELECT t::text FROM "{table}" t')

        assert not [row for (row,) in rows if "jane" in row.lower()], table


async def test_a_database_that_is_not_there_is_tried_later_and_loses_nothing(
    database_url: str, empty_database_url: str
) -> None:
    async with serving(empty_database_url) as (listener, intake):
        refused = await asyncio.gather(*(listener.notify(delivered(id=f"m{n}")) for n in range(5)))

        assert {(answer.status, answer.headers["Retry-After"]) for answer in refused} == {(503, "30")}
        assert intake.poisonous == []
    async with serving(database_url) as (listener, intake):
        taken = await asyncio.gather(*(listener.notify(delivered(id=f"m{n}")) for n in range(5)))

        assert {answer.status for answer in taken} == {200}
        assert (await intake.daemon.counters(grant="grant-1")).totals.sends == 5


async def test_a_daemon_that_stops_commits_what_it_took_and_takes_nothing_more(database_url: str) -> None:
    async with daemon(database_url) as one, started(one):
        intake = Intake(one)
        async with listening(Handlers(intake.deliver, intake.follow, intake.note, intake.keep)) as listener:
            before = await listener.notify(delivered(id="before"))
            await one.ingest.stop()
            after = await listener.notify(delivered(id="after"))

        assert (before.status, after.status) == (200, 503)
        assert len(await one.sends()) == 1
