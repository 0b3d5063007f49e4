"""`breaker backtest`, as a person and as a program call it."""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from breaker.cli.exit_codes import ExitCode
from breaker.cli.main import run
from tests.backtest.records import BEGIN, in_order, line, steady

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BREAKER_CONFIG", raising=False)
    monkeypatch.setenv("BREAKER_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of two accounts, one of which sends a bought list."""
    path = tmp_path / "record.jsonl"
    bad = steady("a", 1_000, 0.01) + steady("a", 200, 0.5, first=1_000)
    path.write_bytes(b"".join(in_order(bad, steady("b", 400, 0.01))))
    return path


def told(capture: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["backtest", "--json", *arguments]) == ExitCode.DONE
    out = capture.readouterr().out
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


def test_one_object_says_what_would_have_been_done(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, str(record), "--compare", "inbound", "--compare", "posthog")

    assert set(found["accounts"]) == {"grant-a", "grant-b"}
    bad = found["accounts"]["grant-a"]
    assert bad["sends"] == 1_200
    assert bad["hard_bounces"] > 90
    assert bad["complaints"] == 0
    stop = bad["verdicts"][-1]
    assert {key: stop[key] for key in ("signal", "detector", "to")} == {
        "signal": "bounce",
        "detector": "cusum",
        "to": "stopped",
    }
    assert 1_000 < stop["after_sends"] < 1_030
    assert stop["at"] > BEGIN
    assert set(bad["platform"]) == {"1000", "3000", "10000"}
    assert stop["after_sends"] < bad["platform"]["1000"]["bounce"]["review_after_sends"]
    assert set(bad["platform"]["1000"]) == {"bounce"}
    assert bad["platform"]["10000"]["complaint"] == {"review_after_sends": None, "review_at": None}
    assert found["accounts"]["grant-b"]["verdicts"] == []
    assert list(found["compared"]) == ["posthog", "inbound"]
    assert found["compared"]["posthog"]["precision"] is None
    assert found["compared"]["inbound"]["recall"] == 1.0
    assert found["breaker"]["stopped"]["precision"] == 1.0
    assert found["outcomes_per_second"] > 0
    assert found["truth"] == "line"


def test_a_table_is_for_people(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", str(record), "--compare", "all"]) == ExitCode.DONE

    said = capsys.readouterr()
    assert "a@agents.example" in said.out
    assert "b@agents.example" not in said.out
    assert "stopped at 1,0" in said.out
    for name in ("breaker, stopped", "posthog", "plunk", "inbound", "ses-strict", "gc-notify", "nylas-alert"):
        assert name in said.out
    assert "replaying" not in said.err


def test_a_fleet_nothing_happened_to_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "quiet.jsonl"
    path.write_bytes(b"".join(steady("a", 20, 0.0)))

    assert run(["backtest", str(path)]) == ExitCode.DONE
    assert "nobody reached the platform's line" in capsys.readouterr().out


def test_lines_that_cannot_be_used_are_told_by_number_and_lose_nothing_of_their_neighbours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.jsonl"
    lines = [
        line("delivered", "m1"),
        b"not json\n",
        b"\n",
        line("delivered", "m2").replace(b'"recipients"', b'"nobody"'),
        line("delivered", "m3").replace(b'"received_at"', b'"at"'),
        b'{"type": "message.send_success", "data": {"application_id": "app-1"}, "received_at": 1}\n',
        b"\xff\xfe\n",
        line("bounced", "m4").rstrip(),
    ]
    path.write_bytes(b"".join(lines))

    found = told(capsys, str(path))
    assert run(["backtest", str(path)]) == ExitCode.DONE
    told_beside = capsys.readouterr().err

    assert found["accounts"]["grant-a"]["sends"] == 2
    assert found["lines"] == {"read": 8, "not_understood": 4, "ignored": 1}
    for number in (2, 4, 5, 7):
        assert f"line {number}: " in told_beside
    assert "line 3: " not in told_beside
    assert "`received_at` is missing" in told_beside
    assert "4 of 8 lines can't be used and are left out" in told_beside
    assert "m3@example.org" not in told_beside


def test_only_the_first_of_many_bad_lines_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b"no\n" * 100 + line("delivered", "m"))

    assert run(["backtest", str(path)]) == ExitCode.DONE
    told_beside = capsys.readouterr().err
    assert sum(one.startswith("line ") for one in told_beside.splitlines()) == 20
    assert "... and 80 more" in told_beside


def test_a_file_that_holds_nothing_of_use_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b"no\n")

    assert run(["backtest", str(path)]) == ExitCode.FAILED
    assert "nothing in" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("nowhere.jsonl",), ("record.jsonl", "--truth", "nowhere.json")])
