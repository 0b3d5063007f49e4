"""The platform's notifications, decoded into the domain's words.

Two families of triggers carry the same delivery events: `message.*` of Agent Accounts, with a grant, and
`message.transactional.*` of Transactional Send, without one. Both become a `DeliveryEvent`. Shapes:
https://developer.nylas.com/docs/reference/notifications/agent-accounts/ and .../transactional-email/.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from breaker.domain.outcomes.bounces import classify
from breaker.domain.outcomes.outcomes import DeliveryEvent, OutcomeKind, Recipient

SUFFIXES = (".truncated", ".transformed", ".cleaned")
"""What the platform appends to a trigger's name; they can be combined."""

DELIVERY_TRIGGERS = {
    f"{family}.{kind}": kind for family in ("message", "message.transactional") for kind in OutcomeKind
}
GRANT_TRIGGERS = frozenset({"grant.created", "grant.updated", "grant.expired", "grant.deleted"})
SEND_FAILED = "message.send_failed"
OTHER_TRIGGERS = frozenset({"message.send_success", "message.bounce_detected", "alert.triggered"})
LONGEST_ID = 256
LONGEST_ADDRESS = 320
_LAST_SECOND = 2**32
_REMEMBERED = 16_384
"""Senders that need not be looked at again: the busy part of a fleet, in some MB. Recipients are kept nowhere."""
_TOO_DEEP = "it is nested too deeply to be read"


class NotJsonError(Exception):
    """The body is no JSON at all."""


class NotUnderstoodError(Exception):
    """The body is signed JSON, but not of a shape that is known; the message names the field, never its value."""


