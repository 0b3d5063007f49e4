"""Secrets in files: written so that nobody else can read them, and read again whenever the daemon reloads.

`breaker.config` reads secrets once, at start; here is what changes while a daemon runs, or is made by Breaker itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

from breaker.config.problems import ConfigurationError
from breaker.config.secret_files import SecretFile, secret_files
from breaker.config.values import split_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breaker.config import GuardedApplication, Settings

WEBHOOK_SECRETS = "webhook_secrets"
SEND_HASH_KEY = "send_hash_key"

_KEY_BYTES = 32
_SHORTEST_KEY_CHARACTERS = 16


def read_webhook_secrets(settings: Settings, application: GuardedApplication) -> tuple[SecretStr, ...]:
    """Return all secrets that an application's notifications may be signed with now, the settings' first.

    Files are read anew at every call. `webhook_secrets` is taken where the daemon guards one application only,
    `webhook_secrets.<application id>` always; each may hold several, one a line or separated by commas.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    values = [secret.get_secret_value() for secret in application.webhook_secrets]
    for file in secret_files((settings.secrets_dir, settings.credentials_dir), [WEBHOOK_SECRETS]):
        if (file.application_id is None and application.sole) or file.application_id == (application.id or ""):
            values += _several(file)
    return tuple(SecretStr(value) for value in dict.fromkeys(values))


def webhook_secrets_file(settings: Settings, application: GuardedApplication) -> Path:
    """Return the file that `breaker setup` writes an application's webhook secrets to.

    Raises:
        ConfigurationError: There are several applications, and this one's id is not known.
    """
    if application.sole:
        return settings.secrets_dir / WEBHOOK_SECRETS
    if application.id is None:
        raise ConfigurationError("application_id: must be set where several applications are guarded")
    return settings.secrets_dir / f"{WEBHOOK_SECRETS}.{application.id}"


def read_send_hash_key(settings: Settings) -> bytes:
    """Return the 32 bytes that sends are hashed with; where none are set, make them once and keep them.

    Of several daemons that start at once on one folder, all get the same.

    Raises:
        ConfigurationError: The key is too short, or cannot be kept.
    """
    if settings.send_hash_key is not None:
        return _key(settings.send_hash_key.get_secret_value())
    path = settings.secrets_dir / SEND_HASH_KEY
    try:
        return _key(create_secret(path, secrets.token_hex(_KEY_BYTES)))
    except OSError as error:
        raise ConfigurationError(
            f"send_hash_key: none is set, and a new one cannot be kept in {path} ({error.strerror}): "
            "set BREAKER_SEND_HASH_KEY, or a BREAKER_SECRETS_DIR that can be written"
        ) from None


def known_send_hash_key(settings: Settings) -> bytes | None:
    """Return the same key where there is one, or None; nothing is made.

    Raises:
        ConfigurationError: The key is too short, or cannot be read.
    """
    path = settings.secrets_dir / SEND_HASH_KEY
    return read_send_hash_key(settings) if settings.send_hash_key is not None or path.exists() else None


def write_secret(path: Path, value: str) -> None:
    """Write a secret as a whole or not at all, readable by its owner alone; its folder is made where it is missing.

    Raises:
        OSError: The folder cannot be written.
    """
    with _written_beside(path, value) as written:
        written.replace(path)
    _flush_folder(path.parent)


def create_secret(path: Path, value: str) -> str:
    """Write a secret unless there is one already, and return the one that stands there now.

    Raises:
        OSError: The folder cannot be written.
    """
    with _written_beside(path, value) as written, contextlib.suppress(FileExistsError):
        path.hardlink_to(written)  # unlike a rename, it never replaces what another daemon just wrote
        _flush_folder(path.parent)
    return SecretFile(path.name, None, path).read()


@contextlib.contextmanager
def _written_beside(path: Path, value: str) -> Iterator[Path]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{value}\n")
            file.flush()
            os.fsync(file.fileno())
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make a new name last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _several(file: SecretFile) -> list[str]:
    values = split_list(file.read())
    return [str(value) for value in values] if isinstance(values, list) else []


def _key(text: str) -> bytes:
    text = text.strip()
    if len(text) < _SHORTEST_KEY_CHARACTERS:
        raise ConfigurationError(f"send_hash_key: must have at least {_SHORTEST_KEY_CHARACTERS} characters")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = text.encode()
    return key if len(key) == _KEY_BYTES else hashlib.blake2b(key, digest_size=_KEY_BYTES).digest()
