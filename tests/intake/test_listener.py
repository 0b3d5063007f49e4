from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.http.webhook import Handlers, Limits, TryLaterError, Undecodable
from breaker.adapters.nylas.signature import sign
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.ports import StoreUnavailableError, TryTransactionAgainError
from tests.intake.listening import (
    LIMITS,
    PATH,
    SECRET,
    Listening,
    bounced,
    complaint,
    delivered,
    grant,
    listening,
    notification,
    rejected,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent

BODY = json.dumps(delivered()).encode()


def header(signature: str) -> dict[str, str]:
    return {"X-Nylas-Signature": signature}


# --- The challenge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets", [None, {}, {"app-1": []}], ids=["with secrets", "without", "with an application"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/app-1", f"{PATH}/another"])
async def test_a_challenge_is_echoed_with_and_without_a_secret(
    secrets: Mapping[str, Sequence[str]] | None, path: str
) -> None:
    async with listening(secrets=secrets) as listener:
        answer = await listener.get(f"{path}?challenge=5fa64c92-e840-4357-86b9-2aa364d35b88")

        assert (answer.status, answer.text) == (200, "5fa64c92-e840-4357-86b9-2aa364d35b88")
        assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a%20b%2Bc", "a b+c"),
        ("%3Cscript%3E", "<script>"),
        ("%E2%82%AC", "€"),
        ("a&challenge=b", "a"),
        ("x" * 2000, "x" * 2000),
        ("a%0D%0AX-Evil%3A%201", "a\r\nX-Evil: 1"),
    ],
)
async def test_a_challenge_is_echoed_exactly(listener: Listening, written: str, value: str) -> None:
    answer = await listener.get(f"{PATH}?challenge={written}")

    assert (answer.status, answer.text) == (200, value)
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("query", ["", "?challenge=", "?other=x"])
async def test_a_get_without_a_challenge_is_a_bad_request(listener: Listening, query: str) -> None:
    assert (await listener.get(PATH + query)).status == 400


@pytest.mark.parametrize(
    "query", [b"challenge=%ED%A0%80", b"challenge=%ff%fe", b"challenge=\xff\xfe", b"challenge=%00"]
)
async def test_a_challenge_of_no_characters_crashes_nothing(listener: Listening, query: bytes) -> None:
    answer = await raw(listener, b"GET " + PATH.encode() + b"?" + query + b" HTTP/1.1\r\nHost: x\r\n\r\n")

    assert status_of(answer) in {200, 400}


# --- The signature ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, "the-second-secret"])
@pytest.mark.parametrize("write", [str, str.upper, "sha256={}".format], ids=["plain", "upper case", "with a prefix"])
async def test_a_body_that_any_valid_secret_signed_is_taken(
    listener: Listening, secret: str, write: Callable[[str], str]
) -> None:
    answer = await listener.post(BODY, header(write(sign(BODY, secret))))

    assert (answer.status, answer.text) == (200, "committed\n")
    assert [event.message_id for event in listener.received.delivered] == ["message-1"]
    assert listener.received.answers == [(200, "committed", "message.delivered")]


@pytest.mark.parametrize("name", ["x-nylas-signature", "X-NYLAS-SIGNATURE"])
async def test_the_headers_name_is_read_in_any_case(listener: Listening, name: str) -> None:
    assert (await listener.post(BODY, {name: sign(BODY, SECRET)})).status == 200


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        ({}, "no_signature"),
        (header(""), "no_signature"),
        (header("0" * 64), "bad_signature"),
        (header("nonsense"), "bad_signature"),
        (header(sign(BODY, "unknown")), "bad_signature"),
        (header(sign(BODY + b" ", SECRET)), "bad_signature"),
        (header(sign(BODY, "")), "bad_signature"),
        (header("sha1=" + sign(BODY, SECRET)), "bad_signature"),
    ],
)
async def test_a_body_without_a_good_signature_is_refused(
    listener: Listening, headers: dict[str, str], result: str
) -> None:
    answer = await listener.post(BODY, headers)

    assert answer.status == 401
    assert SECRET not in answer.text
    assert listener.received.answers == [(401, result, "")]
    assert listener.received.delivered == []


async def test_nothing_is_decoded_before_the_signature_is_known(listener: Listening) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)

    assert (await listener.post(b"no json", header("0" * 64))).status == 401
    assert (await listener.post(bomb, header("0" * 64) | {"Content-Encoding": "gzip"})).status == 401


