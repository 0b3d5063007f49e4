"""Everything that should not come, to a running daemon, in the midst of what should: each ends in its own way."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from breaker.adapters.nylas.signature import HEADER, sign
from tests.acceptance.notifications import Message, Sender, body_of
from tests.acceptance.world import KEY, TOKEN

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, World

SECRET = "a-secret-of-the-acceptance"
ACCOUNT, GRANT = "agent-1@agents.example.com", "00000000-0000-4000-8000-000000000001"
HIDDEN = "hidden-recipients.example.net"
DAY = 86_400
MEGABYTE = 1024 * 1024

BadOnes = dict[str, tuple[bytes, int, dict[str, str]]]
"""By what is wrong: the body, the status that is documented, and headers."""


async def test_whatever_comes_has_its_status_or_its_label_and_costs_no_good_event(world: World) -> None:
    world.environment |= {"BREAKER_WEBHOOK_SECRETS": SECRET, "BREAKER_NYLAS_API_KEY": KEY}
    world.environment["BREAKER_NYLAS_API_URL"] = "http://127.0.0.1:1"  # a platform that can't be reached
    daemon = await world.daemon()
    sender = Sender(world.session, SECRET)
    assert await sender.post(daemon.webhooks, body_of(_message("first").delivered()), packed=True) == 200
    before = await daemon.metrics()

    bad_ones = _bad_ones()
    answers, _ = await asyncio.gather(_send(bad_ones, sender, daemon), _send_good_ones(sender, daemon, 100))

    assert answers == {name: status for name, (_, status, _) in bad_ones.items()}
    # One each: by how it was answered, or by why it was not counted.
    after = await daemon.metrics()
    grown = {name: value - before.get(name, 0.0) for name, value in after.items() if value != before.get(name, 0.0)}
    told = {
        (found["result"], int(found["status"])): int(number)
        for name, number in _summed(grown, "breaker_notifications_total").items()
        for found in [dict(name)]
    }
    assert told == {
        ("committed", 200): 100 + 6,
        ("bad_signature", 401): 1,
        ("no_signature", 401): 1,
        ("not_gzip", 400): 1,
        ("not_json", 400): 3,
        ("not_understood", 200): 9,
        ("other_application", 401): 2,
        ("too_large", 413): 2,
        ("too_large_unpacked", 413): 1,
        ("unknown_trigger", 200): 1,
    }
    not_counted = {dict(name)["reason"]: n for name, n in _summed(grown, "breaker_outcomes_not_counted_total").items()}
    assert not_counted == {"too_old": 1, "too_far_ahead": 1, "simulator": 1}

    # Nothing good was lost, and what could be understood of the rest is counted.
    assert await daemon.counts(ACCOUNT) == (50 + 2, 101 + 2)
    unknown = await daemon.known("00000000-0000-4000-8000-00000000000f")
    assert (unknown["signals"]["bounce"]["sends"], unknown["enforceable"]) == (1, True)
    assert (await daemon.get("/livez", token=None))[0] == 200
    assert daemon.running.peak_memory < 400 * MEGABYTE

    # What was wrong is told, and neither whom it was about nor what it was signed with.
    log = daemon.running.log
    assert log.count("notification not taken in") == 20
    assert log.count("notification kept undecoded") == 9
    assert "Traceback" not in log
    for secret in (f"@{HIDDEN}", SECRET, KEY, TOKEN, "@recipients.example.org"):  # a domain may be a verdict's cause
        assert secret not in log
    [key] = (world.folder / "data" / "secrets" / "send_hash_key").read_text().split()
    assert key not in log


async def test_a_body_of_a_hundred_megabytes_is_cut_off(world: World) -> None:
    world.environment["BREAKER_WEBHOOK_SECRETS"] = SECRET
    daemon = await world.daemon()

    told = await _pour_raw(daemon, b"Content-Length: 104857600\r\n", chunked=False)
    chunked = await _pour_raw(daemon, b"Transfer-Encoding: chunked\r\n", chunked=True)

    assert (told, chunked) == (413, 413)
    assert await daemon.total("breaker_notifications_total", status="413", result="too_large") == 2
    assert daemon.running.peak_memory < 200 * MEGABYTE
    assert await Sender(world.session, SECRET).post(daemon.webhooks, body_of(_message("after").delivered())) == 200


def _message(name: str, **differently: Any) -> Message:  # noqa: ANN401 - whatever is to be wrong
    whole: dict[str, Any] = {
        "id": name,
        "sender": ACCOUNT,
        "sent_at": time.time() - 60,
        "recipient": f"{name}@{HIDDEN}",
        "grant_id": GRANT,
    }
    return Message(**whole | differently)


def _changed(name: str, *path: str, to: object) -> dict[str, Any]:
    """Return a bounce with one field set; `KeyError` takes it away."""
    notification: dict[str, Any] = json.loads(body_of(_message(name).bounced()))
    within = notification
    for step in path[:-1]:
        within = within[step]
    if to is KeyError:
        del within[path[-1]]
    else:
        within[path[-1]] = to
    return notification


def _bad_ones() -> BadOnes:
    """Return what should not come: its bytes, the status that is documented, and headers."""
    message = ("data", "object", "message")
    many = [{"email": f"r-{number}@{HIDDEN}"} for number in range(10_000)]
    right = body_of(_message("unsigned").bounced())
    bomb = gzip.compress(bytes(100 * MEGABYTE))
    packed = {"Content-Encoding": "gzip"}
    notifications: dict[str, tuple[object, int]] = {
        "wrong types": (_changed("a-1", "data", "object", to=["not", "an", "object"]), 200),
        "a number for an id": (_changed("a-2", *message, "id", to=17), 200),
        "no message": (_changed("a-3", *message, to=KeyError), 200),
        "no recipients": (_changed("a-4", "data", "object", "bounce", "recipients", to=KeyError), 200),
        "no time of sending": (_changed("a-5", *message, "sent_at", to=KeyError), 200),
        "a word for a time of sending": (_changed("a-6", *message, "sent_at", to="yesterday"), 200),
        "ten thousand recipients": (_changed("a-7", "data", "object", "bounce", "recipients", to=many), 200),
        "a NUL in the grant": (_changed("a-8", "data", "grant_id", to="grant\x00id"), 200),
        "a list for an envelope": (["message.bounced"], 200),
        "an ancient time of sending": (_changed("b-1", *message, "sent_at", to=time.time() - 400 * DAY), 200),
        "a future time of sending": (_changed("b-2", *message, "sent_at", to=time.time() + 3 * DAY), 200),
        "the mail simulator": (_message("b-3", recipient="bounce@simulator.amazonses.com").bounced(), 200),
        "a NUL in the id": (_changed("b-4", *message, "id", to=f"message\x00{HIDDEN}"), 200),
        "a NUL in the text": (_message("b-5").bounced(f"smtp; 550 5.1.1 <x@{HIDDEN}>\x00 unknown"), 200),
        "an unknown grant": (_message("b-6", grant_id=GRANT[:-1] + "f", sender="x@y.example.com").bounced(), 200),
        "an unknown trigger": (_changed("c-1", "type", to="message.teleported"), 200),
        "another application": (_changed("c-2", "data", "application_id", to="app-other"), 401),
        "another application, not understood": (
            {"type": "message.bounced", "data": {"application_id": "app-other", "object": 1}},
            401,
        ),
    }
    signed: BadOnes = {name: (body_of(one), status, {}) for name, (one, status) in notifications.items()}
    raw: BadOnes = {
        "not JSON": (b"hello", 400, {}),
        "cut off JSON": (right[:-20], 400, {}),
        "not UTF-8": (right.replace(b"user unknown", b"\xff\xfe"), 400, {}),
        "not gzip": (right, 400, packed),
        "a gzip bomb": (bomb, 413, packed),
        "two megabytes": (b" " * (2 * MEGABYTE), 413, {}),
        "no signature": (right, 401, {HEADER: ""}),
        "a wrong signature": (right, 401, {HEADER: sign(right, "another secret")}),
    }
    # As it leaves some servers: more than a megabyte, without saying how much.
    return {**signed, **raw, "chunks without end": (b" " * (3 * MEGABYTE), 413, {"Transfer-Encoding": "chunked"})}


async def _send(bad_ones: BadOnes, sender: Sender, daemon: Daemon) -> dict[str, int]:
    async def send(name: str, body: bytes, headers: dict[str, str]) -> tuple[str, int]:
        signature = {HEADER: sign(body, SECRET)} | headers
        url = f"{daemon.webhooks}/webhooks/nylas"
        if headers.get("Transfer-Encoding"):
            return name, await _pour_raw(daemon, b"Transfer-Encoding: chunked\r\n", chunked=True)
        async with sender.session.post(url, data=io.BytesIO(body), headers=signature) as answer:
            return name, answer.status

    sent = [send(name, body, headers) for name, (body, _, headers) in bad_ones.items()]
    return dict(await asyncio.gather(*sent))


async def _send_good_ones(sender: Sender, daemon: Daemon, number: int) -> None:
    messages = [_message(f"good-{each}") for each in range(number)]
    bodies = [body_of(one.bounced() if each % 2 else one.delivered()) for each, one in enumerate(messages)]
    answered = await sender.pour([daemon.webhooks], bodies, connections=8)
    assert {status for _, status in answered} == {200}


async def _pour_raw(daemon: Daemon, header: bytes, *, chunked: bool) -> int:
    """Send a hundred megabytes until an answer comes, and return its status."""
    host, port = urlsplit(daemon.webhooks).hostname, urlsplit(daemon.webhooks).port
    reader, writer = await asyncio.open_connection(host, port)
    block = bytes(MEGABYTE)
    writer.write(b"POST /webhooks/nylas HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n")

    async def pour() -> None:
        with contextlib.suppress(ConnectionError):  # the other end has heard enough
            for _ in range(100):
                writer.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
                await writer.drain()

    pouring = asyncio.create_task(pour())
    try:
        return int((await reader.readline()).split()[1])
    finally:
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        writer.close()


def _summed(samples: dict[str, float], metric: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Return a metric's samples by their labels, those of all triggers together."""
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for name, value in samples.items():
        if name.partition("{")[0] == metric:
            labels = tuple(pair for pair in re.findall(r'(\w+)="([^"]*)"', name) if pair[0] != "trigger")
            sums[labels] = sums.get(labels, 0.0) + value
    return sums
