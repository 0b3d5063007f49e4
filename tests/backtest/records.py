"""Records for tests: made by the simulated platform, or by hand, one notification a line."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from breaker.adapters.nylas.recorded import decode_line
from breaker.domain.backtest.fleet_guard import FleetGuard
from breaker.domain.backtest.replay import Replay
from breaker.domain.detectors.budget import Budget
from breaker.domain.outcomes.outcomes import Counting, DeliveryEvent
from breaker.domain.outcomes.sends import Rules
from breaker.domain.profiles.profiles import Profiles
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import WindowSizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breaker.domain.profiles.profile import Profile

BEGIN = 1_767_600_000
"""A moment in January 2026."""
HOUR = 3_600
SIZES = WindowSizes()
RULES = Rules(Counting(), frozenset({"feedback.example"}), frozenset({"simulator.example"}), b"k" * 32)
REASONS = {"hard": "smtp; 550 5.1.1 user unknown", "full": "smtp; 552 5.2.2 mailbox full"}


def profile(sizes: WindowSizes = SIZES, accounts: int = 1_000) -> Profile:
    return standard_profile(Budget(accounts=accounts), sizes, 0.8)


def replay(**said: Any) -> Replay:  # noqa: ANN401 - what the replay is given, by name
    """Return a replay with the standard profile, nothing replayed yet."""
    sizes = said.pop("sizes", SIZES)
    return Replay(said.pop("rules", RULES), Profiles(said.pop("profile", profile(sizes))), sizes, FleetGuard(), **said)


def replayed(lines: Iterable[bytes], **said: Any) -> Replay:  # noqa: ANN401 - as above
    """Return a replay of lines."""
    made = replay(**said)
    for line in lines:
        event, received_at = decode_line(line)
        assert isinstance(event, DeliveryEvent)
        made.take(event, received_at)
    made.end()
    return made


def line(  # noqa: PLR0913 - each by name, and most tests say few
    kind: str,
    message: str,
    *,
    account: str = "a",
    to: str | None = None,
    sent_at: float = BEGIN,
    received_at: float | None = None,
    reason: str = "hard",
    grant: bool = True,
    sender: bool = True,
) -> bytes:
    """Write a line of a record."""
    recipient = to or f"{message}@example.org"
    known: dict[str, Any] = {"id": message, "to": [recipient], "sent_at": int(sent_at)}
    if sender:
        known["from"] = f"{account}@agents.example"
    object_: dict[str, Any] = {"message": known}
    if kind == "delivered":
        object_["delivered"] = {"recipients": [recipient]}
    elif kind == "bounced":
        object_["bounce"] = {
            "type": "General",
            "recipients": [{"email": recipient, "diagnostic_code": REASONS.get(reason, reason)}],
        }
    elif kind == "complaint":
        object_["complaint"] = {"type": "abuse", "complained_recipients": [recipient]}
    data: dict[str, Any] = {"application_id": "app-1", "object": object_}
    if grant:
        data["grant_id"] = f"grant-{account}"
    family = "message" if grant else "message.transactional"
    at = sent_at + 5 if received_at is None else received_at
    return msgspec.json.encode({"type": f"{family}.{kind}", "data": data, "received_at": at}) + b"\n"


def steady(  # noqa: PLR0913 - each by name
    account: str, sends: int, bad: float, *, seed: int = 1, every: int = 300, begin: int = BEGIN, first: int = 0
) -> list[bytes]:
    """Write an account's sends, one each `every` seconds, a share of which hard-bounces."""
    source = Random(f"{account} {seed} {first}")
    return [
        line(
            "bounced" if source.random() < bad else "delivered",
            f"{account}-{number}",
            account=account,
            sent_at=begin + every * number,
        )
        for number in range(first, first + sends)
    ]


def in_order(*records: Sequence[bytes]) -> list[bytes]:
    """Merge records by the moment at which each line came."""
    moment = msgspec.json.Decoder(type=dict[str, Any])
    return sorted((one for record in records for one in record), key=lambda one: moment.decode(one)["received_at"])


def steps(made: Replay, account: str = "grant-a") -> list[tuple[int, str, str]]:
    """Return the verdicts of an account: after how many sends, by which detector, and to what."""
    [found] = [one for one in made.accounts if one.name == account]
    return [(step.after_sends, step.detector, str(step.to)) for step in found.steps]
