"""What is wrong with a configuration, each problem a line that names the key, where it was said, and what helps."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class ConfigurationError(Exception):
    """The configuration cannot be used.

    Attributes:
        problems: Every problem found, none of which has a secret's value in it.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def unknown(key: str, known: Iterable[str], said: str = "") -> str:
    """Say that a key is unknown, and which known one is nearest."""
    found = nearest(key, known)
    return f"{key}{said}: unknown key" + (f"; the nearest known one is {found}" if found else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like another, or None where none is known."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)), None)


def problems_of(error: ValidationError, settings: type[BaseModel], origins: Mapping[str, str]) -> list[str]:
    """Return a validation's problems in our words; the values themselves are left out."""
    details = error.errors(include_url=False, include_input=False)
    # A default that follows from another field is not asked for once that field, or any, is wrong: no news in that.
    return [
        line
        for one in details
        if one["type"] != "default_factory_not_called"
        for line in _problem(one, settings, origins).splitlines()
    ]


def origin_of(key: str, origins: Mapping[str, str]) -> str | None:
    """Return where a key, or the nearest whole that it is part of, was said; None for a default."""
    while key:
        if key in origins:
            return origins[key]
        key = key.rpartition(".")[0] if key.rfind(".") > key.rfind("[") else key.rpartition("[")[0]
    return None


def _problem(detail: ErrorDetails, settings: type[BaseModel], origins: Mapping[str, str]) -> str:
    location = [part for part in detail["loc"] if part != "[key]"]
    key = _dotted(location)
    if not key:  # a problem of several together: each line of it begins with the key
        return "\n".join(_with_origin(line, origins) for line in _sentence(detail).splitlines())
    origin = origin_of(key, origins)
    said = f" ({origin})" if origin else ""
    if detail["type"] == "extra_forbidden":
        parent, model = location[:-1], _model_at(location[:-1], settings)
        return unknown(key, [_dotted([*parent, name]) for name in (model.model_fields if model else ())], said)
    return f"{key}{said}: {_sentence(detail)}"


def _with_origin(line: str, origins: Mapping[str, str]) -> str:
    key, colon, rest = line.partition(": ")
    origin = origin_of(key, origins)
    return f"{key} ({origin}){colon}{rest}" if origin else line


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] in {"literal_error", "enum"}:
        choices = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected")))
        return f"must be one of {', '.join(choices)}"
    return detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _dotted(location: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _model_at(location: Sequence[str | int], settings: type[BaseModel]) -> type[BaseModel] | None:
    """Find the model whose fields may stand at a location; indexes and a mapping's keys lead no deeper."""
    model = settings
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            inner = inner_model(model.model_fields[part].annotation)
            if inner is None:
                return None
            model = inner
    return model


def inner_model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation is anything
    """Return the model that a field holds: itself, one of several, or by a key."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := inner_model(part)) is not None), None)
