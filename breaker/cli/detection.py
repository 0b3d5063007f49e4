"""`breaker error-rates`: how early accounts are stopped, and how rarely for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from breaker import app
from breaker.cli.options import Config, Json, read_settings
from breaker.cli.output import print_json, remark
from breaker.cli.rates import name_of, print_alarms, print_fleet, print_profile, print_unions
from breaker.cli.running import run
from breaker.config import nearest
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.error_rates import alarms, first_of, union
from breaker.domain.detectors.fleet_rates import expected, quartiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.config import ResolvedProfile, Settings
    from breaker.domain.detectors.error_rates import Alarm, Average, Union
    from breaker.domain.detectors.fleet_rates import Expected
    from breaker.domain.profiles.profile import Profile

VOLUMES = (50.0, 200.0, 2_000.0)
RATES = {
    Signal.BOUNCE: (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.3),
    Signal.COMPLAINT: (0.0003, 0.0005, 0.001, 0.003, 0.005),
}
_SEED = 4

Volumes = Annotated[
    list[float] | None,
    typer.Option(
        "--volume",
        metavar="SENDS",
        min=0.1,
        help="Sends a day of an account; repeatable. Unset: what the fleet in the configured database sends, else 50, "
        "200 and 2000.",
        show_default=False,
    ),
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
        "--accounts",
        metavar="N",
        min=1,
        help="Accounts of the fleet. Unset: detection.fleet_accounts, else the active ones in the configured database.",
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--profile", metavar="NAME", help="A profile or a preset; repeatable. Unset: all profiles.", show_default=False
    ),
]
Presets = Annotated[bool, typer.Option("--presets", help="The presets too.", show_default=False)]


@dataclass(frozen=True, slots=True)
class _Rates:
    """What is printed of a profile."""

    profile: Profile
    healthy: Sequence[Union]
    unions: Sequence[Union]
    alone: Sequence[tuple[Alarm, Sequence[tuple[float, Average]]]]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("error-rates")(error_rates)


def error_rates(  # noqa: PLR0913 - the options of a command
    *,
    volume: Volumes = None,
    rate: Rates = None,
    accounts: Accounts = None,
    profile: Names = None,
    presets: Presets = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Print how many sends it takes to stop an account, at healthy rates and at bad ones, for each profile.

    First what the whole fleet has to expect: stops in a week of accounts that are healthy. Every number says whether it
    is exact, approximate or simulated. The rate of a union is that of hard bounces; complaints are taken to be healthy.
    """
    settings = read_settings(config, **{"detection.fleet_accounts": accounts})
    known = None if volume or accounts else _volumes_known(settings)
    size = app.fleet_accounts(settings, known.accounts if known else None)
    chosen = [app.profile(settings, one, size) for one in _chosen(settings, profile, presets=presets)]
    source = Random(_SEED)  # noqa: S311 - a simulation, the same at every call
    fleet = _fleet(settings, known, size, source.random) if known else []
    sent = [one for volumes in known.by_profile.values() for one in volumes] if known else []
    rates = tuple(dict.fromkeys(rate)) if rate else None
    found = []
    for one in chosen:
        volumes = volume or quartiles(known.by_profile.get(one.name, sent) if known else ()) or VOLUMES
        found.append(_rates(one, tuple(dict.fromkeys(volumes)), rates, source.random))
    if json:
        print_json(
            {
                "fleet": _fleet_as_json(fleet, known.accounts) if known else None,
                "detectors": [_alarm_as_json(of.profile, *one) for of in found for one in of.alone],
                "union": [_union_as_json(of.profile, one) for of in found for one in of.unions],
            }
        )
        return
    if known:
        print_fleet(app.profiles(settings, known.accounts).base, fleet, known.accounts)
    for of in found:
        print_profile(of.profile, of.healthy, named=len(found) > 1 or of.profile.name != "standard")
        print_unions(of.unions, rates or RATES[Signal.BOUNCE])
        for signal in Signal:
            print_alarms(signal, [one for one in of.alone if one[0].signal is signal])
    remark("~ approximate, * simulated; the others are exact.")


