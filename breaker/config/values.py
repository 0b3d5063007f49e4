"""The kinds of values that settings have, and how each is read from text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, StringConstraints
from pydantic_settings import NoDecode

from breaker.domain.circuits.circuit import Mode
from breaker.domain.platform.commands import Actuator

_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a listener binds.

    Attributes:
        host: A name or an address, without brackets.
        port: 0 takes a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Role(StrEnum):
    """What the bearer of an admin token may do; each includes the ones before it."""

    READ = "read"
    GATE = "gate"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class AdminToken:
    """One bearer token of the admin listener.

    Attributes:
        name: Who bears it: the author in the audit trail.
        role: What the bearer may do.
        token: The token itself.
    """

    name: str
    role: Role
    token: SecretStr


def split_list(value: object) -> object:
    """Split text at commas and line ends; anything else is left for validation."""
    if not isinstance(value, str):
        return value
    return [part for part in (part.strip() for part in re.split(r"[,\n]", value)) if part]


def parse_listen_address(value: object) -> object:
    """Read `host:port`, an IPv6 host in brackets."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+)):(\d{1,5})", value.strip())
    if match is None or int(match[3]) > _LARGEST_PORT:
        raise ValueError("must be host:port, such as 127.0.0.1:8580 or [::1]:8580")
    return ListenAddress(match[1] or match[2], int(match[3]))


def parse_admin_tokens(value: object) -> object:
    """Read `name:token` or `name:role:token`, several separated by commas; no message quotes what may be a token."""
    entries = split_list(value)
    if not isinstance(entries, list | tuple):
        raise ValueError("must be name:token or name:role:token, several separated by commas")  # noqa: TRY004 - pydantic collects ValueErrors
    tokens = tuple(
        entry if isinstance(entry, AdminToken) else _admin_token(entry, number)
        for number, entry in enumerate(entries, start=1)
    )
    values = [one.token.get_secret_value() for one in tokens]
    if len(set(values)) < len(values):
        raise ValueError("two entries have the same token: give each bearer one of its own")
    return tokens


def _admin_token(entry: object, number: int) -> AdminToken:
    parts = entry.split(":") if isinstance(entry, str) else []
    match [part.strip() for part in parts]:
        case [name, token] if name and token:
            return AdminToken(name, Role.ACT, SecretStr(token))
        case [name, role, token] if name and token and role in set(Role):
            return AdminToken(name, Role(role), SecretStr(token))
        case _:
            raise ValueError(
                f"entry {number} must be name:token or name:role:token with a role of read, gate or act, "
                "and no further colon"
            )


def _check_http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query, such as https://api.us.nylas.com")
    if parts.username or parts.password:
        raise ValueError("must not have a user or password in it")
    if parts.scheme == "http" and f".{parts.hostname}".endswith(".nylas.com"):
        raise ValueError("must be https: the API key would travel in the clear")
    return value.rstrip("/")


def _check_database_url(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a postgresql:// connection string, without a driver's name in its scheme")
    return value


def _check_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from error
    return text


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


HttpUrl = Annotated[str, AfterValidator(_check_http_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(split_list)]
Listen = Annotated[ListenAddress, NoDecode, BeforeValidator(parse_listen_address)]
AdminTokens = Annotated[tuple[AdminToken, ...], NoDecode, BeforeValidator(parse_admin_tokens)]
RegularExpression = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_check_expression)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]

# An application's id and an installation's stand in file names, in paths of URLs and in names on the platform.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", strip_whitespace=True)]

# The other modes are set on accounts, domains and workspaces by people, with a reason; no file pins them.
ConfiguredMode = Literal[Mode.OBSERVE, Mode.ENFORCE]
# What is suppressed is a setting of its own.
_OfAccounts = Literal[Actuator.BLOCK, Actuator.LIMIT, Actuator.BLOCK_DOMAIN, Actuator.QUARANTINE]
Actuators = Annotated[frozenset[_OfAccounts], NoDecode, BeforeValidator(split_list)]
Volumes = Annotated[tuple[int, ...], NoDecode, BeforeValidator(split_list)]
Domains = Annotated[frozenset[str], NoDecode, BeforeValidator(split_list)]
Names = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)], ...],
    NoDecode,
    BeforeValidator(split_list),
]
