"""What follows from the settings: values that the parts are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.domain_circuit import DomainLimits
from breaker.domain.circuits.guard import Limits
from breaker.domain.circuits.modes import ConfiguredModes
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.causes import TextClass
from breaker.domain.outcomes.outcomes import COUNTED_BY_DEFAULT, Counting
from breaker.domain.platform.suppression import Suppressing
from breaker.domain.probes.probe import ProbeRules
from breaker.domain.probes.trial import Trial
from breaker.domain.profiles.profiles import Assigned, Profiles
from breaker.domain.profiles.protected import ProtectedAccounts
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.statistics.sprt import Sprt
from breaker.domain.windows.counters import WindowSizes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breaker.config import ResolvedProfile, Settings
    from breaker.domain.platform.commands import Actuator
    from breaker.domain.profiles.profile import Profile
    from breaker.ports import Account

FLEET_UNTIL_MORE_IS_KNOWN = 1_000
_DAY = 86_400.0
_STEPS = {"stop": State.STOPPED, "limit": State.LIMITED, "warn": State.WARNED}


def window_sizes(settings: Settings) -> WindowSizes:
    """Return the R that are assumed."""
    return WindowSizes(settings.counting.representative_volumes, settings.counting.complaint_volumes)


def counting(settings: Settings) -> Counting:
    """Return which bounce classes count."""
    said = settings.counting.counted_classes
    counted = {name for name in COUNTED_BY_DEFAULT if said.get(name, True)} | {name for name, on in said.items() if on}
    return Counting(frozenset(counted))


def fleet_accounts(settings: Settings, active: int | None = None) -> int:
    """Return how many accounts share the budget: as configured, else as many as are active, and 1,000 at least."""
    return settings.detection.fleet_accounts or max(FLEET_UNTIL_MORE_IS_KNOWN, active or 0)


def profile(settings: Settings, said: ResolvedProfile, accounts: int) -> Profile:
    """Return a profile's detectors, with the thresholds that the budget gives.

    Args:
        settings: The configuration.
        said: What the profile says.
        accounts: The accounts that share the budget.
    """
    detection = settings.detection
    budget = Budget(
        accounts=accounts,
        per_week={
            State.STOPPED: detection.false_stops_per_week,
            State.LIMITED: detection.false_limits_per_week,
            State.WARNED: detection.false_warnings_per_week,
        },
        healthy={Signal.BOUNCE: said.healthy_bounce_rate, Signal.COMPLAINT: said.healthy_complaint_rate},
        allowance=said.allowance,
    )
    strongest = {Signal.BOUNCE: _STEPS[said.bounces], Signal.COMPLAINT: _STEPS[said.complaints]}
    bounded = {signal: step for signal, step in strongest.items() if step is not State.STOPPED}
    return replace(standard_profile(budget, window_sizes(settings), said.level), name=said.name, strongest=bounded)


def profiles(settings: Settings, active: int | None = None) -> Profiles:
    """Return the detectors of each account.

    Args:
        settings: The configuration.
        active: The accounts that are active, where that is known.
    """
    accounts = fleet_accounts(settings, active)
    base, *others = settings.resolved_profiles()
    return Profiles(
        profile(settings, base, accounts),
        tuple(Assigned(profile(settings, one, accounts), one.claims, one.owner, one.labels) for one in others),
    )


def protected_accounts(settings: Settings) -> ProtectedAccounts:
    """Return whom no more than so much may happen to automatically."""
    return ProtectedAccounts([one.entry() for one in settings.protected])


def suppressing(settings: Settings) -> Suppressing | None:
    """Return which recipients are kept, or None where nobody is."""
    said = settings.suppression
    return Suppressing(frozenset(said.outcomes), said.retention_days * _DAY) if said.enabled else None


def guard_limits(settings: Settings) -> Limits:
    """Return how many automatic stops the fleet guard lets through."""
    guard = settings.guard
    return Limits(
        window=guard.window_seconds,
        in_window=(guard.window_minimum, guard.window_share),
        in_all=(guard.total_minimum, guard.total_share),
        in_group=(guard.group_minimum, guard.group_share),
    )


def domain_limits(settings: Settings) -> DomainLimits:
    """Return when a sending domain fails."""
    said = settings.domains
    return DomainLimits(
        window=said.window_seconds,
        accounts=said.accounts,
        refusals=said.refusals,
        lone_share=said.lone_share,
        chance=said.chance,
        healthy={
            TextClass.AUTHENTICATION: said.healthy_authentication_rate,
            TextClass.BLOCKLIST: said.healthy_blocklist_rate,
        },
    )


def probe_rules(settings: Settings) -> ProbeRules:
    """Return how accounts come back."""
    said = settings.probing
    test = Sprt(said.healthy_rate, said.bad_rate, said.false_failures, said.false_returns)
    return ProbeRules(
        trial=Trial(test, said.round_sends, said.most_sends),
        cool_down=said.cool_down_seconds,
        growth=said.cool_down_growth,
        longest_cool_down=said.longest_cool_down_seconds,
        spread=said.jitter,
        automatic_stops=said.automatic_stops,
        automatic_probes=said.automatic_probes,
        settle=said.settle_seconds,
        silence=said.silence_seconds,
        limited_for=said.limited_seconds,
        watched_for=said.watched_seconds,
        quota=said.quota,
    )


def configured_modes(settings: Settings) -> ConfiguredModes:
    """Return the modes that the configuration names."""
    return ConfiguredModes(
        daemon=settings.mode,
        applications={one.id: one.mode for one in settings.applications if one.mode},
        workspaces={
            (one.id, workspace_id): workspace.mode
            for one in settings.applications
            for workspace_id, workspace in one.workspaces.items()
            if workspace.mode
        },
    )


def actuators_of(settings: Settings) -> Callable[[Account], Collection[Actuator]]:
    """Return which ways to stop are on for an account."""
    applications = settings.guarded_applications()
    by_id = {one.id: one for one in applications}

    def of(account: Account) -> Collection[Actuator]:
        application = by_id.get(account.application_id) or by_id.get(None)
        if application is None:
            return settings.actuators
        return application.workspace(account.home_workspace_id or account.workspace_id).actuators

    return of
