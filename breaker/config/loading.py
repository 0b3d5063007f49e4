"""From the places where settings are said to one whole, or to everything that is wrong with it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import SettingsError, TomlConfigSettingsSource

from breaker.config.environment import (
    CONFIG_VARIABLE,
    GivenEnvironmentSource,
    own_variables,
    unknown_variables,
    variable_of,
)
from breaker.config.problems import ConfigurationError, problems_of
from breaker.config.secret_files import SecretFile, secret_files
from breaker.config.settings import Settings, default_data_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Folders are found before the files in them, groups are no single values, and webhook secrets in files come and go
# while the daemon runs: those are read where they are used (breaker.adapters.secrets).
_NOT_FROM_FILES = {"applications", "credentials_dir", "data_dir", "secrets_dir", "webhook_secrets"}
_FROM_FILES = frozenset(
    name
    for name, field_info in Settings.model_fields.items()
    if name not in _NOT_FROM_FILES and not hasattr(field_info.annotation, "model_fields")
)


@dataclass(slots=True)
class Layer:
    """What one place says, and how that place is called for a setting's dotted name."""

    values: dict[str, Any] = field(default_factory=dict)
    origin: Callable[[str], str] = lambda _: ""
    problems: list[str] = field(default_factory=list)


def load(config_path: Path | None, flags: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """Read all settings: the TOML file, over it secrets' files, over them the environment, over it the flags.

    Args:
        config_path: The TOML file; None for the one that BREAKER_CONFIG names, if it does.
        flags: What the command line said, by dotted name; None says nothing.
        environment: The process's environment; variables that are empty say nothing.

    Raises:
        ConfigurationError: Anything is wrong; the error lists everything.
    """
    toml, variables = _toml_layer(config_path, environment), _environment_layer(environment)
    given = _flags_layer(flags)
    base: dict[str, Any] = {"data_dir": default_data_dir(environment, is_root=os.geteuid() == 0)}
    if environment.get("CREDENTIALS_DIRECTORY"):
        base["credentials_dir"] = environment["CREDENTIALS_DIRECTORY"]
    files = _files_layer(_merged(base, toml.values, variables.values, given.values))
    layers = (toml, files, variables, given)
    problems = [problem for layer in layers for problem in layer.problems]
    origins = {key: layer.origin(key) for layer in layers for key in _leaves(layer.values)}
    if "credentials_dir" in base:
        origins.setdefault("credentials_dir", "CREDENTIALS_DIRECTORY")
    try:
        settings = Settings(**_merged(base, *(layer.values for layer in layers)))
    except ValidationError as error:
        problems += problems_of(error, Settings, origins)
        raise ConfigurationError(*problems) from None
    if problems:
        raise ConfigurationError(*problems)
    return settings.with_origins(origins)


def _toml_layer(config_path: Path | None, environment: Mapping[str, str]) -> Layer:
    named = environment.get(CONFIG_VARIABLE)
    path = config_path or (Path(named).expanduser() if named else None)
    if path is None:
        return Layer()
    try:
        path.open("rb").close()  # a missing file says nothing to pydantic-settings; to us it is a mistake
        return Layer(TomlConfigSettingsSource(Settings, toml_file=path)(), lambda _: str(path))
    except OSError as error:
        return Layer(problems=[f"{path}: the configuration file cannot be read ({error.strerror})"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Layer(problems=[f"{path}: is not TOML ({error})"])


def _environment_layer(environment: Mapping[str, str]) -> Layer:
    own = own_variables(environment)
    wrong = unknown_variables(Settings, own)
    layer = Layer(origin=variable_of, problems=list(wrong.values()))
    try:
        layer.values = GivenEnvironmentSource(Settings, {k: v for k, v in own.items() if k not in wrong})()
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        layer.problems.append(f"{variable_of(name[1]) if name else 'the environment'}: is not the JSON that it must be")
    return layer


def _flags_layer(flags: Mapping[str, object]) -> Layer:
    values: dict[str, Any] = {}
    for name, value in flags.items():
        if value is not None:
            nested: Any = value
            for part in reversed(name.replace("__", ".").split(".")):
                nested = {part: nested}
            values = _merged(values, nested)
    return Layer(values, lambda key: f"--{key.replace('_', '-').replace('.', '-')}")


def _files_layer(settings: Mapping[str, Any]) -> Layer:
    """Read the folders that the other places name; the one that systemd gives wins over our own."""
    paths: dict[str, Path] = {}
    layer = Layer(origin=lambda key: str(paths[key]))
    try:
        secrets_dir = Path(settings.get("secrets_dir") or Path(settings["data_dir"], "secrets")).expanduser()
        credentials_dir = settings.get("credentials_dir")
        folders = (secrets_dir, Path(credentials_dir).expanduser() if credentials_dir else None)
        files = secret_files(folders, _FROM_FILES)
    except ConfigurationError as error:
        layer.problems += error.problems
        return layer
    except TypeError:
        return layer  # a folder is not a path: said when all is validated
    listed = [one for one in settings.get("applications") or () if isinstance(one, dict)]
    for file in files:
        try:
            _take(file, layer, paths, listed)
        except ConfigurationError as error:
            layer.problems += error.problems
    return layer


def _take(file: SecretFile, layer: Layer, paths: dict[str, Path], applications: list[dict[str, Any]]) -> None:
    if file.application_id is None:
        value, before = file.read(), paths.get(file.setting)
        if before is not None and before.parent == file.path.parent and layer.values[file.setting] != value:
            layer.problems.append(f"{file.setting}: {before} and {file.path} say different things: keep one")
        if value:
            layer.values[file.setting] = value
            paths[file.setting] = file.path
    elif file.setting == "nylas_api_key":
        for application in applications:
            if application.get("id") == file.application_id:
                application.setdefault("api_key", file.read())


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one over the other, group by group; all that is no group replaces as a whole."""
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = whole.get(key)
            whole[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return whole


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
