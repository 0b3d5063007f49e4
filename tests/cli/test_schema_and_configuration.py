from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import breaker
from breaker.adapters.postgres.migrate import head_revision
from breaker.cli.main import build, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal


def test_a_database_without_a_schema_names_the_command_that_mends_it(shell: Terminal, empty_database_url: str) -> None:
    said = shell.breaker_elsewhere(empty_database_url, "status")

    assert said.code == 1
    assert "run `breaker migrate`" in said.err


def test_a_database_is_migrated_once(shell: Terminal, empty_database_url: str) -> None:
    first = shell.breaker_elsewhere(empty_database_url, "migrate", "--json")
    second = shell.breaker_elsewhere(empty_database_url, "migrate", "--json")

    head = head_revision()
    assert (first.json, second.json) == ({"before": None, "after": head}, {"before": head, "after": head})


def test_the_schema_can_be_reviewed_without_a_database(shell: Terminal) -> None:
    said = shell.breaker_elsewhere("postgresql://127.0.0.1:1/nowhere", "migrate", "--sql")

    assert said.code == 0
    assert "CREATE TABLE circuits" in said.out


def test_a_good_configuration_is_shown_without_its_secrets(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKER_NYLAS_API_KEY", "nyk_hunter2")

    said = shell.breaker("check-config")

    assert said.code == 0
    assert "hunter2" not in said.out + said.err
    assert ["nylas_api_key", "**********", "BREAKER_NYLAS_API_KEY"] in [line.split() for line in said.out.splitlines()]


def test_what_is_asked_for_and_cannot_happen_is_found(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKER_MODE", "enforce")

    said = shell.breaker("check-config")

    assert said.code == 3
    assert "mode is enforce, but nothing can be stopped without an API key" in said.err


def test_an_unknown_key_is_bad_configuration(shell: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "breaker.toml"
    file.write_text('mod = "enforce"\n')

    said = shell.breaker("check-config", "--config", str(file))

    assert said.code == 2
    assert "nearest known one is mode" in said.err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert (run(["--version"]), capsys.readouterr().out) == (0, f"breaker {breaker.__version__}\n")


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    run([])

    assert "Commands" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [one.name or one.callback.__name__ for one in build().registered_commands if one.callback]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Usage: breaker" in capsys.readouterr().out
