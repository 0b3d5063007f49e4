"""`breaker setup` and `breaker teardown`, as they are typed."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiohttp import web

from breaker.cli.main import run
from tests.guarded import guarded
from tests.simulated import APPLICATION, KEY, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.simulated import Simulated


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell with everything configured but what a test leaves out."""

    world: Simulated
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    secrets: Path

    async def breaker(self, *arguments: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        code = await asyncio.to_thread(run, arguments)
        said = self.capture.readouterr()
        return code, said.out, said.err


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=request.query["challenge"])


@pytest.fixture
async def shell(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Shell]:
    listener = web.Application()
    listener.add_routes([web.get("/webhooks/nylas", _echo)])
    runner = web.AppRunner(listener)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with simulated() as world:
        for name, value in {
            "BREAKER_DATABASE_URL": database_url,
            "BREAKER_DATA_DIR": str(tmp_path),
            "BREAKER_NYLAS_API_KEY": KEY,
            "BREAKER_NYLAS_API_URL": world.url,
            "BREAKER_PUBLIC_URL": f"http://127.0.0.1:{runner.addresses[0][1]}",
        }.items():
            monkeypatch.setenv(name, value)
        yield Shell(world, capsys, monkeypatch, tmp_path / "secrets" / "webhook_secrets")
    await runner.cleanup()


async def test_a_plan_is_shown_and_nothing_done(shell: Shell) -> None:
    code, out, err = await shell.breaker("setup", "--plan")

    assert (code, out) == (0, "")
    assert "make the outbound rule" in err
    assert "Nothing was changed" in err
    assert shell.world.changing_calls() == []
    assert not shell.secrets.exists()


async def test_setup_makes_all_and_keeps_the_secret_for_its_owner_alone(shell: Shell) -> None:
    code, out, _ = await shell.breaker("setup")

    (destination,) = shell.world.application.destinations
    assert code == 0
    assert out.count("done: ") == 7
    assert destination.secret not in out
    assert shell.secrets.read_text() == f"{destination.secret}\n"
    assert stat.S_IMODE(shell.secrets.stat().st_mode) == 0o600


async def test_a_second_setup_has_nothing_to_do(shell: Shell) -> None:
    await shell.breaker("setup")
    shell.world.platform.journal.clear()

    code, out, err = await shell.breaker("setup")

    assert (code, out) == (0, "")
    assert "nothing to do" in err
    assert shell.world.changing_calls() == []


async def test_a_secret_is_written_beside_those_that_stand_there(shell: Shell) -> None:
    shell.secrets.parent.mkdir(mode=0o700)
    shell.secrets.write_text("made-by-hand\n")

    await shell.breaker("setup")

    (destination,) = shell.world.application.destinations
    assert shell.secrets.read_text().split() == [destination.secret, "made-by-hand"]


async def test_teardown_takes_all_back_and_programs_read_what_was_done(shell: Shell) -> None:
    await shell.breaker("setup")

    code, out, _ = await shell.breaker("teardown", "--json")
    again = await shell.breaker("teardown")

    assert code == 0
    assert msgspec.json.decode(out) == {
        "plan": False,
        "applications": [
            {
                "application_id": APPLICATION,
                "steps": [
                    {"step": "delete the webhook", "done": True},
                    {
                        "step": "take Breaker's rules out of the workspace 'Default workspace'; its other rules stay",
                        "done": True,
                    },
                    {"step": "delete the rule to block stopped accounts", "done": True},
                    {"step": "delete the rule to let limited accounts only reply", "done": True},
                    {"step": "delete the list of stopped accounts; 0 accounts in it can send again", "done": True},
                    {
                        "step": "delete the list of limited accounts; 0 accounts in it can begin conversations again",
                        "done": True,
                    },
                    {"step": "delete the list of stopped domains; 0 domains in it can send again", "done": True},
                ],
                "notes": [],
            }
        ],
    }
    assert again[:2] == (0, "")
    assert not [*shell.world.application.rules, *shell.world.application.lists]


async def test_many_stopped_accounts_are_not_let_go_by_saying_nothing(shell: Shell, database_url: str) -> None:
    await shell.breaker("setup")
    async with guarded(database_url) as store:
        list_id = next(item.platform_id for item in await store.inventory.items(APPLICATION) if item.kind == "list")
    await shell.world.client.add_values(list_id, [f"a{one}@x.example" for one in range(11)])

    refused, _, err = await shell.breaker("teardown")
    agreed, _, _ = await shell.breaker("teardown", "--yes")

    assert (refused, agreed) == (2, 0)
    assert "11 stopped accounts" in err


async def test_a_key_that_is_not_accepted_is_said_without_showing_it(shell: Shell) -> None:
    shell.patch.setenv("BREAKER_NYLAS_API_KEY", "nyk_v0_wrong")

    code, _, err = await shell.breaker("setup")

    assert code == 1
    assert "does not accept the API key" in err
    assert "nyk_v0_wrong" not in err


async def test_a_key_of_another_application_is_bad_configuration(shell: Shell) -> None:
    shell.patch.setenv("BREAKER_APPLICATION_ID", "app-2")

    code, _, err = await shell.breaker("setup")

    assert code == 2
    assert "the API key belongs to app-1" in err


@pytest.mark.parametrize(("unset", "code"), [("BREAKER_NYLAS_API_KEY", 2), ("BREAKER_PUBLIC_URL", 1)])
async def test_what_is_missing_is_named(shell: Shell, unset: str, code: int) -> None:
    shell.patch.delenv(unset)

    ended, _, err = await shell.breaker("setup")

    assert ended == code
    assert unset.removeprefix("BREAKER_").lower() in err.lower()
    assert shell.world.changing_calls() == []


async def test_a_platform_that_is_not_there_is_said(shell: Shell) -> None:
    await shell.world.platform.stop()

    code, _, err = await shell.breaker("setup")

    assert code == 1
    assert "run it again" in " ".join(err.split())
