"""Settings from environment variables, and which variables are nobody's setting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, get_origin

from pydantic_settings import EnvSettingsSource

from breaker.config.problems import inner_model, unknown

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_settings import BaseSettings

PREFIX = "BREAKER_"
CONFIG_VARIABLE = "BREAKER_CONFIG"
"""The variable that names the TOML file; it is no setting of its own."""

# What Kubernetes adds to every container for a service called `breaker`, or `breaker-...`:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES = re.compile(
    r"BREAKER_PORT(_.+)?"
    r"|BREAKER_(\w+_)?SERVICE_HOST"
    r"|BREAKER_(\w+_)?SERVICE_PORT(_\w+)?"
    r"|BREAKER_\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_KUBERNETES_LINK = re.compile(r"(tcp|udp|sctp)://\S+:\d+")


class GivenEnvironmentSource(EnvSettingsSource):
    """pydantic-settings' reading of the environment, over the variables given instead of the process's own."""

    def __init__(self, settings: type[BaseSettings], environment: Mapping[str, str]) -> None:
        super().__init__(settings)
        self.env_vars = {name.lower(): value for name, value in environment.items() if value != ""}


def own_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are meant for us; those of other programs and of Kubernetes are not."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper().startswith(PREFIX) and name.upper() != CONFIG_VARIABLE and not _is_kubernetes(name, value)
    }


def unknown_variables(settings: type[BaseModel], variables: Mapping[str, str]) -> dict[str, str]:
    """Return what to say about each variable that names no setting."""
    names, mappings = _names(settings)
    return {
        name: unknown(name, [*names, CONFIG_VARIABLE])
        for name in variables
        if name.upper() not in names and not name.upper().startswith(mappings)
    }


def _is_kubernetes(name: str, value: str) -> bool:
    if name.endswith("_PORT") and name != "BREAKER_PORT" and not name.endswith("_SERVICE_PORT"):
        return _KUBERNETES_LINK.fullmatch(value) is not None or _KUBERNETES.fullmatch(name) is not None
    return _KUBERNETES.fullmatch(name) is not None


def _names(model: type[BaseModel], prefix: str = PREFIX) -> tuple[set[str], tuple[str, ...]]:
    """Return the variables' names of a model's fields, and the beginnings of those that have keys of any name."""
    names: set[str] = set()
    mappings: tuple[str, ...] = ()
    for field_name, field in model.model_fields.items():
        name = f"{prefix}{field_name.upper()}"
        names.add(name)
        if get_origin(field.annotation) is Mapping:
            mappings += (f"{name}__",)
        elif isinstance(field.annotation, type) and (inner := inner_model(field.annotation)) is not None:
            inner_names, inner_mappings = _names(inner, f"{name}__")
            names |= inner_names
            mappings += inner_mappings
    return names, mappings


def variable_of(dotted: str) -> str:
    """Return the variable that says a setting, by the setting's dotted name."""
    return PREFIX + dotted.upper().replace(".", "__")