async def test_a_compressed_body_is_signed_as_it_comes(listener: Listening) -> None:
    packed = gzip.compress(BODY)
    of_the_packed = {"Content-Encoding": "gzip"} | header(sign(packed, SECRET))
    of_the_unpacked = {"Content-Encoding": "gzip"} | header(sign(BODY, SECRET))

    assert (await listener.post(packed, of_the_packed)).status == 200
    assert (await listener.post(packed, of_the_packed | {"Content-Encoding": " GZIP "})).status == 200
    assert (await listener.post(packed, of_the_unpacked)).status == 401
    assert len(listener.received.delivered) == 2


async def test_a_new_secret_is_valid_at_once_and_an_old_one_no_longer(listener: Listening) -> None:
    listener.secrets.known = {"app-1": ["rotated"]}

    assert (await listener.notify(delivered(), "rotated")).status == 200
    assert (await listener.notify(delivered())).status == 401


# --- Applications ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"{PATH}/app-2"])
async def test_several_applications_have_secrets_of_their_own(listener: Listening, path: str) -> None:
    answer = await listener.notify(delivered(data={"application_id": "app-2"}), "the-others-secret", path=path)

    assert answer.status == 200
    assert [event.application_id for event in listener.received.delivered] == ["app-2"]


@pytest.mark.parametrize(
    ("one", "secret", "path", "result"),
    [
        (delivered(), "the-others-secret", PATH, "other_application"),
        (delivered(), "the-others-secret", f"{PATH}/app-2", "other_application"),
        (delivered(data={"application_id": "unknown"}), SECRET, PATH, "other_application"),
        (
            grant("created") | {"data": {"application_id": "x", "object": {"grant_id": "g"}}},
            SECRET,
            PATH,
            "other_application",
        ),
        (notification("some.thing", {}, application_id="app-2"), SECRET, PATH, "other_application"),
        # What is not understood is of its application all the same.
        (notification("message.delivered", {}, application_id="app-2"), SECRET, PATH, "other_application"),
        (delivered(), SECRET, f"{PATH}/app-2", "bad_signature"),
        (delivered(), SECRET, f"{PATH}/unknown", "unknown_application"),
    ],
)
async def test_a_body_of_another_application_than_its_secrets_is_refused(
    listener: Listening, one: object, secret: str, path: str, result: str
) -> None:
    answer = await listener.notify(one, secret, path=path)

    assert answer.status == 401
    assert [said for _, said, _ in listener.received.answers] == [result]
    assert [*listener.received.delivered, *listener.received.followed, *listener.received.kept] == []


# --- What is in it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (delivered(), OutcomeKind.DELIVERED),
        (bounced(), OutcomeKind.BOUNCED),
        (complaint(), OutcomeKind.COMPLAINT),
        (rejected(), OutcomeKind.REJECTED),
        (delivered(kind="message.transactional.delivered", data={"grant_id": None}), OutcomeKind.DELIVERED),
        (bounced(kind="message.transactional.bounced.transformed", data={"grant_id": None}), OutcomeKind.BOUNCED),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
async def test_both_families_are_delivered_plain_and_compressed(
    listener: Listening, one: object, kind: OutcomeKind, gzipped: bool
) -> None:
    answer = await listener.notify(one, gzipped=gzipped)

    assert answer.status == 200
    assert [event.kind for event in listener.received.delivered] == [kind]
    assert listener.received.heard == [("app-1", listener.received.delivered[0].trigger)]


async def test_events_of_grants_are_followed(listener: Listening) -> None:
    answer = await listener.notify(grant("deleted"))

    assert answer.status == 200
    assert [(event.grant_id, event.what) for event in listener.received.followed] == [("grant-1", "deleted")]


async def test_a_send_that_failed_is_handed_on(listener: Listening) -> None:
    answer = await listener.notify(notification("message.send_failed", None, reason="sending paused"))

    assert (answer.status, answer.text) == (200, "committed\n")
    assert [(event.grant_id, event.message) for event in listener.received.noted] == [("grant-1", "sending paused")]


@pytest.mark.parametrize(
    ("kind", "answered", "heard"),
    [
        ("message.send_success", (200, "noted", "message.send_success"), [("app-1", "message.send_success")]),
        ("alert.triggered", (200, "noted", "alert.triggered"), [("app-1", "alert.triggered")]),
        # No label that whoever sends could make up.
        ("message.opened", (200, "unknown_trigger", ""), []),
        ("\x00" * 50, (200, "unknown_trigger", ""), []),
    ],
)
async def test_other_triggers_are_noted_and_unknown_ones_counted_without_their_name(
    listener: Listening, kind: str, answered: tuple[int, str, str], heard: list[tuple[str, str]]
) -> None:
    answer = await listener.notify(notification(kind, {}))

    assert (answer.status, answer.text) == (200, "nothing to do\n")
    assert listener.received.answers == [answered]
    assert listener.received.heard == heard


