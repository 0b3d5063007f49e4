from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.systemd import ServiceManager, inherited_sockets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told_comes_in_one_datagram(tmp_path: Path, *, abstract: bool) -> None:
    name = f"@breaker-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:] if abstract else name)

        ServiceManager(name, None).tell("READY=1", "STATUS=takes in events")

        assert heard.recv(4096) == b"READY=1\nSTATUS=takes in events"


def test_nobody_is_told_where_no_service_manager_listens(tmp_path: Path) -> None:
    ServiceManager(None, None).tell("READY=1")
    ServiceManager(str(tmp_path / "gone"), None).tell("READY=1")


def test_the_variables_are_read_once_and_are_not_for_what_the_daemon_starts() -> None:
    environment = {
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": "17",
        "HOME": "/",
    }

    assert ServiceManager.of(environment, 17).watchdog == 30.0
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "18"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_a_watchdog_that_looks_at_somebody_else_wants_no_signs_of_life(variables: dict[str, str]) -> None:
    assert ServiceManager.of(dict(variables), 17).watchdog is None


@pytest.mark.parametrize("variables", [{}, {"LISTEN_PID": "18", "LISTEN_FDS": "1"}, {"LISTEN_PID": "17"}])
def test_sockets_for_somebody_else_are_left_alone(variables: dict[str, str]) -> None:
    assert inherited_sockets(dict(variables), 17) == {}


@pytest.mark.parametrize("names", ["webhooks", "", "webhooks:webhooks"])
def test_sockets_without_names_of_their_own_are_refused_before_any_is_taken(names: str) -> None:
    variables = {"LISTEN_PID": "17", "LISTEN_FDS": "2", "LISTEN_FDNAMES": names}

    with pytest.raises(ValueError, match="does not name 2 sockets"):
        inherited_sockets(variables, 17)
