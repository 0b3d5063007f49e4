from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breaker.adapters.nylas.notifications import NotJsonError, NotUnderstoodError, decode, trigger_and_application
from breaker.adapters.nylas.signature import sign
from breaker.domain.outcomes.outcomes import DeliveryEvent
from tests.counting.daemons import NOW
from tests.intake.listening import (
    DOCUMENTED,
    SECRET,
    Listening,
    bounced,
    complaint,
    delivered,
    grant,
    notification,
    rejected,
)

over_http = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the listener keeps nothing that matters here
)
VALID = [
    delivered(),
    delivered(
        {"email": "a@x.example"}, "B <b@x.example>", kind="message.transactional.delivered", data={"grant_id": None}
    ),
    bounced(),
    bounced({"email": "a@x.example"}, kind="message.bounced.transformed", bounce_type=None),
    complaint(),
    rejected(),
    grant("created"),
    grant("deleted"),
    notification("message.send_failed", {}),
    notification("alert.triggered", {"object": "alert"}),
    notification("something.new", {}),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**32, 2**63, 2**64, 10**40, 10**400, 1e308, -1e308, 0.5]),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\x00", "\ud800", "a@b", "A <a@b.example>", "x" * 1000, "9" * 400, "nan", "1e400", "message.bounced"]
    ),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.sampled_from(["email", "id", "type", "recipients"]), st.text(max_size=5), max_size=2),
)


def places(one: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything inside of a value."""
    inside: list[tuple[Any, object]] = []
    if isinstance(one, dict):
        inside = list(one.items())
    elif isinstance(one, list):
        inside = list(enumerate(one))
    return [
        *((*path, key) for key, _ in inside),
        *(each for key, value in inside for each in places(value, (*path, key))),
    ]


@st.composite
def mutated(draw: st.DrawFn) -> object:
    """Change, add or take away something of a valid notification, up to three times."""
    one: Any = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        ways = places(one)
        if not ways:
            break
        *parents, last = draw(st.sampled_from(ways))
        inner = one
        for key in parents:
            inner = inner[key]
        what = draw(st.sampled_from(["change", "take", "add"]))
        if what == "take":
            del inner[last]
        elif what == "add" and isinstance(inner, dict):
            inner[draw(st.text(max_size=5))] = draw(ODD)
        else:
            inner[last] = draw(ODD)
    return one


def understood(body: bytes) -> object:
    """Decode, or return what decoding may say."""
    try:
        return decode(body, NOW)
    except (NotJsonError, NotUnderstoodError) as error:
        return error


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    understood(body)
    trigger_and_application(body)


@given(mutated())
@settings(max_examples=500)
def test_any_change_of_a_notification_is_decoded_or_refused(one: object) -> None:
    body = json.dumps(one).encode()
    event = understood(body)
    trigger_and_application(body)

    if isinstance(event, DeliveryEvent):
        assert event.application_id
        assert event.grant_id or event.sender
        assert event.message_id
        assert -1 <= event.sent_at <= 2**32
        assert all(recipient.address == recipient.address.strip().lower() for recipient in event.recipients)


@given(st.sampled_from(VALID), st.data())
@settings(max_examples=200)
def test_any_change_of_the_bytes_is_decoded_or_refused(one: object, data: st.DataObject) -> None:
    body = bytearray(json.dumps(one).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        how_many = data.draw(st.integers(0, 3))
        body[place : place + how_many] = data.draw(st.binary(max_size=4))
        if not body:
            break

    understood(bytes(body))


@given(mutated(), st.booleans())
@over_http
async def test_any_signed_notification_gets_a_documented_status(
    listener: Listening, one: object, gzipped: bool
) -> None:
    answer = await listener.notify(one, gzipped=gzipped)

    assert answer.status in DOCUMENTED - {503}
    assert listener.received.answers[-1][0] == answer.status


@given(
    st.binary(max_size=400),
    st.sampled_from([None, "gzip", "GZIP", "deflate", ""]),
    st.one_of(st.none(), st.just(SECRET), st.text(min_size=1, max_size=9)),
)
@over_http
async def test_any_body_at_all_gets_a_documented_status(
    listener: Listening, body: bytes, encoding: str | None, secret: str | None
) -> None:
    headers = {} if secret is None else {"X-Nylas-Signature": sign(body, secret)}
    if encoding is not None:
        headers["Content-Encoding"] = encoding

    answer = await listener.post(body, headers)

    assert answer.status in DOCUMENTED - {503, 413}
    assert answer.status == 401 or secret == SECRET


@given(st.binary(max_size=60), st.binary(max_size=60))
@over_http
async def test_any_gzip_with_anything_behind_it_gets_a_documented_status(
    listener: Listening, inside: bytes, behind: bytes
) -> None:
    packed = gzip.compress(inside) + behind
    answer = await listener.post(packed, {"Content-Encoding": "gzip", "X-Nylas-Signature": sign(packed, SECRET)})

    assert answer.status in {200, 400}


@pytest.mark.parametrize("one", VALID)
def test_the_notifications_that_are_changed_here_are_understood_as_they_are(one: object) -> None:
    assert not isinstance(understood(json.dumps(one).encode()), Exception)