def test_a_missing_file_is_bad_usage(
    arguments: tuple[str, ...], record: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(record.parent)

    assert run(["backtest", *arguments]) == ExitCode.BAD_USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{arguments[-1]} can't be read: No such file or directory" in said.err


def test_a_truth_that_is_none_is_bad_usage(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text("[]")

    assert run(["backtest", str(record), "--truth", str(truth)]) == ExitCode.BAD_USAGE
    assert "is no truth" in capsys.readouterr().err


def test_the_truth_says_who_is_bad_and_since_when(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "truth.json"
    accounts = [
        {"grant_id": "grant-a", "address": "a@agents.example", "healthy": False, "goes_bad_at": BEGIN + 300_000},
        {"grant_id": "grant-b", "address": "b@agents.example", "healthy": True, "goes_bad_at": None},
    ]
    truth.write_bytes(msgspec.json.encode({"started_at": BEGIN, "accounts": accounts}))

    found = told(capsys, str(record), "--truth", str(truth))

    [stop] = [one for one in found["accounts"]["grant-a"]["verdicts"] if one["to"] == "stopped"]
    assert found["truth"] == "file"
    assert found["breaker"]["stopped"]["median_delay_sends"] == stop["after_sends"] - 1_000
    assert found["breaker"]["stopped"]["recall"] == 1.0


def test_an_unknown_preset_is_bad_usage(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", str(record), "--compare", "nobody"]) == ExitCode.BAD_USAGE
    assert "nobody" in capsys.readouterr().err


def test_packed_records_and_standard_input_are_read_as_well(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "record.jsonl.gz"
    packed.write_bytes(gzip.compress(record.read_bytes()))
    plain = told(capsys, str(record))["accounts"]

    assert told(capsys, str(packed))["accounts"] == plain
    for content in (record, packed):
        piped = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content.read_bytes())))
        monkeypatch.setattr(sys, "stdin", piped)
        assert told(capsys, "-")["accounts"] == plain


def test_a_packed_record_that_is_broken_off_is_read_as_far_as_it_goes(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(record.read_bytes())
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(packed[: len(packed) * 3 // 4])

    assert run(["backtest", str(cut), "--json"]) == ExitCode.DONE
    said = capsys.readouterr()
    assert json.loads(said.out)["lines"]["read"] > 500
    assert "the record ends here" in said.err


def test_a_smaller_fleet_is_stopped_earlier(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = (told(capsys, str(record), "--accounts", number) for number in ("100", "1000000"))

    first, later = (found["accounts"]["grant-a"]["verdicts"][-1]["after_sends"] for found in (small, large))
    assert first < later


def test_the_configuration_decides_what_counts(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "breaker.toml"
    config.write_text("[counting.counted_classes]\nunknown_recipient = false\n[ledger]\nretention_days = 2\n")
    ordinary = told(capsys, str(record))["accounts"]["grant-a"]

    found = told(capsys, str(record), "--config", str(config))["accounts"]["grant-a"]

    assert (found["sends"], found["hard_bounces"], found["verdicts"]) == (ordinary["sends"], 0, [])
