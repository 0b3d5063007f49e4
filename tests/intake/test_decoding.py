from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.nylas.notifications import (
    GrantEvent,
    NotJsonError,
    NotUnderstoodError,
    OtherEvent,
    SendFailed,
    decode,
    trigger_and_application,
)
from breaker.domain.outcomes.outcomes import BounceClass, DeliveryEvent, OutcomeKind, Recipient
from tests.counting.daemons import NOW
from tests.intake.listening import bounced, complaint, delivered, grant, message, notification, rejected

if TYPE_CHECKING:
    from collections.abc import Callable

JANE = Recipient("jane.doe@example.org")
PLAIN = DeliveryEvent(
    application_id="app-1",
    grant_id="grant-1",
    sender="agent@agents.example",
    message_id="message-1",
    sent_at=int(NOW - 100),
    occurred_at=NOW - 95,
    kind=OutcomeKind.DELIVERED,
    recipients=(JANE,),
    trigger="message.delivered",
)


def decoded(one: object) -> object:
    return decode(json.dumps(one).encode(), NOW)


# --- What the platform sends -----------------------------------------------------------------------------------------


def test_a_delivered_message_is_understood() -> None:
    assert decoded(delivered()) == PLAIN


def test_a_bounced_message_is_understood_with_its_class_and_text() -> None:
    assert decoded(bounced()) == PLAIN._replace(
        kind=OutcomeKind.BOUNCED,
        occurred_at=NOW - 90,
        trigger="message.bounced",
        recipients=(
            JANE._replace(bounce_class=BounceClass.UNKNOWN_RECIPIENT, diagnostic="smtp; 550 5.1.1 user unknown"),
        ),
    )


def test_each_recipient_of_a_bounce_has_a_class_of_its_own() -> None:
    one = decoded(
        bounced(
            {"email": "a@x.example"},
            {"email": "b@x.example", "diagnostic_code": "smtp; 550 user unknown"},
            {"email": "c@x.example", "diagnostic_code": None},
            "d@x.example",
            bounce_type="MailboxFull",
        )
    )

    assert isinstance(one, DeliveryEvent)
    assert [(recipient.address, recipient.bounce_class) for recipient in one.recipients] == [
        ("a@x.example", BounceClass.MAILBOX_FULL),
        ("b@x.example", BounceClass.UNKNOWN_RECIPIENT),
        ("c@x.example", BounceClass.MAILBOX_FULL),
        ("d@x.example", BounceClass.MAILBOX_FULL),
    ]


def test_a_complaint_is_understood() -> None:
    assert decoded(complaint()) == PLAIN._replace(
        kind=OutcomeKind.COMPLAINT, occurred_at=NOW - 50, trigger="message.complaint"
    )


@pytest.mark.parametrize("complaint_type", ["not-spam", "NOT-SPAM", " not-spam "])
def test_a_report_that_something_is_no_spam_is_no_complaint(complaint_type: str) -> None:
    one = decoded(complaint(complaint_type=complaint_type))

    assert isinstance(one, DeliveryEvent)
    assert one.recipients == ()


@pytest.mark.parametrize("complaint_type", ["abuse", "fraud", "", None])
def test_every_other_report_is_a_complaint(complaint_type: str | None) -> None:
    one = decoded(complaint(complaint_type=complaint_type))

    assert isinstance(one, DeliveryEvent)
    assert one.recipients == (JANE,)


def test_a_rejected_message_is_of_everybody_it_was_meant_for() -> None:
    one = decoded(rejected(to=["a@x.example"], cc=["b@x.example"], bcc=[{"email": "c@x.example", "name": "C"}]))

    assert one == PLAIN._replace(
        kind=OutcomeKind.REJECTED,
        occurred_at=NOW - 99,
        trigger="message.rejected",
        recipients=(Recipient("a@x.example"), Recipient("b@x.example"), Recipient("c@x.example")),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: delivered(kind=f"message.transactional.delivered{kind}", data={"grant_id": None}),
        lambda kind: bounced(kind=f"message.transactional.bounced{kind}", data={"grant_id": ""}),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".transformed", ".truncated", ".cleaned", ".cleaned.transformed"])
