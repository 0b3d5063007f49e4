"""The units as systemd itself reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
MOST_EXPOSED = 2.0

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and not os.environ.get("CI"), reason="systemd-analyze is not installed"
)


@pytest.fixture
def installed(tmp_path: Path) -> list[str]:
    """The units, with the command that is installed here in place of the one that they name."""
    command = Path(sys.executable).with_name("breaker")
    for unit in UNITS.iterdir():
        text = unit.read_text()
        (tmp_path / unit.name).write_text(text.replace("/opt/breaker/bin/breaker", str(command)))
    return [str(tmp_path / name) for name in ("breaker.service", "breaker.socket")]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_nothing_wrong_with_the_units(installed: list[str]) -> None:
    said = _analyze("verify", *installed)

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_the_service_is_hardly_exposed(installed: list[str]) -> None:
    said = _analyze("security", "--offline=true", installed[0])
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)

    assert found is not None, said
    assert float(found[1]) <= MOST_EXPOSED


def test_the_socket_has_the_name_that_the_daemon_knows() -> None:
    assert "FileDescriptorName=webhooks\n" in (UNITS / "breaker.socket").read_text()
