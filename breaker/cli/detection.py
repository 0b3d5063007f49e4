"""`breaker error-rates`: how early accounts are stopped, and how rarely for nothing."""

from __future__ import annotations

from math import isfinite
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from breaker import app
from breaker.cli.options import Config, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, results
from breaker.domain.detectors import Signal
from breaker.domain.error_rates import Alarm, Average, Kind, Union, alarms, first_of, union
from breaker.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.profile import Profile

VOLUMES = (50.0, 200.0, 2_000.0)
RATES = {
    Signal.BOUNCE: (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.3),
    Signal.COMPLAINT: (0.0003, 0.0005, 0.001, 0.003, 0.005),
}
_SEED = 4
_THOUSAND = 1_000
_MANY = 1e7

Volumes = Annotated[
    list[float] | None,
    typer.Option("--volume", metavar="SENDS", min=0.1, help="Sends a day of an account; repeatable. [50, 200, 2000]"),
]
Rates = Annotated[
    list[float] | None,
    typer.Option(
        "--rate", metavar="FRACTION", min=0.0, max=1.0, help="A true rate of bad outcomes, such as 0.12; repeatable."
    ),
]
Accounts = Annotated[
    int | None,
    typer.Option(
        "--accounts", metavar="N", min=1, help="Accounts of the fleet. [detection.fleet_accounts]", show_default=False
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("error-rates")(error_rates)


def error_rates(
    *,
    volume: Volumes = None,
    rate: Rates = None,
    accounts: Accounts = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Print how many sends it takes to stop an account, at healthy rates and at bad ones.

    First what the whole fleet has to expect: stops in a week of accounts that are healthy. Every number says whether it
    is exact, approximate or simulated. The rate of a union is that of hard bounces; complaints are taken to be healthy.
    """
    settings = read_settings(config, **{"detection.fleet_accounts": accounts})
    profile = app.profiles(settings).base
    volumes = tuple(dict.fromkeys(volume or VOLUMES))
    source = Random(_SEED)  # noqa: S311 - a simulation, the same at every call
    rates = tuple(dict.fromkeys(rate)) if rate else RATES[Signal.BOUNCE]
    unions = [union(profile, one, of, source.random) for one in volumes for of in rates]
    found = [
        (one, [(of, first_of([one], of, source.random)) for of in rate or RATES[one.signal]])
        for one in dict.fromkeys(one for volume_ in volumes for one in alarms(profile, volume_))
    ]
    if json:
        detectors = [_as_json(one, averages) for one, averages in found]
        print_json({"detectors": detectors, "union": [_union_as_json(one) for one in unions]})
        return
    _print_fleet(profile, volumes, source)
    _print_unions(unions, rates)
    for signal in Signal:
        _print_alarms(signal, [(one, averages) for one, averages in found if one.signal is signal])
    remark("~ approximate, * simulated; the others are exact.")


def _as_json(alarm: Alarm, averages: Sequence[tuple[float, Average]]) -> dict[str, object]:
    cusum = alarm.cusum
    return {
        "signal": alarm.signal,
        "detector": _name(alarm),
        "p0": cusum.p0 if cusum else None,
        "p1": cusum.p1 if cusum else None,
        "m": cusum.m if cusum else None,
        "h": alarm.threshold,
        "sends_to_alarm": {f"{rate:g}": _finite(one.sends) for rate, one in averages},
    }


def _union_as_json(one: Union) -> dict[str, object]:
    return {
        "volume_per_day": one.volume,
        "rate": one.rate,
        "sends_to_alarm": _finite(one.average.sends),
        "false_stops_per_week": one.false_stops,
    }


def _name(alarm: Alarm) -> str:
    """Return a detector's name, with its window, and with its step where that is no stop."""
    parts = [alarm.detector, str(alarm.window or ""), "" if alarm.step is State.STOPPED else str(alarm.step)]
    return ":".join(part for part in parts if part)


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def _print_fleet(profile: Profile, volumes: Sequence[float], source: Random) -> None:
    budget = profile.budget
    healthy, complaints = (budget.healthy[signal] for signal in (Signal.BOUNCE, Signal.COMPLAINT))
    console = results()
    console.print(
        f"False stops in a week of {budget.accounts:,} accounts, all healthy at {100 * healthy:.3g} % bounces and "
        f"{100 * complaints:.3g} % complaints; the budget is {budget.per_week[State.STOPPED]:g}:"
    )
    for volume in volumes:
        one = union(profile, volume, healthy, source.random)
        console.print(f"  {one.false_stops:.2f} at {volume:,g} sends a day ({one.average.kind})")
    console.print()


def _print_unions(unions: Sequence[Union], rates: Sequence[float]) -> None:
    console = results()
    console.print("Sends until an account is stopped, on average, by all detectors together, and days at its volume:")
    rows = []
    for volume in dict.fromkeys(one.volume for one in unions):
        averages = [one.average for one in unions if one.volume == volume]
        rows.append([f"{volume:,g}", *map(_cell, averages)])
        rows.append(["days", *(_count(one.sends / volume) for one in averages)])
    print_table([Column("sends a day", "right"), *_columns(rates)], rows)
    console.print()


def _print_alarms(signal: Signal, found: Sequence[tuple[Alarm, Sequence[tuple[float, Average]]]]) -> None:
    if not found:
        return
    console = results()
    console.print(f"Sends until each detector of {signal}s acts alone, on average:")
    rows = [[_name(one), f"{one.threshold:,}", *(_cell(average) for _, average in averages)] for one, averages in found]
    print_table([Column("detector"), Column("at", "right"), *_columns([rate for rate, _ in found[0][1]])], rows)
    console.print()


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