@dataclass(frozen=True, slots=True)
class GrantEvent:
    """Something happened to a grant.

    Args:
        application_id: The platform's id of the application.
        grant_id: The grant.
        what: `created`, `updated`, `expired` or `deleted`.
        occurred_at: When, Unix seconds.
        email: Its address, lower case, or None where the event does not name it.
        provider: Its provider, such as `nylas`, or None.
        trigger: The trigger's name without suffix.
    """

    application_id: str
    grant_id: str
    what: str
    occurred_at: float
    email: str | None
    provider: str | None
    trigger: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A send that was accepted and could not go out.

    Args:
        application_id: The platform's id of the application.
        grant_id: The grant.
        occurred_at: When, Unix seconds.
        status: The status that its error names, or None.
        type: The error's type, or empty.
        message: The error's text and the reason beside it, as the platform writes them.
        trigger: The trigger's name without suffix.
    """

    application_id: str
    grant_id: str
    occurred_at: float
    status: int | None
    type: str
    message: str
    trigger: str = SEND_FAILED


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """A notification that changes no count.

    Args:
        application_id: The platform's id of the application, empty where there is none.
        trigger: The trigger's name without suffix.
        known: Whether it is one that Breaker subscribes to.
    """

    application_id: str
    trigger: str
    known: bool


class _Address(msgspec.Struct):
    email: str
    diagnostic_code: str | None = None


class _Message(msgspec.Struct):
    id: str
    sent_at: int | float | str
    from_: Any = msgspec.field(name="from", default=None)
    to: list[str | _Address] | None = None
    cc: list[str | _Address] | None = None
    bcc: list[str | _Address] | None = None


class _Delivered(msgspec.Struct):
    recipients: list[str | _Address]
    delivered_at: float | None = None


class _Bounce(msgspec.Struct):
    recipients: list[str | _Address]
    type: str | None = None
    bounced_at: float | None = None


class _Complaint(msgspec.Struct):
    complained_recipients: list[str | _Address]
    type: str | None = None
    reported_at: float | None = None


class _DeliveryObject(msgspec.Struct):
    message: _Message
    delivered: _Delivered | None = None
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    rejected_at: float | None = None


class DeliveryData(msgspec.Struct):
    """What a delivery event is about."""

    application_id: str
    object: _DeliveryObject
    grant_id: str | None = None


class DeliveryEnvelope(msgspec.Struct):
    """A delivery event as it comes, before anybody looked at what it says."""

    type: str
    data: DeliveryData
    time: Any = None


class _GrantObject(msgspec.Struct):
    grant_id: str
    email: str | None = None
    provider: str | None = None


class _GrantData(msgspec.Struct):
    application_id: str
    object: _GrantObject


class _GrantEnvelope(msgspec.Struct):
    data: _GrantData
    time: Any = None


class _SendFailedData(msgspec.Struct):
    """The published examples do not fit the published schema, so as little as possible is asked of it."""

    application_id: str
    grant_id: str | None = None
    reason: Any = None
    error: Any = None


class _SendFailedEnvelope(msgspec.Struct):
    data: _SendFailedData
    time: Any = None


class _Header(msgspec.Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _ApplicationOnly(msgspec.Struct):
    application_id: str = ""


_delivery = msgspec.json.Decoder(DeliveryEnvelope)
_grant = msgspec.json.Decoder(_GrantEnvelope)
_send_failed = msgspec.json.Decoder(_SendFailedEnvelope)
_header = msgspec.json.Decoder(_Header)
_application_only = msgspec.json.Decoder(_ApplicationOnly)
_anything = msgspec.json.Decoder()

Notification = DeliveryEvent | GrantEvent | SendFailed | OtherEvent
Part = TypeVar("Part")


def decode(body: bytes, received_at: float) -> Notification:
    """Decode the body of a notification.

    Args:
        body: The unpacked JSON.
        received_at: When it came, Unix seconds: stands in for a moment that the event does not tell.

    Raises:
        NotJsonError: It is no JSON.
        NotUnderstoodError: It is one that Breaker should know but does not understand.
    """
    try:
        envelope = _delivery.decode(body)
    except msgspec.DecodeError as error:
        return _decode_other(body, received_at, error)
    except UnicodeDecodeError as error:
        raise NotJsonError("the body is not UTF-8") from error
    except RecursionError as error:
        raise NotUnderstoodError(_TOO_DEEP) from error
    return understood(envelope, body, received_at)


def understood(envelope: DeliveryEnvelope, body: bytes, received_at: float) -> Notification:
    """Return what a decoded envelope says.

    Args:
        envelope: The envelope.
        body: What it was decoded from: other triggers may have its shape too.
        received_at: When it came, Unix seconds.

    Raises:
        NotUnderstoodError: It is one that Breaker should know but does not understand.
    """
    trigger = envelope.type
    kind = DELIVERY_TRIGGERS.get(trigger)
    if kind is None:
        trigger = without_suffix(trigger)
        kind = DELIVERY_TRIGGERS.get(trigger)
        if kind is None:
            return _decode_other(body, received_at, None)
    return _delivery_event(envelope, trigger, kind, received_at)


def trigger_and_application(body: bytes) -> tuple[str, str]:
    """Return the trigger's name, without suffix, and the application's id as far as a body tells them, else empty."""
    try:
        header = _header.decode(body)
        return without_suffix(header.type), _application_only.decode(header.data).application_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""


def without_suffix(trigger: str) -> str:
    """Return a trigger's name without the suffixes that the platform appends."""
    while trigger.endswith(SUFFIXES):
        trigger = trigger.rpartition(".")[0]
    return trigger


def _decode_other(body: bytes, received_at: float, problem: Exception | None) -> Notification:
    try:
        header = _header.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _is_json(body):
            raise NotUnderstoodError(f"the envelope: {_shape(error)}") from error
        raise NotJsonError("the body is not JSON") from error
    except RecursionError as error:
        raise NotUnderstoodError(_TOO_DEEP) from error
    trigger = without_suffix(header.type)
    if trigger in DELIVERY_TRIGGERS:
        raise NotUnderstoodError(_shape(problem)) from problem
    if trigger in GRANT_TRIGGERS:
        return _grant_event(body, trigger, received_at)
    if trigger == SEND_FAILED:
        return _send_failed_event(body, received_at)
    try:
        application_id = _application_only.decode(header.data).application_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        application_id = ""
    return OtherEvent(application_id, trigger, trigger in OTHER_TRIGGERS)


