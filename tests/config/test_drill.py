"""The settings of drills."""

from __future__ import annotations

import pytest

from breaker.config import ConfigurationError, load

BOTH = {"drill.account": "canary@x.example, 6488aadc-ec27", "drill.recipient": "me@y.example"}


def test_there_is_no_drill_until_a_canary_and_a_recipient_are_said() -> None:
    assert not load(None, {}, {}).drill.configured
    assert not load(None, {"drill.account": "canary@x.example"}, {}).drill.configured

    drill = load(None, BOTH | {"drill.at": "21:05"}, {}).drill

    assert (drill.configured, drill.account) == (True, ("canary@x.example", "6488aadc-ec27"))
    assert drill.at_seconds == 21 * 3_600 + 5 * 60


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("drill.at", "3:30", "must be a time of day in UTC such as 03:30"),
        ("drill.at", "24:00", "must be a time of day in UTC such as 03:30"),
        ("drill.recipient", "me", "must be the address of a mailbox"),
        ("drill.recipient", "Canary@x.example", "another mailbox than the canary's own"),
        ("drill.account", "domain:x.example", "must name single accounts"),
        ("drill.account", "--all", "must name single accounts"),
    ],
)
def test_what_can_not_be_drilled_is_said(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load(None, BOTH | {name: value}, {})
