"""What a fleet has to expect: its false stops in a week, each account as it sends."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.error_rates import Kind, union

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.profiles.profile import Profile

_LEAST = 1 / 7
"""Sends a day that an account is taken to send at least: it was active this week."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The false stops of some accounts in a week.

    Args:
        profile: The name of their profile.
        accounts: How many they are.
        false_stops: How many of them are stopped in a week while all are healthy.
        kind: Where that number comes from; it is never exact, since accounts of about the same volume are taken as one.
    """

    profile: str
    accounts: float
    false_stops: float
    kind: Kind


def expected(
    profile: Profile, volumes: Sequence[float], accounts_each: float, uniform: Callable[[], float]
) -> Expected:
    """Return what accounts with one profile have to expect while they are as healthy as it says.

    Args:
        profile: Their profile.
        volumes: The sends a day of each account that was looked at.
        accounts_each: How many accounts each of those stands for.
        uniform: The source of chance: a number from 0 to 1 at every call.
    """
    healthy = profile.budget.healthy[Signal.BOUNCE]
    false_stops, kind = 0.0, Kind.APPROXIMATE
    for volume, number in alike(volumes):
        one = union(profile, volume, healthy, uniform)
        false_stops += number * accounts_each * (one.false_stops or 0.0) / profile.budget.accounts
        if one.average.kind is Kind.SIMULATED:
            kind = Kind.SIMULATED
    return Expected(profile.name, len(volumes) * accounts_each, false_stops, kind)


def alike(volumes: Sequence[float]) -> list[tuple[float, int]]:
    """Put volumes together that differ by less than a factor of 2; return each group's mean and size."""
    groups: dict[int, list[float]] = {}
    for volume in (max(_LEAST, one) for one in volumes):
        groups.setdefault(floor(log2(volume)), []).append(volume)
    return [(sum(group) / len(group), len(group)) for _, group in sorted(groups.items())]


def quartiles(volumes: Sequence[float]) -> tuple[float, ...]:
    """Return up to three volumes that a quarter, a half and three quarters of all do not exceed, to two digits."""
    ordered = sorted(max(_LEAST, one) for one in volumes)
    places = [(len(ordered) * quarter - 1) // 4 for quarter in (1, 2, 3)] if ordered else []
    return tuple(dict.fromkeys(float(f"{ordered[max(0, place)]:.2g}") for place in places))
