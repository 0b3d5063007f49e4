from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.config import Settings, changed, load
from breaker.domain.circuits.circuit import Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[[str], Settings]

OLD = """
webhook_secrets = ["old"]
[counting]
simulator_domains = ["simulator.example"]
[[applications]]
id = "app-1"
api_key = "key"
[applications.workspaces.ws-1]
mode = "observe"
quarantine_workspace_id = "ward"
[[applications]]
id = "app-2"
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def of(text: str) -> Settings:
        path = tmp_path / "breaker.toml"
        path.write_text(f'data_dir = "{tmp_path}"\napplication_id = "app-0"\n{text}')
        return load(path, {}, {})

    return of


@pytest.mark.parametrize(
    ("text", "waiting"),
    [
        (OLD, ()),
        (OLD.replace('"old"', '"new"'), ()),
        ('listen = "127.0.0.1:0"\n' + OLD, ("listen",)),
        (OLD.replace("[counting]", "[counting]\nrepresentative_volumes = [500]"), ("counting.representative_volumes",)),
        (OLD.replace('"key"', '"other"'), ("applications[0].api_key",)),
        (OLD.replace('"ward"', '"cell"'), ("applications[0].workspaces.ws-1.quarantine_workspace_id",)),
        (OLD.replace('"app-2"', '"app-3"'), ("applications",)),
        (OLD + "[guard]\ntotal_minimum = 9\n[platform]\ntimeout_seconds = 3\n", ("platform.timeout_seconds",)),
    ],
)
def test_what_needs_a_restart_is_named_and_stays_as_it_is(read: Read, text: str, waiting: tuple[str, ...]) -> None:
    old = read(OLD)

    settings, found = changed(old, read(text))

    assert found == waiting
    again, nothing = changed(settings, settings)
    assert (again, nothing) == (settings, ())
    assert [one.id for one in settings.guarded_applications()] == ["app-0", "app-1", "app-2"]


def test_everything_else_is_taken_over_and_remembers_where_it_was_said(read: Read) -> None:
    new = OLD.replace('"old"', '"new"').replace('"observe"', '"enforce"').replace("simulator.example", "drill.example")
    new = 'database_connections = 5\nmode = "enforce"\n' + new + '[[profiles]]\nname = "x"\ndomains = ["x.example"]\n'

    settings, waiting = changed(read(OLD), read(new))

    assert waiting == ("database_connections",)
    assert settings.database_connections == 10
    assert settings.mode is Mode.ENFORCE
    assert settings.applications[0].workspaces["ws-1"].mode is Mode.ENFORCE
    assert settings.applications[0].workspaces["ws-1"].quarantine_workspace_id == "ward"
    assert settings.counting.simulator_domains == {"drill.example"}
    assert [one.get_secret_value() for one in settings.webhook_secrets] == ["new"]
    assert [one.name for one in settings.resolved_profiles()] == ["standard", "x"]
    assert settings.origins["profiles"].endswith("breaker.toml")


def test_secrets_of_an_application_that_is_not_guarded_yet_wait_for_it(tmp_path: Path) -> None:
    path = tmp_path / "breaker.toml"
    path.write_text(f'data_dir = "{tmp_path}"\n[[applications]]\nid = "app-1"\n')
    old = load(path, {}, {})

    settings, waiting = changed(
        old, load(path, {}, {"BREAKER_APPLICATION_ID": "app-0", "BREAKER_WEBHOOK_SECRETS": "one"})
    )

    assert (settings.webhook_secrets, waiting) == ((), ("application_id", "webhook_secrets"))


def test_a_key_that_the_daemon_made_itself_is_no_change(tmp_path: Path) -> None:
    old = load(None, {"data_dir": tmp_path}, {})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "send_hash_key").write_text("0" * 64)

    assert changed(old, load(None, {"data_dir": tmp_path}, {}))[1] == ()
