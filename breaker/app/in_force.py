"""The configuration in force: what a reload replaces as a whole, and what all parts ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.app.derived import actuators_of, configured_modes, fleet_accounts, profiles

if TYPE_CHECKING:
    from collections.abc import Collection

    from breaker.config import Settings
    from breaker.domain.commands import Actuator
    from breaker.domain.modes import ConfiguredModes
    from breaker.domain.profiles import Profiles
    from breaker.ports import Account


class InForce:
    """The settings, and what follows from them.

    Args:
        settings: The settings to begin with.

    Attributes:
        settings: The settings.
        modes: The modes that they name.
        profiles: The detectors of each account.
        active: The accounts that share the budget, as far as the database was asked for them.
    """

    settings: Settings
    modes: ConfiguredModes
    profiles: Profiles

    def __init__(self, settings: Settings) -> None:
        """Derive everything for the first time."""
        self.active: int | None = None
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Put other settings in force, all at once."""
        derived = (settings, configured_modes(settings), profiles(settings, self.active), actuators_of(settings))
        self.settings, self.modes, self.profiles, self._actuators_of = derived

    def count_fleet(self, active: int) -> bool:
        """Share the budget among so many accounts; tell whether that changes any threshold."""
        before, self.active = fleet_accounts(self.settings, self.active), active
        if fleet_accounts(self.settings, active) == before:
            return False
        self.profiles = profiles(self.settings, active)
        return True

    def actuators_of(self, account: Account) -> Collection[Actuator]:
        """Return which ways to stop are on for an account."""
        return self._actuators_of(account)
