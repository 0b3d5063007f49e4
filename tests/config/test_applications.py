from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from breaker.config import ConfigurationError, GuardedApplication, GuardedWorkspace, load
from breaker.domain.circuits.circuit import Mode
from breaker.domain.platform.commands import Actuator

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = frozenset({Actuator.BLOCK})
BOTH = frozenset({Actuator.BLOCK, Actuator.QUARANTINE})


def config(folder: Path, text: str) -> Path:
    path = folder / "breaker.toml"
    path.write_text(f'data_dir = "{folder}"\n{text}')
    return path


def test_the_top_level_makes_one_application(tmp_path: Path) -> None:
    settings = load(
        None,
        {"data_dir": tmp_path, "actuators": "block"},
        {"BREAKER_NYLAS_API_KEY": "key", "BREAKER_WEBHOOK_SECRETS": "one", "BREAKER_MODE": "enforce"},
    )

    assert settings.guarded_applications() == (
        GuardedApplication(
            id=None,
            api_key=SecretStr("key"),
            api_url="https://api.us.nylas.com",
            webhook_secrets=(SecretStr("one"),),
            installation=None,
            mode=Mode.ENFORCE,
            actuators=BLOCK,
        ),
    )


def test_nothing_said_is_one_application_to_be_learnt(tmp_path: Path) -> None:
    (application,) = load(None, {"data_dir": tmp_path}, {}).guarded_applications()

    assert (application.id, application.api_key, application.webhook_secrets) == (None, None, ())


def test_what_is_said_of_a_workspace_wins_over_its_application_over_the_daemon(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """
        actuators = ["block"]
        nylas_api_url = "https://api.eu.nylas.com/"
        [[applications]]
        id = "first"
        api_key = "key"
        webhook_secrets = ["one", "two"]
        mode = "enforce"
        [applications.workspaces.sales]
        actuators = ["block", "quarantine"]
        quarantine_workspace_id = "ward"
        [applications.workspaces.board]
        mode = "observe"
        [[applications]]
        id = "second"
        api_url = "http://127.0.0.1:9000"
        installation = "trial"
        """,
    )

    first, second = load(path, {}, {}).guarded_applications()

    assert first == GuardedApplication(
        id="first",
        api_key=SecretStr("key"),
        api_url="https://api.eu.nylas.com",
        webhook_secrets=(SecretStr("one"), SecretStr("two")),
        installation=None,
        mode=Mode.ENFORCE,
        actuators=BLOCK,
        workspaces={
            "sales": GuardedWorkspace(Mode.ENFORCE, BOTH, "ward"),
            "board": GuardedWorkspace(Mode.OBSERVE, BLOCK),
        },
        sole=False,
    )
    assert first.workspace("sales") == GuardedWorkspace(Mode.ENFORCE, BOTH, "ward")
    assert first.workspace("unnamed") == first.workspace(None) == GuardedWorkspace(Mode.ENFORCE, BLOCK)
    assert (second.id, second.api_url, second.installation, second.mode) == (
        "second",
        "http://127.0.0.1:9000",
        "trial",
        Mode.OBSERVE,
    )


def test_both_ways_at_once_guard_two_applications(tmp_path: Path) -> None:
    path = config(tmp_path, 'application_id = "top"\nnylas_api_key = "key"\n[[applications]]\nid = "listed"\n')

    applications = load(path, {}, {}).guarded_applications()

    assert [(one.id, one.sole) for one in applications] == [("top", False), ("listed", False)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'application_id = "a"\n[[applications]]\nid = "a"\n',
            "applications: a is said both in application_id and in applications: keep one",
        ),
        ('[[applications]]\nid = "a"\n[[applications]]\nid = "a"\n', "applications: a is there more than once"),
        (
            'nylas_api_key = "key"\n[[applications]]\nid = "a"\n',
            (
                "applications: nylas_api_key and webhook_secrets without application_id may be those of one of them: "
                "move them there, or set application_id"
            ),
        ),
    ],
)
def test_one_application_said_twice_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(config(tmp_path, text), {}, {})

    assert caught.value.problems == (problem.replace(":", f" ({tmp_path / 'breaker.toml'}):", 1),)


def test_an_application_without_an_id_or_with_one_that_is_no_name_is_refused(tmp_path: Path) -> None:
    path = config(tmp_path, '[[applications]]\nmode = "observe"\n[[applications]]\nid = "../etc"\n')

    with pytest.raises(ConfigurationError) as caught:
        load(path, {}, {})

    assert [problem.split(" (")[0] for problem in caught.value.problems] == ["applications[0].id", "applications[1].id"]
