from __future__ import annotations

import json

import pytest

from breaker.cli.exit_codes import ExitCode
from breaker.cli.main import run
from breaker.domain.run_lengths import sends_to_height


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BREAKER_CONFIG", raising=False)


def test_the_exact_numbers_of_every_cusum_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--volume", "50", "--volume", "2000", "--rate", "0.02", "--rate", "0.12", "--rate", "0"]
    assert run(["error-rates", "--json", *asked]) == ExitCode.DONE

    told = json.loads(capsys.readouterr().out)
    cusums = [one for one in told["detectors"] if one["m"]]
    assert len([one for one in cusums if one["signal"] == "bounce"]) == 2
    for one in cusums:
        exact = {rate: sends_to_height(one["m"], one["h"], float(rate)) for rate in ("0.02", "0.12")}
        assert one["sends_to_alarm"] == {**exact, "0": None}
    assert [(one["volume_per_day"], one["rate"]) for one in told["union"]] == [
        (volume, rate) for volume in (50, 2000) for rate in (0.02, 0.12, 0)
    ]
    assert set(told["detectors"][0]) == {"signal", "detector", "p0", "p1", "m", "h", "sends_to_alarm"}
    assert set(told["union"][0]) == {"volume_per_day", "rate", "sends_to_alarm", "false_stops_per_week"}


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