async def test_what_is_signed_and_not_understood_is_kept(listener: Listening) -> None:
    one = notification("message.bounced", {"message": {"id": 7}, "bounce": {"email": "jane.doe@example.org"}})
    answer = await listener.notify(one)

    assert (answer.status, answer.text) == (200, "kept, not understood\n")
    assert listener.received.kept == [
        Undecodable(
            "app-1",
            "message.bounced",
            "Expected `str`, got `int` - at `$.data.object.message.id`",
            json.dumps(one).encode(),
        )
    ]
    assert listener.received.answers == [(200, "not_understood", "message.bounced")]


async def test_a_compressed_body_that_is_not_understood_is_kept_unpacked(listener: Listening) -> None:
    await listener.notify(["nothing known"], gzipped=True)

    assert [one.body for one in listener.received.kept] == [b'["nothing known"]']


async def test_more_recipients_than_are_allowed_are_kept(listener: Listening) -> None:
    many = delivered(*(f"r{number}@x.example" for number in range(LIMITS.recipients + 1)))
    answer = await listener.notify(many)

    assert (answer.status, answer.text) == (200, "kept, not understood\n")
    assert [one.problem for one in listener.received.kept] == ["more than 50 recipients"]


@pytest.mark.parametrize("body", [b"", b"hello", b"{", b"\xff\xfe", b"null null", b'{"type": "\xff"}'])
async def test_what_is_no_json_is_a_bad_request(listener: Listening, body: bytes) -> None:
    answer = await listener.post(body)

    assert answer.status == 400
    assert listener.received.answers == [(400, "not_json", "")]


@pytest.mark.parametrize("depth", [3_000, 45_000])
async def test_a_body_nested_too_deeply_is_kept(listener: Listening, depth: int) -> None:
    answer = await listener.post(b"[" * depth + b"]" * depth)

    assert answer.status == 200
    assert len(listener.received.kept) == 1


@pytest.mark.parametrize(
    "packed",
    [
        b"no gzip",
        b"",
        gzip.compress(BODY)[:-9],
        gzip.compress(BODY)[:5],
        zlib.compress(BODY),
        b"\x1f\x8b" + b"\xff" * 100,
    ],
    ids=["text", "nothing", "without its end", "only its begin", "another packing", "only its first bytes"],
)
async def test_what_is_no_gzip_is_a_bad_request(listener: Listening, packed: bytes) -> None:
    answer = await listener.post(packed, {"Content-Encoding": "gzip"} | header(sign(packed, SECRET)))

    assert answer.status == 400
    assert listener.received.answers == [(400, "not_gzip", "")]


@pytest.mark.parametrize("encoding", ["deflate", "br", "gzip, gzip", "nonsense"])
async def test_another_encoding_is_a_bad_request(listener: Listening, encoding: str) -> None:
    packed = gzip.compress(gzip.compress(BODY))
    answer = await listener.post(packed, {"Content-Encoding": encoding} | header(sign(packed, SECRET)))

    assert answer.status == 400


# --- Too large -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "status"), [(100_000, 200), (100_001, 413)])
async def test_a_body_may_be_as_large_as_is_allowed(listener: Listening, size: int, status: int) -> None:
    body = BODY + b" " * (size - len(BODY))

    assert (await listener.post(body)).status == status


@pytest.mark.parametrize(("size", "status"), [(400_000, 200), (400_001, 413)])
async def test_a_body_may_unpack_to_as_much_as_is_allowed(listener: Listening, size: int, status: int) -> None:
    packed = gzip.compress(BODY + b" " * (size - len(BODY)))
    answer = await listener.post(packed, {"Content-Encoding": "gzip"} | header(sign(packed, SECRET)))

    assert answer.status == status


async def test_a_bomb_is_refused_before_it_goes_off(listener: Listening) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(90)) + packer.flush()
    answer = await listener.post(bomb, {"Content-Encoding": "gzip"} | header(sign(bomb, SECRET)))

    assert len(bomb) < LIMITS.body
    assert answer.status == 413
    assert listener.received.answers == [(413, "too_large_unpacked", "")]