def _delivery_event(envelope: DeliveryEnvelope, trigger: str, kind: OutcomeKind, received_at: float) -> DeliveryEvent:
    data = envelope.data
    message = data.object.message
    occurred_at, recipients = _recipients(data.object, kind)
    application_id, grant_id, sender = sender_of(data)
    if occurred_at is None:
        occurred_at = _time_or(envelope.time, received_at)
    sent_at = seconds(message.sent_at)
    # In the order of its fields: naming them would cost as much again.
    return DeliveryEvent(application_id, grant_id, sender, message.id, sent_at, occurred_at, kind, recipients, trigger)


def sender_of(data: DeliveryData) -> tuple[str, str | None, str | None]:
    """Return the application, grant and address that a delivery event is about.

    Raises:
        NotUnderstoodError: One that is needed is missing, or not of a shape that is known.
    """
    message = data.object.message
    if not message.id:
        raise NotUnderstoodError("`data.object.message.id` is empty")
    given = message.from_
    if isinstance(given, str) and len(given) <= LONGEST_ADDRESS:
        return _account(data.application_id, data.grant_id, given)
    return _account_of(data.application_id, data.grant_id, _address(given))


@lru_cache(_REMEMBERED)
def _account(application_id: str, grant_id: str | None, given: str) -> tuple[str, str | None, str | None]:
    """Do what `_account_of` does, once for each: what senders are called is seen again and again."""
    return _account_of(application_id, grant_id, _bare(given))


def _account_of(application_id: str, grant_id: str | None, sender: str | None) -> tuple[str, str | None, str | None]:
    _identifier("data.application_id", application_id)
    if grant_id:
        _identifier("data.grant_id", grant_id)
    elif sender is None:
        raise NotUnderstoodError("neither `data.grant_id` nor an address in `data.object.message.from`")
    return application_id, grant_id or None, sender


def _recipients(found: _DeliveryObject, kind: OutcomeKind) -> tuple[float | None, tuple[Recipient, ...]]:
    """Return when the outcome came about and whom it is about."""
    if kind is OutcomeKind.DELIVERED:
        part = found.delivered
        if part is None:
            raise NotUnderstoodError("`data.object.delivered` is missing")
        if len(part.recipients) == 1:  # as nearly all have; this is the hot path
            return part.delivered_at, (Recipient(required(part.recipients[0])),)
        return part.delivered_at, tuple([Recipient(required(one)) for one in part.recipients])
    if kind is OutcomeKind.BOUNCED:
        bounce = _present(found.bounce, "bounce")
        return bounce.bounced_at, tuple(_bounced(one, bounce.type) for one in bounce.recipients)
    if kind is OutcomeKind.COMPLAINT:
        complaint = _present(found.complaint, "complaint")
        if (complaint.type or "").strip().lower() == "not-spam":
            return complaint.reported_at, ()
        return complaint.reported_at, tuple(Recipient(required(one)) for one in complaint.complained_recipients)
    message = found.message
    meant_for = [*(message.to or ()), *(message.cc or ()), *(message.bcc or ())]
    if not meant_for:
        raise NotUnderstoodError("`data.object.message` names no recipient in to, cc or bcc")
    return found.rejected_at, tuple(Recipient(required(one)) for one in meant_for)


def _bounced(one: str | _Address, bounce_type: str | None) -> Recipient:
    diagnostic = None if isinstance(one, str) else one.diagnostic_code
    return Recipient(required(one), classify(diagnostic, bounce_type), diagnostic)


def _present(part: Part | None, name: str) -> Part:
    if part is None:
        raise NotUnderstoodError(f"`data.object.{name}` is missing")
    return part


