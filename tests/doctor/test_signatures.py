"""Which mistake was made with a signature: told from requests on a real socket, by way of the database."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from breaker.adapters.http.webhook import Handlers, Limits, WebhookListener
from breaker.adapters.nylas.signature import sign
from breaker.adapters.postgres.examination.signs_of_life import PostgresSignsOfLife
from breaker.domain.findings.facts import SigningFact
from breaker.domain.outcomes.signatures import Signing, mistake
from breaker.flows.note_signings import NoteSignings
from breaker.ports import StoreUnavailableError
from tests.counting.daemons import NOW, SetClock
from tests.intake.listening import KnownSecrets, Received, delivered
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tests.doctor.ward import Ward

SECRET = "the-secret"
BODY = json.dumps(delivered(subject="1 < 2 & 3 > 2, für Ähnliches"), separators=(",", ":"), ensure_ascii=False).encode()
ESCAPED = BODY.replace(b"<", rb"\u003c").replace(b">", rb"\u003e").replace(b"&", rb"\u0026")
PACKED = gzip.compress(BODY)


def fits(signed: bytes) -> Signing:
    return mistake(BODY, "", lambda other: other == signed)


@pytest.mark.parametrize("signed", [ESCAPED, json.dumps(json.loads(BODY)).encode()])
def test_a_body_that_was_written_anew_is_told_by_what_it_was(signed: bytes) -> None:
    assert fits(signed) is Signing.RESERIALISED


@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_body_that_was_unpacked_is_told_where_packing_gives_the_same_bytes(level: int) -> None:
    assert fits(gzip.compress(BODY, level, mtime=0)) is Signing.UNPACKED


def test_a_body_that_says_to_be_packed_and_is_not_was_unpacked() -> None:
    assert mistake(BODY, "gzip", lambda _other: False) is Signing.UNPACKED


@pytest.mark.parametrize("body", [BODY, PACKED, b"no json", b"[" * 100_000, b"\xff\xfe", b'"\\ud800"'])
def test_whatever_fits_nothing_is_a_wrong_secret(body: bytes) -> None:
    assert mistake(body, "", lambda _other: False) is Signing.WRONG_SECRET


@asynccontextmanager
async def posting(noted: NoteSignings) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Run a listener that tells of signatures; give a client and the address."""
    received = Received()
    handlers = Handlers(received.deliver, received.follow, received.note, received.keep)
    limits = Limits(body=100_000, unpacked=400_000, recipients=50, seconds=5.0)
    secrets = KnownSecrets({APPLICATION: [SECRET]})
    listener = WebhookListener(secrets, handlers, received, SetClock(NOW), limits, noted)
    runner = web.AppRunner(listener.application(), auto_decompress=False, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield session, f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/nylas"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (json.dumps(json.loads(BODY)).encode(), {"X-Nylas-Signature": sign(BODY, SECRET)}, "signature_reserialised"),
        (BODY, {"X-Nylas-Signature": sign(BODY, "another")}, "signature_wrong_secret"),
        (BODY, {"X-Nylas-Signature": sign(PACKED, SECRET), "Content-Encoding": "gzip"}, "signature_unpacked"),
        (BODY, {}, "signature_missing"),
    ],
)
async def test_the_mistake_of_a_refused_notification_is_found(
    sound: Ward, body: bytes, headers: Mapping[str, str], kind: str
) -> None:
    noted = NoteSignings(sound.store.clock)
    async with posting(noted) as (session, url), session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 401

    await noted.share(PostgresSignsOfLife(sound.store.pool, "daemon-1").signed)

    assert await sound.kinds() == [kind]


async def test_a_right_signature_is_no_finding(sound: Ward) -> None:
    noted = NoteSignings(sound.store.clock)
    headers = {"X-Nylas-Signature": sign(BODY, SECRET)}
    async with posting(noted) as (session, url), session.post(url, data=BODY, headers=headers) as answer:
        assert answer.status == 200

    await noted.share(PostgresSignsOfLife(sound.store.pool, "daemon-1").signed)

    assert await sound.store.pool.fetch("SELECT application_id, how, number FROM signings") == [
        (APPLICATION, "right", 1)
    ]
    assert await sound.findings() == []


async def test_a_flood_of_wrong_signatures_is_counted_and_only_a_few_are_looked_into() -> None:
    noted = NoteSignings(SetClock(NOW))
    told: list[Mapping[str, Sequence[SigningFact]]] = []
    looks: list[bytes] = []

    async def write(facts: Mapping[str, Sequence[SigningFact]]) -> None:
        told.append(dict(facts))

    def matches(other: bytes) -> bool:
        looks.append(other)
        return False

    for _ in range(1_000):
        noted.wrong("app-1", BODY, "", matches)
    await noted.share(write)

    assert told == [
        {
            "app-1": [
                SigningFact(Signing.WRONG_SECRET, 20, NOW, packed=False),
                SigningFact(Signing.NOT_EXAMINED, 980, NOW, packed=False),
            ]
        }
    ]
    assert len(looks) < 20 * 20


async def test_what_could_not_be_told_is_told_the_next_time() -> None:
    noted = NoteSignings(SetClock(NOW))
    told: list[Mapping[str, Sequence[SigningFact]]] = []

    async def write(facts: Mapping[str, Sequence[SigningFact]]) -> None:
        if not told:
            told.append({})
            raise StoreUnavailableError("down")
        told.append(dict(facts))

    noted.right("app-1")
    with pytest.raises(StoreUnavailableError):
        await noted.share(write)
    noted.right("app-1")
    await noted.share(write)

    assert told == [{}, {"app-1": [SigningFact(Signing.RIGHT, 2, NOW)]}]