async def raw(listener: Listening, request: bytes, then: bytes = b"", times: int = 0) -> bytes:
    """Send bytes, and more of them until an answer comes; return it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    answer = asyncio.create_task(reader.read(65_536))
    try:
        writer.write(request)
        for _ in range(times):
            if answer.done():
                break
            writer.write(then)
            await writer.drain()
        return await asyncio.wait_for(answer, 20)
    except ConnectionError:
        return await asyncio.wait_for(answer, 20)
    finally:
        answer.cancel()
        writer.close()
        await asyncio.gather(writer.wait_closed(), answer, return_exceptions=True)


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1."), answer[:100]
    return int(answer.split(b" ", 2)[1])


REQUEST = b"POST /webhooks/nylas HTTP/1.1\r\nHost: x\r\nX-Nylas-Signature: " + b"0" * 64 + b"\r\n"


async def test_a_hundred_megabytes_are_refused_by_their_length_alone(listener: Listening) -> None:
    answer = await raw(listener, REQUEST + b"Content-Length: 100000000\r\n\r\n" + b"x" * 1000)

    assert status_of(answer) == 413
    assert listener.received.answers == [(413, "too_large", "")]


async def test_a_hundred_megabytes_in_chunks_are_refused_without_being_read(listener: Listening) -> None:
    sent = 0

    def chunk() -> bytes:
        nonlocal sent
        sent += 10_000
        return b"2710\r\n" + b"x" * 10_000 + b"\r\n"

    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        writer.write(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.read(1000))
        while not answer.done() and sent < 100_000_000:
            writer.write(chunk())
            await writer.drain()
            await asyncio.sleep(0)

        assert status_of(await answer) == 413
        assert sent < 20_000_000
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nbroken\r\n",
        REQUEST + b"Content-Length: -5\r\n\r\n",
        REQUEST + b"Content-Length: nonsense\r\n\r\n",
        b"POST /webhooks/nylas HTTP/1.1\r\nHost: x\r\nX-Nylas-Signature: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
        b"\x00\x01\x02\r\n\r\n",
    ],
)
async def test_what_is_no_http_crashes_nothing(listener: Listening, request_: bytes) -> None:
    assert status_of(await raw(listener, request_)) in {400, 401}
    assert (await listener.post(BODY)).status == 200


async def test_a_sender_that_goes_away_in_the_middle_crashes_nothing(listener: Listening) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(REQUEST + b"Content-Length: 1000\r\n\r\nhalf of it")
    await writer.drain()
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    assert (await listener.post(BODY)).status == 200


# --- Not now ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets", [{}, {"app-1": []}])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/app-1"])
async def test_while_no_secret_is_known_the_platform_tries_later(secrets: dict[str, list[str]], path: str) -> None:
    async with listening(secrets=secrets) as listener:
        answer = await listener.notify(delivered(), path=path)

        if path == PATH or "app-1" in secrets:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert listener.received.answers == [(503, "no_secret", "")]
        else:
            assert answer.status == 401


@pytest.mark.parametrize(
    "failure",
    [
        TryLaterError("the line is full"),
        StoreUnavailableError("ConnectionRefusedError"),
        TryTransactionAgainError("DeadlockDetectedError"),
        TryLaterError(),
    ],
)
@pytest.mark.parametrize("one", [delivered(), grant("created"), ["not understood"]], ids=["mail", "grant", "unknown"])
async def test_what_cannot_be_committed_now_is_tried_later(
    listener: Listening, failure: Exception, one: object
) -> None:
    listener.received.failure = failure
    answer = await listener.notify(one)
    listener.received.failure = None
    again = await listener.notify(one)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert again.status == 200


async def test_our_own_mistakes_are_tried_later_too(listener: Listening) -> None:
    """The platform tries again on 503, and loses the event on 500."""
    listener.received.failure = KeyError("jane.doe@example.org")
    answer = await listener.notify(delivered())

    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert "jane" not in answer.text
    assert listener.received.answers == [(503, "failed", "")]


async def test_what_takes_too_long_is_tried_later() -> None:
    never = asyncio.Event()

    async def deliver(_event: DeliveryEvent, _body: bytes) -> str:
        await never.wait()
        return "committed"

    async def nothing(_one: object) -> None:
        return None

    limits = Limits(LIMITS.body, LIMITS.unpacked, LIMITS.recipients, seconds=0.05)
    async with listening(Handlers(deliver, nothing, nothing, nothing), limits=limits) as listener:
        answer = await listener.notify(delivered())

        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")


async def test_other_methods_and_paths_are_none_of_ours(listener: Listening) -> None:
    async with listener.session.put(listener.url(), data=BODY) as response:
        assert response.status == 405
    async with listener.session.post(listener.url("/"), data=BODY) as response:
        assert response.status == 404