def test_transactional_events_have_no_grant_and_names_may_have_suffixes(
    make: Callable[[str], object], suffix: str
) -> None:
    one = decoded(make(suffix))

    assert isinstance(one, DeliveryEvent)
    assert (one.grant_id, one.sender) == (None, "agent@agents.example")
    assert one.trigger in {"message.transactional.delivered", "message.transactional.bounced"}


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("Agent@Agents.Example", "agent@agents.example"),
        ("An Agent <Agent@Agents.Example>", "agent@agents.example"),
        ([{"name": "An Agent", "email": "agent@agents.example"}], "agent@agents.example"),
        ({"email": "agent@agents.example"}, "agent@agents.example"),
        (["agent@agents.example", "other@agents.example"], "agent@agents.example"),
        ([], None),
        ("", None),
        ("nobody", None),
        (17, None),
        (None, None),
        ("a" * 400 + "@x.example", None),
        ("a\x00@x.example", None),
    ],
)
def test_the_sender_is_read_from_whatever_form_it_has(written: object, sender: str | None) -> None:
    one = delivered()
    one["data"]["object"]["message"]["from"] = written

    assert decoded(one) == PLAIN._replace(sender=sender)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Jane.Doe@Example.ORG", "jane.doe@example.org"),
        ("Jane Doe <Jane.Doe@Example.org>", "jane.doe@example.org"),
        ({"email": "Jane.Doe@Example.org", "name": "Jane"}, "jane.doe@example.org"),
        (" jane.doe@example.org ", "jane.doe@example.org"),
        ("jane.doe@example.org\n", "jane.doe@example.org"),
        ("\tjane.doe@example.org", "jane.doe@example.org"),
        ("1@2.3", "1@2.3"),
        ("JÜRGEN@EXÄMPLE.ORG", "jürgen@exämple.org"),
    ],
)
def test_an_address_is_the_same_in_whatever_form(written: object, address: str) -> None:
    assert decoded(delivered(written)) == PLAIN._replace(recipients=(Recipient(address),))


@pytest.mark.parametrize(
    ("what", "fields"), [("created", {}), ("updated", {"code": 25014}), ("expired", {}), ("deleted", {})]
)
def test_events_of_grants_are_understood(what: str, fields: dict[str, Any]) -> None:
    assert decoded(grant(what, **fields)) == GrantEvent(
        "app-1", "grant-1", what, NOW, "agent@agents.example", "nylas", f"grant.{what}"
    )


def test_an_event_of_a_grant_may_name_little() -> None:
    assert decoded(grant("deleted", email=None, provider=None)) == GrantEvent(
        "app-1", "grant-1", "deleted", NOW, None, None, "grant.deleted"
    )


@pytest.mark.parametrize(
    ("kind", "content", "known"),
    [
        ("message.send_success", {"id": "m", "from": [{"name": "A", "email": "a@b.example"}]}, True),
        ("message.bounce_detected", {"bounced_addresses": "a@b.example", "code": "550"}, True),
        ("alert.triggered", {"object": "alert", "grant_id": ""}, True),
        ("message.created.truncated", {}, False),
        ("message.opened", {}, False),
        ("", {}, False),
    ],
)
def test_other_triggers_change_no_count(kind: str, content: object, known: bool) -> None:
    assert decoded(notification(kind, content)) == OtherEvent("app-1", kind.removesuffix(".truncated"), known)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"reason": "sending paused", "error": {"type": "bad", "message": "suspended", "status_code": 400}},
            SendFailed("app-1", "grant-1", NOW, 400, "bad", "suspended; sending paused"),
        ),
        (
            {"error": {"type": 4, "message": None, "status_code": "400"}},
            SendFailed("app-1", "grant-1", NOW, None, "", ""),
        ),
        ({"error": "it broke", "reason": "it broke"}, SendFailed("app-1", "grant-1", NOW, None, "", "it broke")),
        ({}, SendFailed("app-1", "grant-1", NOW, None, "", "")),
        ({"grant_id": None}, OtherEvent("app-1", "message.send_failed", known=True)),
    ],
)
def test_a_send_that_failed_says_why_as_far_as_it_can_be_read(
    more: dict[str, object], expected: SendFailed | OtherEvent
) -> None:
    assert decoded(notification("message.send_failed", None, **more)) == expected


@pytest.mark.parametrize("data", [None, 3, "text", [], {}, {"application_id": 4}])
def test_an_unknown_trigger_may_have_any_content(data: object) -> None:
    assert decoded({"type": "something.new", "data": data}) == OtherEvent("", "something.new", known=False)


# --- Time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent_at", "understood"),
    [
        (1_790_000_000, 1_790_000_000),
        (1_790_000_000.9, 1_790_000_000),
        ("1790000000", 1_790_000_000),
        (0, 0),
        (-5, -1),
        (-1e30, -1),
        (1e30, 2**32),
        (1_790_000_000_000, 2**32),  # milliseconds
        (10**400, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (True, None),
    ],
)
def test_a_time_of_sending_is_seconds_or_out_of_reach_or_not_understood(
    sent_at: object, understood: int | None
) -> None:
    one = delivered()
    one["data"]["object"]["message"]["sent_at"] = sent_at

    if understood is None:
        with pytest.raises(NotUnderstoodError):
            decoded(one)
    else:
        assert decoded(one) == PLAIN._replace(sent_at=understood)


@pytest.mark.parametrize(
    ("time", "occurred_at"),
    [
        (1_790_000_001, 1_790_000_001.0),
        (1_790_000_001.5, 1_790_000_001.5),
        ("2026-09-21T14:13:20Z", NOW),
        (None, NOW),
        (True, NOW),
        ([1], NOW),
        (10**400, NOW),
        (-(10**400), NOW),
    ],
)
def test_what_tells_no_moment_came_about_when_it_came(time: object, occurred_at: float) -> None:
    one = delivered() | {"time": time}
    del one["data"]["object"]["delivered"]["delivered_at"]
    two = grant("created") | {"time": time}

    assert decoded(one) == PLAIN._replace(occurred_at=occurred_at)
    assert decoded(two) == GrantEvent(
        "app-1", "grant-1", "created", occurred_at, "agent@agents.example", "nylas", "grant.created"
    )


