"""`breaker doctor`, as it is typed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from breaker.cli.main import run
from breaker.simulator.faults import FaultKind
from tests.simulated import APPLICATION, KEY

if TYPE_CHECKING:
    import pytest

    from tests.doctor.ward import Ward


async def doctor(sound: Ward, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = await asyncio.to_thread(run, ("doctor", "--config", str(sound.file), *more))
    said = capsys.readouterr()
    return code, said.out, said.err


async def test_a_sound_installation_ends_with_0(sound: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    assert await doctor(sound, capsys) == (0, "", f"application {APPLICATION}: nothing found\n")


async def test_what_is_found_ends_with_3_and_stands_in_a_table(sound: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    sound.sales.rule_ids = []
    sound.default.policy_id = None

    code, out, err = await doctor(sound, capsys)

    assert (code, err) == (3, f"application {APPLICATION}: 2 findings, 1 of them critical\n")
    title, first, second = out.splitlines()
    assert title.split() == ["severity", "kind", "what", "fix"]
    assert first.split()[:2] == ["critical", "unprotected"]
    assert second.split()[:2] == ["warning", "default_without_policy"]
    assert KEY not in out


async def test_programs_read_json(sound: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    sound.sales.rule_ids = []

    code, out, _ = await doctor(sound, capsys, "--json")

    assert code == 3
    assert msgspec.json.decode(out) == {
        "applications": [
            {
                "id": APPLICATION,
                "findings": [
                    {
                        "kind": "unprotected",
                        "severity": "critical",
                        "what": "the workspace 'Sales' does not name Breaker's rules: 1 account in it unprotected",
                        "fix": "breaker setup",
                    }
                ],
            }
        ]
    }


async def test_who_waits_is_told_how_far_it_is(sound: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    sound.world.fault(FaultKind.LATENCY, path="/v3/webhooks", seconds=2.5, times=1)

    code, _, err = await doctor(sound, capsys)

    assert code == 0
    assert "reading the platform: 0 accounts so far" in err


async def test_a_database_that_is_not_there_is_said(sound: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    sound.configure(database_url="postgresql://nobody@127.0.0.1:1/none")

    code, _, err = await doctor(sound, capsys)

    assert code == 1
    assert "does not answer" in err
