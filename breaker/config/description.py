"""Settings as a person checks them: each with its value, where that was said, and secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

from breaker.config.problems import origin_of
from breaker.config.values import AdminToken

if TYPE_CHECKING:
    from breaker.config.settings import Settings

MASK = "**********"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting.

    Attributes:
        key: Its dotted name.
        value: Its value as text, secrets masked; None where it is unset.
        source: The file, variable or flag that said it, or `default`.
    """

    key: str
    value: str | None
    source: str


def describe(settings: Settings) -> tuple[SettingLine, ...]:
    """Return every setting, groups and applications taken apart."""
    return tuple(
        SettingLine(key, value, origin_of(key, settings.origins) or DEFAULT) for key, value in _lines("", settings)
    )


def _lines(key: str, value: object) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _lines(f"{key}.{name}" if key else name, getattr(value, name))
    elif isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _lines(f"{key}.{name}", one)
    elif isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        for index, one in enumerate(value):
            yield from _lines(f"{key}[{index}]", one)
    else:
        yield key, _text(value)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, AdminToken):
        return f"{value.name}:{value.role}:{MASK}"
    if isinstance(value, frozenset):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, tuple | Mapping):
        return ",".join(_text(one) or "" for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