# --- What is not understood ------------------------------------------------------------------------------------------


def without(one: dict[str, Any], *path: str) -> dict[str, Any]:
    *parents, last = path
    inner = one
    for name in parents:
        inner = inner[name]
    del inner[last]
    return one


@pytest.mark.parametrize(
    "one",
    [
        without(delivered(), "data"),
        without(delivered(), "data", "application_id"),
        without(delivered(), "data", "object"),
        without(delivered(), "data", "object", "message"),
        without(delivered(), "data", "object", "delivered"),
        without(delivered(), "data", "object", "delivered", "recipients"),
        without(delivered(), "data", "object", "message", "id"),
        without(delivered(), "data", "object", "message", "sent_at"),
        without(bounced(), "data", "object", "bounce"),
        without(complaint(), "data", "object", "complaint", "complained_recipients"),
        without(rejected(), "data", "object", "message", "to"),
        without(grant("created"), "data", "object", "grant_id"),
        delivered(id=""),
        delivered(id=7),
        delivered(data={"application_id": ""}),
        delivered(data={"application_id": "x" * 300}),
        delivered(data={"application_id": "a\x00b"}),
        delivered(data={"grant_id": "g\x00"}),
        delivered(data={"grant_id": "g" * 300}),
        delivered(data={"grant_id": 12}),
        without(delivered(data={"grant_id": None}), "data", "object", "message", "from"),
        delivered(7),
        delivered(None),
        delivered({"name": "Jane"}),
        delivered("nobody at all"),
        delivered(""),
        delivered("a" * 400 + "@x.example"),
        bounced({"email": 7}),
        bounced({"email": "a@x.example", "diagnostic_code": ["550"]}),
        bounced(bounce_type=7),  # type: ignore[arg-type] # what the platform would have to change to send
        notification("message.delivered", {"message": message(), "delivered": "yes"}),
        grant("created", grant_id=""),
        grant("created", grant_id="g\x00"),
    ],
)
def test_what_is_not_as_it_is_known_is_said_without_its_values(one: object) -> None:
    with pytest.raises(NotUnderstoodError) as caught:
        decoded(one)

    assert "jane" not in str(caught.value).lower()
    assert "agents.example" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "body", [b"7", b'"text"', b"null", b"[]", b"{}", b'{"type": 7}', b'{"data": {}}', b'[{"type": "x"}]']
)
def test_json_without_a_trigger_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstoodError, match="the envelope"):
        decode(body, NOW)

    assert trigger_and_application(body) == ("", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"hello",
        b"{",
        b"{'type': 'x'}",
        b'{"type": "x"} trailing',
        b"\xff\xfe{}",
        b'{"type": "\xff"}',
        b'{"type": "x", "data": {"application_id": "\xc3("}}',
        b'{"type": "grant.created", "data": {"application_id": "\xc3(", "object": {"grant_id": "g"}}}',
        # What the platform calls an address comes after what tells that this is no delivery.
        b'{"type": "grant.created", "data": {"application_id": "a", "object": {"grant_id": "g", "email": "\x80a@b"}}}',
        b"\x1f\x8b\x08\x00",
        b"[" * 10,
    ],
)
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        decode(body, NOW)


@pytest.mark.parametrize("depth", [2_000, 50_000])
@pytest.mark.parametrize(
    "around",
    [
        (b"", b"", b"[", b"]"),
        (b"", b"1", b'{"a":', b"}"),
        (b'{"type":"message.delivered","data":', b"", b"[", b"]"),
        (b'{"type":"grant.created","data":', b"", b"[", b"]"),
        (b'{"type":"something.new","data":', b"", b"[", b"]"),
    ],
)
def test_json_too_deep_to_be_read_is_not_understood(depth: int, around: tuple[bytes, bytes, bytes, bytes]) -> None:
    before, inside, opening, closing = around
    body = before + opening * depth + inside + closing * depth + (b"}" if before else b"")

    with pytest.raises((NotUnderstoodError, NotJsonError)):
        decode(body, NOW)

    assert trigger_and_application(body)[1] == ""


def test_an_unknown_trigger_of_no_characters_is_of_no_application() -> None:
    body = b'{"type": "something.new", "data": {"object": 1, "application_id": "\x80"}}'

    assert decode(body, NOW) == OtherEvent("", "something.new", known=False)
    assert trigger_and_application(body) == ("", "")


def test_half_a_surrogate_pair_reaches_nobody() -> None:
    body = json.dumps(delivered(id="m\ud800")).encode()

    with pytest.raises((NotJsonError, NotUnderstoodError)):
        decode(body, NOW)
