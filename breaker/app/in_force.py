"""The configuration in force: what a reload replaces as a whole, and what all parts ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.app.derived import actuators_of, configured_modes, fleet_accounts, profiles, protected_accounts

if TYPE_CHECKING:
    from collections.abc import Collection

    from breaker.config import Settings
    from breaker.domain.circuits.modes import ConfiguredModes
    from breaker.domain.platform.commands import Actuator
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.profiles.protected import ProtectedAccounts
    from breaker.ports import Account


class InForce:
    """The settings, and what follows from them.

    Args:
        settings: The settings to begin with.

    Attributes:
        settings: The settings.
        modes: The modes that they name.
        profiles: The detectors of each account.
        protected: Whom no more than so much may happen to automatically.
        active: The accounts that share the budget, as far as the database was asked for them.
    """

    settings: Settings
    modes: ConfiguredModes
    profiles: Profiles
    protected: ProtectedAccounts

    def __init__(self, settings: Settings) -> None:
        """Derive everything for the first time."""
        self.active: int | None = None
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Put other settings in force, all at once."""
        derived = (
            settings,
            configured_modes(settings),
            profiles(settings, self.active),
            protected_accounts(settings),
            actuators_of(settings),
        )
        self.settings, self.modes, self.profiles, self.protected, self._actuators_of = derived

    def count_fleet(self, active: int) -> bool:
        """Share the budget among so many accounts; tell whether that changes any threshold."""
        before, self.active = fleet_accounts(self.settings, self.active), active
        if fleet_accounts(self.settings, active) == before:
            return False
        self.profiles = profiles(self.settings, active)
        return True

    def protected_now(self) -> ProtectedAccounts:
        """Return whom no more than so much may happen to, as it is configured at this moment."""
        return self.protected

    def actuators_of(self, account: Account) -> Collection[Actuator]:
        """Return which ways to stop are on for an account."""
        return self._actuators_of(account)
