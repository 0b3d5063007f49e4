"""Secrets in files: one a file, named as its setting, as systemd and Kubernetes mount them.

The name may be in either case and begin with `breaker_`; what is one application's ends with `.<application id>`.
Files with other names are left alone: such folders have other readers too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.config.problems import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SecretFile:
    """One file in a folder of secrets.

    Attributes:
        setting: The setting that its name says.
        application_id: The application that its name ends with; None for all.
        path: Where it is.
    """

    setting: str
    application_id: str | None
    path: Path

    def read(self) -> str:
        """Return its text without the line end that editors add.

        Raises:
            ConfigurationError: It cannot be read, or is not text.
        """
        try:
            return self.path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{self.setting} ({self.path}): cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self.setting} ({self.path}): is not text in UTF-8") from None


def secret_files(folders: Iterable[Path | None], settings: Iterable[str]) -> list[SecretFile]:
    """List the files that hold any of some settings, folder by folder in the order given.

    Folders that do not exist hold nothing.

    Raises:
        ConfigurationError: A folder cannot be listed.
    """
    wanted = frozenset(settings)
    found: list[SecretFile] = []
    for folder in folders:
        if folder is None or not folder.is_dir():
            continue
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot be listed ({error.strerror})") from None
        for path in paths:
            stem, _, application_id = path.name.partition(".")
            setting = stem.lower().removeprefix("breaker_")
            # Kubernetes keeps its own folders and links beside, whose names begin with two dots.
            if setting in wanted and path.is_file():
                found.append(SecretFile(setting, application_id or None, path))
    return found