def required(one: str | _Address) -> str:
    """Return the bare lower-case address of a recipient.

    Raises:
        NotUnderstoodError: There is none.
    """
    given = (one if isinstance(one, str) else one.email).strip()
    # The plain form needs no parsing; the hot path knows nothing else.
    address = given if given.islower() and " " not in given and "<" not in given else _address(given)
    if not address or len(address) > LONGEST_ADDRESS:
        raise NotUnderstoodError("a recipient's address is empty or too long")
    return address


def _address(given: object) -> str | None:
    """Return the bare lower-case address of `a@b`, `Name <a@b>`, `{"email": "a@b"}` or a list of one of those."""
    if isinstance(given, list):
        given = given[0] if given else None
    if isinstance(given, dict):
        given = given.get("email")
    return _bare(given) if isinstance(given, str) else None


def _bare(given: str) -> str | None:
    address = (parseaddr(given)[1] if "<" in given or " " in given else given).strip().lower()
    return address if "@" in address and "\x00" not in address and len(address) <= LONGEST_ADDRESS else None


def _identifier(field: str, value: str) -> None:
    if not value or len(value) > LONGEST_ID or not value.isprintable():
        raise NotUnderstoodError(f"`{field}` is empty, longer than {LONGEST_ID} characters, or not printable")


def seconds(sent_at: float | str) -> int:
    """Return a moment in whole Unix seconds; out of range stays out of range, and is refused where it is counted."""
    if type(sent_at) is int and 0 <= sent_at < _LAST_SECOND:
        return sent_at
    try:
        return min(max(int(float(sent_at)), -1), _LAST_SECOND)
    except (ValueError, OverflowError) as error:
        raise NotUnderstoodError("`data.object.message.sent_at` is not a number") from error


def _time_or(time: object, received_at: float) -> float:
    if isinstance(time, int | float) and not isinstance(time, bool):
        with suppress(OverflowError):
            return float(time)
    return received_at


def _grant_event(body: bytes, trigger: str, received_at: float) -> GrantEvent:
    try:
        envelope = _grant.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotUnderstoodError(_shape(error)) from error
    except UnicodeDecodeError as error:
        raise NotJsonError("the body is not UTF-8") from error
    found = envelope.data.object
    _identifier("data.application_id", envelope.data.application_id)
    _identifier("data.object.grant_id", found.grant_id)
    provider = found.provider if found.provider and found.provider.isprintable() else None
    return GrantEvent(
        application_id=envelope.data.application_id,
        grant_id=found.grant_id,
        what=trigger.removeprefix("grant."),
        occurred_at=_time_or(envelope.time, received_at),
        email=_address(found.email),
        provider=provider,
        trigger=trigger,
    )


def _send_failed_event(body: bytes, received_at: float) -> SendFailed | OtherEvent:
    """Return a failed send; what it was to be, `data.object`, may be null and is not looked at."""
    try:
        envelope = _send_failed.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotUnderstoodError(_shape(error)) from error
    except UnicodeDecodeError as error:
        raise NotJsonError("the body is not UTF-8") from error
    data = envelope.data
    _identifier("data.application_id", data.application_id)
    if not data.grant_id:
        return OtherEvent(data.application_id, SEND_FAILED, known=True)
    _identifier("data.grant_id", data.grant_id)
    problem = data.error if isinstance(data.error, dict) else {"message": data.error}
    kind, text, status = problem.get("type"), problem.get("message"), problem.get("status_code")
    return SendFailed(
        application_id=data.application_id,
        grant_id=data.grant_id,
        occurred_at=_time_or(envelope.time, received_at),
        status=status if isinstance(status, int) and not isinstance(status, bool) else None,
        type=kind if isinstance(kind, str) else "",
        message="; ".join(dict.fromkeys(said for said in (text, data.reason) if isinstance(said, str) and said)),
    )


def _shape(problem: Exception | None) -> str:
    """Return what msgspec says of a shape: types and a path, never a value."""
    return str(problem) if isinstance(problem, msgspec.ValidationError) else "the shape is not known"


def _is_json(body: bytes) -> bool:
    try:
        _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    except RecursionError:
        return True  # as far as it was read
    return True
