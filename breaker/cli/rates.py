"""Error rates as tables: what a fleet has to expect, and how many sends it takes to act on an account."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from breaker.cli.output import Column, print_table, results
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.error_rates import Alarm, Average, Kind, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.detectors.fleet_rates import Expected
    from breaker.domain.profiles.profile import Profile

_THOUSAND = 1_000
_MANY = 1e7


def name_of(alarm: Alarm) -> str:
    """Return a detector's name, with its window, and with its step where that is no stop."""
    parts = [alarm.detector, str(alarm.window or ""), "" if alarm.step is State.STOPPED else str(alarm.step)]
    return ":".join(part for part in parts if part)


def print_fleet(base: Profile, found: Sequence[tuple[Profile, Expected, Sequence[float]]], accounts: int) -> None:
    """Print the false stops of a fleet as it sends.

    Args:
        base: The profile whose budget is the fleet's.
        found: Each profile, what its accounts have to expect, and quartiles of their sends a day.
        accounts: The active accounts.
    """
    console = results()
    console.print(
        f"False stops in a week of the fleet's {accounts:,} active accounts, each as it sends and all as healthy as "
        f"their profile says; the budget is {base.budget.per_week[State.STOPPED]:g}:"
    )
    console.print(f"  {sum(one.false_stops for _, one, _ in found):.2f} in all (approximate)")
    for profile, one, volumes in found:
        sends = " / ".join(f"{volume:g}" for volume in volumes)
        console.print(
            f"  {one.false_stops:.2f} of {one.accounts:,.0f} with the profile {profile.name}: {_healthy(profile)}, "
            f"{sends} sends a day (quartiles), allowance {profile.budget.allowance:.2g} ({one.kind})"
        )
    console.print()


def print_profile(profile: Profile, healthy: Sequence[Union], *, named: bool) -> None:
    """Print the false stops of a fleet whose accounts all have one profile, by how much they send."""
    console, budget = results(), profile.budget
    which = f" with the profile {profile.name}" if named else ""
    part = f", of which each has {budget.allowance:.2g} times its part" if named and budget.allowance != 1 else ""
    console.print(
        f"False stops in a week of {budget.accounts:,} accounts{which}, all healthy at {_healthy(profile)}; the budget "
        f"is {budget.per_week[State.STOPPED]:g}{part}:"
    )
    for one in healthy:
        console.print(f"  {one.false_stops or 0.0:.2f} at {one.volume:,g} sends a day ({one.average.kind})")
    console.print()


def print_unions(unions: Sequence[Union], rates: Sequence[float]) -> None:
    """Print how many sends and days it takes all detectors together to stop an account."""
    console = results()
    console.print("Sends until an account is stopped, on average, by all detectors together, and days at its volume:")
    rows = []
    for volume in dict.fromkeys(one.volume for one in unions):
        averages = [one.average for one in unions if one.volume == volume]
        rows.append([f"{volume:,g}", *map(_cell, averages)])
        rows.append(["days", *(_count(one.sends / volume) for one in averages)])
    print_table([Column("sends a day", "right"), *_columns(rates)], rows)
    console.print()


def print_alarms(signal: Signal, found: Sequence[tuple[Alarm, Sequence[tuple[float, Average]]]]) -> None:
    """Print how many sends it takes each detector of a signal."""
    if not found:
        return
    console = results()
    console.print(f"Sends until each detector of {signal}s acts alone, on average:")
    rows = [
        [name_of(one), f"{one.threshold:,}", *(_cell(average) for _, average in averages)] for one, averages in found
    ]
    print_table([Column("detector"), Column("at", "right"), *_columns([rate for rate, _ in found[0][1]])], rows)
    console.print()


def _healthy(profile: Profile) -> str:
    bounces, complaints = (profile.budget.healthy[signal] for signal in (Signal.BOUNCE, Signal.COMPLAINT))
    return f"{100 * bounces:.3g} % bounces and {100 * complaints:.3g} % complaints"


def _columns(rates: Sequence[float]) -> list[Column]:
    return [Column(f"at {100 * rate:.3g} %", "right") for rate in rates]


def _cell(one: Average) -> str:
    return _mark(one.kind) + _count(one.sends)


def _mark(kind: Kind) -> str:
    return {Kind.EXACT: "", Kind.APPROXIMATE: "~", Kind.SIMULATED: "*"}[kind]


def _count(number: float) -> str:
    if not isfinite(number):
        return "never"
    if number >= _MANY:
        return f"{number:.2g}"
    return f"{number:,.0f}" if number >= _THOUSAND else f"{number:.3g}"
