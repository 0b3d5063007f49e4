"""Settings: what they are called, what they mean, in which unit, and why each default is what it is.

    a TOML file < secrets' files < the environment (BREAKER_*, nested names joined by __) < flags

The classes are the documentation: a line under every field. `load` gives the settings as a whole or refuses with every
problem at once; a problem names the key and where it was said, and never a secret's value.
"""

from __future__ import annotations

from breaker.config.applications import (
    ApplicationSettings,
    GuardedApplication,
    GuardedWorkspace,
    WorkspaceSettings,
)
from breaker.config.changes import changed
from breaker.config.description import SettingLine, describe
from breaker.config.groups import (
    CountingSettings,
    DetectionSettings,
    DomainSettings,
    GuardSettings,
    IntakeSettings,
    LedgerSettings,
    LogSettings,
    PlatformSettings,
)
from breaker.config.loading import load
from breaker.config.problems import ConfigurationError, nearest
from breaker.config.profiles import PRESETS, ProfileSettings, ResolvedProfile
from breaker.config.protected import ProtectedSettings
from breaker.config.settings import Settings
from breaker.config.suppression import SuppressionSettings
from breaker.config.values import AdminToken, ListenAddress, Role

__all__ = [
    "PRESETS",
    "AdminToken",
    "ApplicationSettings",
    "ConfigurationError",
    "CountingSettings",
    "DetectionSettings",
    "DomainSettings",
    "GuardSettings",
    "GuardedApplication",
    "GuardedWorkspace",
    "IntakeSettings",
    "LedgerSettings",
    "ListenAddress",
    "LogSettings",
    "PlatformSettings",
    "ProfileSettings",
    "ProtectedSettings",
    "ResolvedProfile",
    "Role",
    "SettingLine",
    "Settings",
    "SuppressionSettings",
    "WorkspaceSettings",
    "changed",
    "describe",
    "load",
    "nearest",
]
