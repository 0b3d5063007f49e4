from __future__ import annotations

import random
from math import exp, gamma

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breaker.domain.circuits.feed import (
    BAND,
    CHANCE,
    DAY,
    FEWEST_ACCOUNTS,
    HOUR,
    LEAST_SILENCE,
    SHAPE,
    WEEK,
    BlindCause,
    Feed,
    Heard,
    Sample,
    chance_of_none,
    expected_events,
    out_of_band,
    silence,
    stale,
    too_quiet,
)
from breaker.domain.outcomes.outcomes import OutcomeKind

NOW = 500_000.0 * HOUR
THIS_HOUR = 500_000
DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
ENOUGH = 37
"""Expected events of which none can be heard by chance; 36 can."""


def feed(  # noqa: PLR0913 - each by name, and most tests say one
    last_at: float,
    per_hour: int = 100,
    *,
    weeks: float = 2.0,
    bounces: tuple[float, int] | None = None,
    listening_since: float = 0.0,
    quiet_at: float | None = None,
) -> Feed:
    """Return a feed that came evenly until some moment, and has been listened to for so many weeks."""
    first = THIS_HOUR - int(weeks * WEEK // HOUR)

    def evenly(last: float, rate: int) -> Heard:
        return Heard(dict.fromkeys(range(first, int(last // HOUR) + 1), rate), last)

    kinds = {DELIVERED: evenly(last_at, per_hour), BOUNCED: evenly(*(bounces or (last_at, per_hour)))}
    return Feed(kinds, first, listening_since, quiet_at)


def fleet(*ratios: tuple[int, int], at: float = NOW) -> Sample:
    """Return what was heard of accounts, each as bounces of outcomes."""
    sample = Sample()
    for number, (bounces, outcomes) in enumerate(ratios):
        sample.add(f"grant-{number}", bounces, outcomes, at)
    return sample


@example(1e-09)
@given(st.floats(0.0, 2_000.0))
def test_a_poisson_feed_is_silent_more_rarely_than_is_said(expected: float) -> None:
    assert exp(-expected) <= chance_of_none(expected)


@pytest.mark.parametrize("expected", [1.0, 10.0, 36.0, 40.0])
def test_the_chance_is_that_of_rates_that_vary_from_week_to_week(expected: float) -> None:
    scale, step = expected / SHAPE, expected / 2_000
    rates = [step * (number + 0.5) for number in range(40_000)]
    density = [rate ** (SHAPE - 1) * exp(-rate / scale) / gamma(SHAPE) / scale**SHAPE for rate in rates]

    assert chance_of_none(expected) == pytest.approx(
        sum(exp(-rate) * one * step for rate, one in zip(rates, density, strict=True)), rel=1e-3
    )


def test_it_takes_thirty_six_expected_events() -> None:
    assert chance_of_none(ENOUGH) < CHANCE <= chance_of_none(35.9)


@given(st.floats(1.0, 10_000.0), st.integers(1, 100_000))
def test_no_silence_below_half_an_hour_and_none_without_enough_expected_is_stale(silent: float, rate: int) -> None:
    found = stale(feed(NOW - silent, rate), NOW)

    certain = silent >= LEAST_SILENCE and chance_of_none(rate * silent / HOUR) < CHANCE
    assert (found is not None) == certain


def test_a_healthy_poisson_feed_is_not_called_stale_in_a_year() -> None:
    source = random.Random(5)
    rate, moment, last, hours = 20.0, 0.0, 0.0, dict.fromkeys(range(-WEEK // HOUR, 0), 20)
    alarms = 0
    while moment < 52 * WEEK:
        moment += source.expovariate(rate / HOUR)
        if moment - last >= LEAST_SILENCE:
            alarms += silence(Feed({DELIVERED: Heard(hours, last)}, -WEEK // HOUR, 0.0), DELIVERED, moment) is not None
        last = moment
        hours[int(moment // HOUR)] = hours.get(int(moment // HOUR), 0) + 1

    assert alarms == 0


def test_a_night_in_which_nobody_ever_sends_is_no_silence() -> None:
    quiet = Feed(
        {
            DELIVERED: Heard(
                {hour: 1_000 for hour in range(THIS_HOUR - 400, THIS_HOUR) if hour % 24 < 12}, NOW - 8 * HOUR
            )
        },
        THIS_HOUR - 400,
        0.0,
    )

    assert THIS_HOUR % 24 == 8
    assert stale(quiet, NOW + 4 * HOUR) is not None
    evening = NOW + 6 * HOUR
    assert (
        stale(Feed({DELIVERED: Heard(quiet.heard(DELIVERED).hours, NOW + 4 * HOUR)}, THIS_HOUR - 400, 0.0), evening)
        is None
    )


def test_parts_of_hours_count_as_parts() -> None:
    heard = Feed({DELIVERED: Heard({THIS_HOUR - 168: 60, THIS_HOUR - 167: 600})}, THIS_HOUR - 200, 0.0)

    assert expected_events(heard, DELIVERED, NOW + 0.5 * HOUR, NOW + 1.25 * HOUR) == pytest.approx(30 + 150)


def test_yesterday_stands_in_for_last_week_and_nothing_for_yesterday() -> None:
    assert stale(feed(NOW - HOUR, weeks=3 / 7), NOW) is not None
    assert stale(feed(NOW - HOUR, weeks=0.1), NOW) is None


def test_what_was_before_listening_or_a_quiet_platform_is_no_silence() -> None:
    assert stale(feed(NOW - DAY, listening_since=NOW - 1_700), NOW) is None
    assert stale(feed(NOW - DAY, quiet_at=NOW - 1_700), NOW) is None
    assert stale(feed(NOW - DAY, quiet_at=NOW - 1_900), NOW) is not None


def test_a_silence_of_weeks_is_one() -> None:
    assert stale(feed(NOW - 1.9 * WEEK), NOW) is not None


def test_a_silence_says_since_when_and_how_much_was_missed() -> None:
    found = stale(feed(NOW - HOUR), NOW)

    assert found is not None
    assert (found.cause, found.since) == (BlindCause.SILENCE, NOW - HOUR)
    assert found.why == ("Nothing delivered was heard for 60 minutes, in which last week some 100 deliveries came.")


def test_no_probe_ends_well_while_bounces_that_should_come_stay_away() -> None:
    assert not too_quiet(feed(NOW - 60), NOW)
    assert too_quiet(feed(NOW - 60, bounces=(NOW - HOUR, 50)), NOW)
    assert not too_quiet(feed(NOW - 60, bounces=(NOW - HOUR, 5)), NOW)
    assert too_quiet(feed(NOW - HOUR, bounces=(NOW - 60, 50)), NOW)


def test_half_of_a_fleet_does_not_bounce_at_once() -> None:
    lone_bounces = fleet(*[(1, 1)] * FEWEST_ACCOUNTS)

    found = out_of_band(None, lone_bounces, NOW)

    assert found is not None
    assert found.cause is BlindCause.RATIO
    assert found.why == (
        "Of the 20 accounts that sent within 15 minutes, half bounced 100 % of that or more, as far as it was heard of."
    )


def test_a_few_bad_accounts_leave_the_median_where_it_is() -> None:
    assert out_of_band(None, fleet(*[(9, 10)] * 20, *[(0, 3)] * 21), NOW) is None


def test_fewer_than_twenty_others_say_nothing() -> None:
    lone_bounces = fleet(*[(1, 1)] * FEWEST_ACCOUNTS)

    assert out_of_band(None, lone_bounces, NOW, leaving_out="grant-3") is None
    assert out_of_band(None, lone_bounces, NOW, leaving_out="grant-99") is not None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(10, 50)), min_size=20, max_size=60),
    st.tuples(st.integers(0, 1_000), st.integers(1_000, 2_000)),
)
def test_the_judged_account_says_nothing_about_the_feed(others: list[tuple[int, int]], judged: tuple[int, int]) -> None:
    without = fleet(*others)
    beside = fleet(*others)
    beside.add("judged", *judged, NOW)

    assert out_of_band(None, beside, NOW, leaving_out="judged") == out_of_band(None, without, NOW)


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    sample = fleet(*[(1, 1)] * 30, at=NOW - 1.2 * HOUR)

    assert out_of_band(None, sample, NOW) is None
    for number in range(30):
        sample.add(f"grant-{number}", 0, 20, NOW)
    assert set(sample.ratios(NOW, HOUR)) == {(f"grant-{number}", 0.0) for number in range(30)}


def test_of_a_large_fleet_a_random_part_is_followed_and_says_the_same() -> None:
    sample = Sample()
    for number in range(20_000):
        sample.add(f"grant-{number}", number % 2, 1, NOW)

    ratios = dict(sample.ratios(NOW, HOUR))
    assert 400 <= len(ratios) <= 1_000
    assert sum(ratios.values()) / len(ratios) == pytest.approx(0.5, abs=0.05)


def test_the_band_is_the_line_at_which_the_platform_pauses() -> None:
    assert out_of_band(None, fleet(*[(1, 10)] * 21), NOW) is None
    assert out_of_band(None, fleet(*[(2, 19)] * 21), NOW) is not None
    assert BAND == 0.1
