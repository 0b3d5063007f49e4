"""Drills: whether a stop stops, tried on a canary."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from breaker.config.groups import Group, Seconds
from breaker.config.values import Names

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _time_of_day(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        raise ValueError("must be a time of day in UTC such as 03:30")
    return text


def _address(text: str) -> str:
    local, _, domain = text.partition("@")
    if not local or not domain or "@" in domain or any(one.isspace() for one in text):
        raise ValueError("must be the address of a mailbox")
    return text


def _single(names: tuple[str, ...]) -> tuple[str, ...]:
    if any(":" in one or one.startswith("-") for one in names):
        raise ValueError("must name single accounts, each by its address or grant id")
    return names


Canaries = Annotated[Names, AfterValidator(_single)]
TimeOfDay = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_time_of_day)]
Address = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_address)]


class DrillSettings(Group):
    """The drill: a canary account is stopped, must be refused a send, is let go, and must be able to send again."""

    account: Canaries = ()
    """The canary, an Agent Account of its own that nobody else sends with: its address or grant id; of several
    applications one each, comma separated. It is stopped for about a minute. Unset: there is no drill."""

    recipient: Address | None = None
    """The address that the canary writes to: a mailbox of yours that takes its mail, as two or three a drill are
    really sent. Which addresses of a mail simulator the platform takes is not documented. Unset: there is no drill."""

    nightly: bool = True
    """Whether `breaker serve` drills once a night. Default: true, once `account` and `recipient` are set."""

    at: TimeOfDay = "03:30"
    """When, UTC. Default: 03:30, when little is sent in Europe and America."""

    jitter_seconds: Annotated[float, Field(ge=0, lt=43_200)] = 1_800.0
    """Seconds that it may begin later, differing from night to night. Default: 1,800, so that not all that guard
    accounts on the platform drill in the same minute."""

    read_back_seconds: Seconds = 60.0
    """Seconds within which the platform must be read back after the stop, and after the reset. Default: 60: a stop
    takes about a second, and a minute outlasts a short failure of the platform."""

    refusal_seconds: Annotated[float, Field(ge=0, le=300)] = 10.0
    """Seconds within which a stop that was read back must take effect, and a reset; five sends are tried at most in
    that time. Default: 10, though the platform says that lists take effect at once: how long it took is shown."""

    event_seconds: Annotated[float, Field(ge=0, le=3_600)] = 180.0
    """Seconds within which the webhook must tell what became of the accepted send; 0 asks for nothing, where the
    platform does not tell of mail to the recipient. Default: 180: the platform may keep a send for 90."""

    rule_scope: bool = True
    """Whether to find out as well where outbound rules hold, which the platform's documents disagree about: by a rule
    that is attached nowhere, matches the canary alone and is there for seconds. By command each time, at night once a
    week. Default: true; it needs room for one more rule."""

    @property
    def configured(self) -> bool:
        """Whether there is anything to drill."""
        return bool(self.account) and self.recipient is not None

    @property
    def at_seconds(self) -> float:
        """When the nightly one begins, seconds after midnight, UTC."""
        hours, minutes = self.at.split(":")
        return 3_600.0 * int(hours) + 60.0 * int(minutes)

    @model_validator(mode="after")
    def _somebody_else_is_written_to(self) -> Self:
        if self.recipient is not None and self.recipient.lower() in {one.lower() for one in self.account}:
            raise ValueError("recipient must be another mailbox than the canary's own")
        return self
