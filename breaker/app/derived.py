"""What follows from the settings: values that the parts are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.budget import Budget
from breaker.domain.counters import WindowSizes
from breaker.domain.detectors import Signal
from breaker.domain.modes import ConfiguredModes
from breaker.domain.outcomes import COUNTED_BY_DEFAULT, Counting
from breaker.domain.profiles import Profiles
from breaker.domain.standard import standard_profile
from breaker.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breaker.config import Settings
    from breaker.domain.commands import Actuator
    from breaker.domain.profile import Profile
    from breaker.ports import Account


def window_sizes(settings: Settings) -> WindowSizes:
    """Return the R that are assumed."""
    return WindowSizes(settings.counting.representative_volumes, settings.counting.complaint_volumes)


def counting(settings: Settings) -> Counting:
    """Return which bounce classes count."""
    said = settings.counting.counted_classes
    counted = {name for name in COUNTED_BY_DEFAULT if said.get(name, True)} | {name for name, on in said.items() if on}
    return Counting(frozenset(counted))


def profile(settings: Settings) -> Profile:
    """Return the detectors, with the thresholds that the budget gives."""
    detection = settings.detection
    budget = Budget(
        accounts=detection.fleet_accounts,
        per_week={
            State.STOPPED: detection.false_stops_per_week,
            State.LIMITED: detection.false_limits_per_week,
            State.WARNED: detection.false_warnings_per_week,
        },
        healthy={Signal.BOUNCE: detection.healthy_bounce_rate, Signal.COMPLAINT: detection.healthy_complaint_rate},
    )
    return standard_profile(budget, window_sizes(settings), detection.level)


def profiles(settings: Settings) -> Profiles:
    """Return the detectors of each account."""
    return Profiles(profile(settings))


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