def _volumes_known(settings: Settings) -> app.FleetVolumes | None:
    """Return what the fleet sends, where a database is configured and knows of accounts that do."""
    if settings.database_url is None:
        return None
    try:
        known = run(app.fleet_volumes(settings))
    except app.UnavailableError as error:
        remark(f"what the fleet sends is not known: {error}", style="yellow")
        return None
    return known if known.accounts else None


def _chosen(settings: Settings, names: Sequence[str] | None, *, presets: bool) -> list[ResolvedProfile]:
    """Return the profiles that are asked for, each once.

    Raises:
        typer.BadParameter: One of them is none.
    """
    available = {one.name: one for one in (*settings.presets(), *settings.resolved_profiles())}
    if names:
        if missing := [name for name in names if name not in available]:
            raise typer.BadParameter(
                f"there is no profile {missing[0]}; the nearest one is {nearest(missing[0], available)}",
                param_hint="--profile",
            )
        asked = list(names)
    else:
        asked = [one.name for one in settings.resolved_profiles()]
    also = [one.name for one in settings.presets()] if presets else []
    return [available[name] for name in dict.fromkeys([*asked, *also])]


def _fleet(
    settings: Settings, known: app.FleetVolumes, size: int, uniform: Callable[[], float]
) -> list[tuple[Profile, Expected, Sequence[float]]]:
    """Return what the accounts of each profile have to expect."""
    found = []
    for said in settings.resolved_profiles():
        volumes = known.by_profile.get(said.name, ())
        one = app.profile(settings, said, size)
        found.append((one, expected(one, volumes, known.accounts_each, uniform), quartiles(volumes)))
    return [one for one in found if one[1].accounts]


def _rates(
    profile: Profile, volumes: Sequence[float], rates: Sequence[float] | None, uniform: Callable[[], float]
) -> _Rates:
    healthy = profile.budget.healthy[Signal.BOUNCE]
    alone = dict.fromkeys(one for volume in volumes for one in alarms(profile, volume))
    return _Rates(
        profile=profile,
        healthy=[union(profile, volume, healthy, uniform) for volume in volumes],
        unions=[union(profile, volume, rate, uniform) for volume in volumes for rate in rates or RATES[Signal.BOUNCE]],
        alone=[(one, [(rate, first_of([one], rate, uniform)) for rate in rates or RATES[one.signal]]) for one in alone],
    )


def _fleet_as_json(fleet: Sequence[tuple[Profile, Expected, Sequence[float]]], accounts: int) -> dict[str, object]:
    return {
        "accounts": accounts,
        "false_stops_per_week": sum(one.false_stops for _, one, _ in fleet),
        "profiles": [
            {
                "profile": one.profile,
                "accounts": one.accounts,
                "volumes_per_day": list(volumes),
                "false_stops_per_week": one.false_stops,
                "kind": one.kind,
            }
            for _, one, volumes in fleet
        ],
    }


def _alarm_as_json(profile: Profile, alarm: Alarm, averages: Sequence[tuple[float, Average]]) -> dict[str, object]:
    cusum = alarm.cusum
    return {
        "profile": profile.name,
        "signal": alarm.signal,
        "detector": name_of(alarm),
        "p0": cusum.p0 if cusum else None,
        "p1": cusum.p1 if cusum else None,
        "m": cusum.m if cusum else None,
        "h": alarm.threshold,
        "sends_to_alarm": {f"{rate:g}": _finite(one.sends) for rate, one in averages},
    }


def _union_as_json(profile: Profile, one: Union) -> dict[str, object]:
    return {
        "profile": profile.name,
        "volume_per_day": one.volume,
        "rate": one.rate,
        "sends_to_alarm": _finite(one.average.sends),
        "false_stops_per_week": one.false_stops,
    }


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
