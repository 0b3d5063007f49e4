"""All settings of a daemon."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from breaker.config.applications import ApplicationSettings, GuardedApplication, with_defaults
from breaker.config.drill import DrillSettings
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
from breaker.config.probing import ProbingSettings
from breaker.config.profiles import PRESETS, ProfileSettings, ResolvedProfile, preset_profile, problems, resolve
from breaker.config.protected import ProtectedSettings, repeated
from breaker.config.suppression import SuppressionSettings
from breaker.config.values import (
    Actuators,
    AdminTokens,
    ConfiguredMode,
    DatabaseUrl,
    Folder,
    HttpUrl,
    Identifier,
    Listen,
    ListenAddress,
    Secret,
    Secrets,
)
from breaker.domain.circuits.circuit import Mode
from breaker.domain.platform.commands import Actuator


def default_data_dir(environment: Mapping[str, str], *, is_root: bool) -> Path:
    """Return the folder for Breaker's own files, by the XDG base directory specification; root's is /var/lib."""
    if is_root:
        return Path("/var/lib/breaker")
    state_home = Path(environment.get("XDG_STATE_HOME", ""))
    if not state_home.is_absolute():  # the specification has relative ones ignored
        state_home = Path(environment.get("HOME") or Path.home()) / ".local" / "state"
    return state_home / "breaker"


class Settings(BaseSettings):
    """All settings, made by `breaker.config.load`; made directly, from nothing but what is given."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        env_nested_delimiter="__",
        env_prefix="BREAKER_",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    database_url: DatabaseUrl | None = None
    """The PostgreSQL (15 or newer) that everything is kept in, as `postgresql://...`. Unset: an embedded one in
    `data_dir`, for trials."""

    database_direct_url: DatabaseUrl | None = None
    """The same database past any pooler in transaction mode, for LISTEN and migrations. Unset: `database_url`; where
    that is a pooler, news are polled for."""

    database_connections: Annotated[int, Field(ge=2, le=1000)] = 10
    """The most connections of one daemon to its database. Default: 10: the writers, the API and the workers, with
    room for a dozen daemons on one ordinary server."""

    data_dir: Folder = Field(default_factory=lambda: default_data_dir(os.environ, is_root=os.geteuid() == 0))
    """The folder for what Breaker keeps in files: the embedded PostgreSQL and the secrets that it makes. Default:
    `$XDG_STATE_HOME/breaker` or `~/.local/state/breaker`; as root `/var/lib/breaker`."""

    secrets_dir: Folder = Field(default_factory=lambda data: data.get("data_dir", Path()) / "secrets")
    """A folder with one secret a file, named as its setting; a mounted Kubernetes secret, say. `breaker setup` and the
    first start write here, so it must be writable for those. Default: `secrets` in `data_dir`."""

    credentials_dir: Folder | None = None
    """A second such folder that is only read. Default: systemd's `$CREDENTIALS_DIRECTORY`."""

    postgres_bin: Folder | None = None
    """The folder with `postgres` and `initdb` for the embedded PostgreSQL. Unset: those of the extra `local`, then the
    machine's."""

    listen: Listen = ListenAddress("127.0.0.1", 8580)
    """Where webhooks, and nothing else, are listened for. Default: loopback: what is reachable from outside is for you
    to decide, and needs TLS in front."""

    admin_listen: Listen = ListenAddress("127.0.0.1", 8581)
    """Where the API, the console, health and metrics are listened for. Default: loopback, as above; this listener
    should never be public."""

    public_url: HttpUrl | None = None
    """The address under which the platform reaches the webhook listener, without `/webhooks/nylas`. Needed by
    `breaker setup` alone."""

    admin_tokens: AdminTokens = ()
    """Who may use the admin listener: `name:token` or `name:role:token`, comma separated. Roles: `read`, `gate` (also
    ask whether an account may send), `act` (all; the default). The name is the audit's author. Default: nobody."""

    send_hash_key: Secret | None = None
    """The key that recipients and message ids are hashed with, in hex or as text of at least 16 characters. All daemons
    on one database need the same. Unset: made once and kept in `secrets_dir` as `send_hash_key`."""

    installation: Identifier | None = None
    """The name under which Breaker marks its lists, rules and webhook on the platform, so that two installations never
    undo each other's work. Default: the application's id."""

    mode: ConfiguredMode = Mode.OBSERVE
    """`observe` writes verdicts and touches nothing; `enforce` acts. Default: `observe`: trust comes step by step."""

    actuators: Actuators = frozenset({Actuator.BLOCK, Actuator.LIMIT, Actuator.BLOCK_DOMAIN})
    """How accounts are stopped: any of block, limit, block_domain, quarantine, comma separated. Without `limit` nothing
    is done on the platform for an account that is to be limited, and it is shown as not confirmed: it goes on sending
    or, if it was stopped, stays so. After switching one on, run `breaker setup` again, which makes the list and the
    rule that it needs. Default: all that work by lists; `quarantine` moves accounts to another workspace, which changes
    their policy too, so it is asked for."""

    application_id: Identifier | None = None
    """The Nylas application. Unset: learnt from the platform by the API key."""

    nylas_api_key: Secret | None = None
    """Its API key. Unset: Breaker counts and judges, but cannot act."""

    nylas_api_url: HttpUrl = "https://api.us.nylas.com"
    """The base address of the platform's API. Default: the US data centre; `https://api.eu.nylas.com` is the EU's."""

    webhook_secrets: Secrets = ()
    """The secrets that notifications may be signed with, comma separated, all valid at once, because a rotated secret
    ends the old one immediately. Those in the secrets' file `webhook_secrets` are valid too, read again on SIGHUP."""

    applications: tuple[ApplicationSettings, ...] = ()
    """Several applications, each a `[[applications]]` table of the TOML file. Default: the one named above."""

    counting: CountingSettings = CountingSettings()
    detection: DetectionSettings = DetectionSettings()

    profiles: tuple[ProfileSettings, ...] = ()
    """What differs from `[detection]` for some accounts, each a `[[profiles]]` table of the TOML file. Default:
    nothing."""

    protected: tuple[ProtectedSettings, ...] = ()
    """Accounts to which no more than so much may happen automatically, each a `[[protected]]` table of the TOML file;
    the first that speaks of an account counts. Default: nobody."""

    domains: DomainSettings = DomainSettings()
    guard: GuardSettings = GuardSettings()
    probing: ProbingSettings = ProbingSettings()
    drill: DrillSettings = DrillSettings()
    suppression: SuppressionSettings = SuppressionSettings()
    ledger: LedgerSettings = LedgerSettings()
    platform: PlatformSettings = PlatformSettings()
    intake: IntakeSettings = IntakeSettings()
    log: LogSettings = LogSettings()

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: which places are asked, and in what order, is `load`'s to say."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each setting that is not a default was said, by its dotted name."""
        return self._origins

    def with_origins(self, origins: Mapping[str, str]) -> Self:
        """Return these settings with the record of where they were said."""
        copy = self.model_copy()
        copy._origins = dict(origins)  # noqa: SLF001 - of the same class
        return copy

    def guarded_applications(self) -> tuple[GuardedApplication, ...]:
        """Return the applications to guard, whichever way they were said, defaults filled in; at least one."""
        said = [*self.applications]
        sole = len(said) + self._names_one_application() <= 1
        guarded = [with_defaults(one, self.nylas_api_url, self.mode, self.actuators, sole=sole) for one in said]
        if self._names_one_application() or not said:
            guarded.insert(
                0,
                GuardedApplication(
                    id=self.application_id,
                    api_key=self.nylas_api_key,
                    api_url=self.nylas_api_url,
                    webhook_secrets=self.webhook_secrets,
                    installation=self.installation,
                    mode=self.mode,
                    actuators=self.actuators,
                    sole=sole,
                ),
            )
        return tuple(guarded)

    def _names_one_application(self) -> bool:
        return any((self.application_id, self.nylas_api_key, self.webhook_secrets))

    def resolved_profiles(self) -> tuple[ResolvedProfile, ...]:
        """Return the profiles with everything filled in; the first is the base, which applies to all others."""
        return (preset_profile("standard", self.detection), *resolve(self.profiles, self.detection))

    def presets(self) -> tuple[ResolvedProfile, ...]:
        """Return what the presets mean here, as profiles that apply to nobody."""
        return tuple(preset_profile(name, self.detection) for name in PRESETS)

    @model_validator(mode="after")
    def _each_account_has_one_profile(self) -> Self:
        if found := "\n".join(problems(self.profiles)):
            raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _each_pattern_is_said_once(self) -> Self:
        if found := "\n".join(repeated(self.protected)):
            raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _each_application_is_said_once(self) -> Self:
        ids = [one.id for one in self.applications]
        if repeated := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"applications: {', '.join(repeated)} is there more than once")
        if self.application_id in ids:
            raise ValueError(
                f"applications: {self.application_id} is said both in application_id and in applications: keep one"
            )
        if ids and self._names_one_application() and self.application_id is None:
            raise ValueError(
                "applications: nylas_api_key and webhook_secrets without application_id may be those of one of them: "
                "move them there, or set application_id"
            )
        return self
