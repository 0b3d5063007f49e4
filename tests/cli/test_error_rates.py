from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from breaker.cli.exit_codes import ExitCode
from breaker.cli.main import run
from breaker.domain.statistics.run_lengths import sends_to_height

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


PROFILES = """
[[profiles]]
name = "receipts"
preset = "strict"
domains = ["receipts.example"]
[[profiles]]
name = "patient"
extends = "receipts"
bounces = "limit"
allowance = 0.5
workspaces = ["ws-1"]
"""


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BREAKER_CONFIG", raising=False)


def told(capture: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["error-rates", "--json", *arguments]) == ExitCode.DONE
    found: dict[str, Any] = json.loads(capture.readouterr().out)
    return found


def test_the_exact_numbers_of_every_cusum_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--volume", "50", "--volume", "2000", "--rate", "0.02", "--rate", "0.12", "--rate", "0"]

    rates = told(capsys, *asked)
    cusums = [one for one in rates["detectors"] if one["m"]]
    assert len([one for one in cusums if one["signal"] == "bounce" and one["detector"] == "cusum"]) == 2
    for one in cusums:
        exact = {rate: sends_to_height(one["m"], one["h"], float(rate)) for rate in ("0.02", "0.12")}
        assert one["sends_to_alarm"] == {**{rate: pytest.approx(sends) for rate, sends in exact.items()}, "0": None}
    assert [(one["volume_per_day"], one["rate"]) for one in rates["union"]] == [
        (volume, rate) for volume in (50, 2000) for rate in (0.02, 0.12, 0)
    ]
    assert set(rates["detectors"][0]) == {"profile", "signal", "detector", "p0", "p1", "m", "h", "sends_to_alarm"}
    assert set(rates["union"][0]) == {"profile", "volume_per_day", "rate", "sends_to_alarm", "false_stops_per_week"}


def test_what_the_fleet_has_to_expect_is_told_first_and_stays_in_the_budget(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["error-rates", "--volume", "200", "--rate", "0.12", "--accounts", "30000"]) == ExitCode.DONE

    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == (
        "False stops in a week of 30,000 accounts, all healthy at 2 % bounces and 0.03 % complaints; the budget is 1:"
    )
    assert second.startswith(("  0.8", "  0.9"))
    assert second.endswith((" at 200 sends a day (approximate)", " at 200 sends a day (exact)"))


def test_a_rate_above_all_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["error-rates", "--rate", "2"]) == ExitCode.BAD_USAGE
    assert "--rate" in capsys.readouterr().err


def test_every_profile_states_its_own_error_rates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "breaker.toml"
    file.write_text(PROFILES)

    rates = told(capsys, "--config", str(file), "--volume", "200", "--rate", "0.12")

    sends = {one["profile"]: one["sends_to_alarm"] for one in rates["union"]}
    assert list(sends) == ["standard", "receipts", "patient"]
    assert sends["receipts"] < sends["standard"]
    assert sends["patient"] > 1e6  # by complaints alone, since bounces only limit it
    steps = {one["detector"] for one in rates["detectors"] if one["profile"] == "patient" and one["signal"] == "bounce"}
    assert steps
    assert all(name.endswith((":limited", ":warned")) for name in steps)


def test_presets_are_printed_by_name_or_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--volume", "200", "--rate", "0.12"]
    every = told(capsys, *asked, "--presets")["union"]
    one = told(capsys, *asked, "--profile", "lenient")["union"]

    assert [union["profile"] for union in every] == ["standard", "strict", "lenient"]
    assert [union["profile"] for union in one] == ["lenient"]
    standard, strict, lenient = (union["sends_to_alarm"] for union in every)
    assert strict < standard < lenient


def test_a_preset_costs_what_its_allowance_says_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["error-rates", "--volume", "50", "--rate", "0.12", "--profile", "strict"]) == ExitCode.DONE

    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == (
        "False stops in a week of 1,000 accounts with the profile strict, all healthy at 1.5 % bounces and 0.0225 % "
        "complaints; the budget is 1, of which each has 3 times its part:"
    )
    assert 1 < float(second.split()[0]) <= 3


def test_a_profile_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["error-rates", "--profile", "strickt"]) == ExitCode.BAD_USAGE
    assert "nearest one is strict" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_the_fleet_in_the_database_is_told_of_as_it_sends(shell: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "breaker.toml"
    file.write_text(PROFILES)

    async def send(fleet: Fleet) -> None:
        fleet.clock.time = time.time()
        for number in range(4):
            key = await fleet.know(
                f"agent-{number}@{'receipts' if number == 3 else 'other'}.example", f"grant-{number}"
            )
            await fleet.count(key, delivered=700 * (number + 1))

    shell.prepare(send)

    said = shell.breaker("error-rates", "--config", str(file), "--rate", "0.12", "--json")

    fleet = said.json["fleet"]
    assert (fleet["accounts"], [one["accounts"] for one in fleet["profiles"]]) == (4, [3, 1])
    assert [one["volumes_per_day"] for one in fleet["profiles"]] == [
        [500, 1000, 1500],
        [2000],
    ]  # a day of it, taken for five a week
    assert 0 < fleet["false_stops_per_week"] < 0.02
    assert {one["profile"]: one["volume_per_day"] for one in said.json["union"]}["receipts"] == 2000
    table = shell.breaker("error-rates", "--config", str(file), "--rate", "0.12")
    assert table.out.startswith("False stops in a week of the fleet's 4 active accounts, each as it sends")


def test_a_database_that_does_not_answer_is_said_and_the_rest_printed(shell: Terminal) -> None:
    said = shell.breaker_elsewhere("postgresql://127.0.0.1:1/nowhere", "error-rates", "--rate", "0.12", "--json")

    assert (said.code, said.json["fleet"]) == (0, None)
    assert "what the fleet sends is not known" in said.err
