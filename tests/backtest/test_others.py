"""The rules of others fire at their own constants, and when they look is their own too."""

from __future__ import annotations

import pytest

from breaker.domain.backtest.others import Others, Preset, chosen
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import Tally

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
BEGIN = 1_767_600_000.0
GOOD = Tally(1, 0, 0, 1, 0, 0, 0, 0)
BOUNCE = Tally(1, 1, 1, 0, 0, 0, 0, 0)
COMPLAINT = Tally(0, 0, 0, 0, 1, 0, 0, 0)
OLD = 40 * DAY
"""Longer than an account is young for anybody."""


def preset(name: str) -> Preset:
    [found] = chosen([name], PRESETS)
    return found


def fired(  # noqa: PLR0913 - each by name, but for what the tables say
    name: str, good: int, bad: int, change: Tally, *, within: float, old: bool = True
) -> bool:
    """Tell whether a rule fires on so many good sends within a time, the bad outcomes last."""
    others = Others([preset(name)])
    if old:
        others.take(BEGIN - OLD, BEGIN - OLD, GOOD)
    step = within / (good + bad)
    for number in range(good + bad):
        at = BEGIN + step * number
        others.take(at, at, GOOD if number < good else change)
    others.end(BEGIN + within + 2 * HOUR)
    return others.watches[0].fired is not None


@pytest.mark.parametrize(
    ("name", "good", "bad", "change", "within", "fires"),
    [
        ("posthog", 950, 50, BOUNCE, 20 * HOUR, True),
        ("posthog", 960, 49, BOUNCE, 20 * HOUR, False),
        ("posthog", 949, 50, BOUNCE, 20 * HOUR, False),
        ("posthog", 180, 20, BOUNCE, 20 * MINUTE, True),
        ("posthog", 180, 19, BOUNCE, 20 * MINUTE, False),
        ("posthog", 3_000, 10, COMPLAINT, 20 * HOUR, True),
        ("posthog", 3_000, 9, COMPLAINT, 20 * HOUR, False),
        ("plunk", 90, 10, BOUNCE, 6 * DAY, True),
        ("plunk", 89, 9, BOUNCE, 6 * DAY, False),
        ("plunk", 114, 10, BOUNCE, 6 * DAY, True),
        ("plunk", 130, 10, BOUNCE, 6 * DAY, False),
        ("plunk", 3_000, 5, COMPLAINT, 6 * DAY, True),
        ("plunk", 5_000, 5, COMPLAINT, 6 * DAY, False),
        ("inbound", 195, 10, BOUNCE, 20 * HOUR, False),
        ("inbound", 190, 10, BOUNCE, 20 * HOUR, True),
        ("inbound", 50, 10, BOUNCE, 20 * HOUR, True),
        ("inbound", 2_000, 2, COMPLAINT, 20 * HOUR, True),
        ("inbound", 2_001, 2, COMPLAINT, 20 * HOUR, False),
        ("ses-strict", 900, 100, BOUNCE, 60 * DAY, False),
        ("ses-strict", 900, 101, BOUNCE, 60 * DAY, True),
        ("ses-strict", 2_000, 10, COMPLAINT, 60 * DAY, False),
        ("ses-strict", 2_000, 11, COMPLAINT, 60 * DAY, True),
        ("gc-notify", 900, 100, BOUNCE, 20 * HOUR, True),
        ("gc-notify", 899, 100, BOUNCE, 20 * HOUR, False),
        ("gc-notify", 900, 500, COMPLAINT, 20 * HOUR, False),
        ("nylas-alert", 95, 5, BOUNCE, 20 * HOUR, False),
        ("nylas-alert", 94, 5, BOUNCE, 20 * HOUR, True),
        ("nylas-alert", 40, 9, BOUNCE, 20 * HOUR, False),
        ("nylas-alert", 1_000, 1, COMPLAINT, 20 * HOUR, False),
        ("nylas-alert", 999, 1, COMPLAINT, 20 * HOUR, True),
        ("level-4-percent", 95, 4, BOUNCE, 60 * DAY, True),
        ("level-4-percent", 98, 4, BOUNCE, 60 * DAY, False),
    ],
)
def test_a_rule_fires_at_its_own_constants(  # noqa: PLR0913 - a case
    name: str, good: int, bad: int, change: Tally, within: float, *, fires: bool
) -> None:
    assert fired(name, good, bad, change, within=within) is fires


@pytest.mark.parametrize(("bad", "within", "fires"), [(30, 20 * HOUR, True), (24, 20 * HOUR, False)])
def test_young_accounts_have_absolute_ceilings_with_plunk(bad: int, within: float, *, fires: bool) -> None:
    assert fired("plunk", 1_000, bad, BOUNCE, within=within, old=False) is fires
    assert fired("plunk", 1_000, bad, BOUNCE, within=within) is False


def test_a_sweep_looks_on_the_hour_and_not_before() -> None:
    others = Others([preset("posthog")])
    begin = BEGIN - BEGIN % HOUR + 60
    for number in range(200):
        others.take(begin + number, begin + number, BOUNCE)
    unheard = others.watches[0].fired
    others.end(begin + HOUR)

    assert unheard is None
    found = others.watches[0].fired
    assert found is not None
    assert (found.at, found.after_sends, found.signal) == (begin - 60 + HOUR, 200, Signal.BOUNCE)


def test_a_kept_answer_is_not_looked_at_anew_for_five_minutes() -> None:
    others = Others([preset("plunk")])
    others.take(BEGIN - OLD, BEGIN - OLD, GOOD)
    for number in range(100):
        others.take(BEGIN, BEGIN, GOOD if number else BOUNCE)
    for at in (299.0, 300.0):
        for _ in range(20):
            others.take(BEGIN + at, BEGIN + at, BOUNCE)

    found = others.watches[0].fired
    assert found is not None
    assert (found.at, found.after_sends) == (BEGIN + 300.0, 122)


def test_how_long_a_condition_goes_on_holding_is_kept() -> None:
    others = Others([preset("nylas-alert")])
    begin = BEGIN - BEGIN % DAY
    for number in range(100):
        others.take(begin + number, begin + number, BOUNCE if number < 10 else GOOD)
    others.end(begin + 3 * DAY)

    [watch] = others.watches
    assert watch.fired is not None
    assert watch.fired.at == begin + 300
    assert watch.held_at == begin + DAY


def test_presets_are_chosen_by_name_each_once_and_in_their_own_order() -> None:
    names = [one.name for one in PRESETS]

    assert [one.name for one in chosen(["plunk", "posthog", "plunk"], PRESETS)] == ["posthog", "plunk"]
    assert [one.name for one in chosen(["all"], PRESETS)] == names
    assert chosen([], PRESETS) == ()
    with pytest.raises(ValueError, match="no preset is called 'nobody'"):
        chosen(["plunk", "nobody"], PRESETS)
