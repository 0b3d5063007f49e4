"""`breaker explain --refused` and `--recipients`, as they are typed, against the simulated platform."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from breaker.cli.main import run
from breaker.flows.look_up import LookUp
from breaker.ports import Account, Condition, RuleContent, StoreUnavailableError
from breaker.simulator.errors import ApiError
from tests.fleet import Fleet, SteppingClock, fleet
from tests.simulated import APPLICATION, KEY, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from breaker.domain.outcomes.spans import Span
    from breaker.domain.standing.lookups import BadRecipient, RefusedSend
    from tests.simulated import Simulated

AGENT = "agent@agents.example"
STRANGER = "stranger@recipients.example"


@dataclass(frozen=True, slots=True)
class World:
    """A platform with one account that Breaker knows, and a shell."""

    platform: Simulated
    known: Fleet
    grant_id: str
    capture: pytest.CaptureFixture[str]

    async def breaker(self, *arguments: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        code = await asyncio.to_thread(run, arguments)
        said = self.capture.readouterr()
        return code, said.out, said.err

    async def json(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command prints
        code, out, err = await self.breaker(*arguments, "--json")
        assert code == 0, err
        return msgspec.json.decode(out)

    async def block(self) -> None:
        """Refuse what the account sends, by a rule called `no cold mail`."""
        client = self.platform.client
        condition = Condition("from.address", "is", (AGENT,))
        rule = await client.create_rule("no cold mail", RuleContent("outbound", (condition,), ("block",)))
        for workspace in await client.workspaces():
            await client.attach_rules(workspace.id, [rule.id])

    def send(self, *recipients: str) -> bool:
        """Have the account send; tell whether the platform took it."""
        try:
            self.platform.application.send(self.grant_id, recipients)
        except ApiError:
            return False
        return True

    async def trail(self) -> list[tuple[str | None, str]]:
        return [(one.author, one.why) for one in (await self.known.operations.trail.page()).items]


@pytest.fixture
async def world(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[World]:
    async with simulated() as platform, fleet(database_url, tmp_path) as known:
        for name, value in {
            "BREAKER_DATABASE_URL": database_url,
            "BREAKER_DATA_DIR": str(tmp_path),
            "BREAKER_NYLAS_API_KEY": KEY,
            "BREAKER_NYLAS_API_URL": platform.url,
            "LOGNAME": "ada",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SUDO_USER", raising=False)
        grant = platform.application.add_grant(AGENT)
        await known.know(AGENT, grant.id, application=APPLICATION)
        yield World(platform, known, grant.id, capsys)


async def test_refused_sends_are_told_with_time_and_rule_and_without_recipients(world: World) -> None:
    await world.block()
    assert not world.send(STRANGER)

    told = await world.json("explain", AGENT, "--refused")

    (refused,) = told["refused"]
    assert (told["account"], told["address"]) == (world.grant_id, AGENT)
    assert refused == {
        "at": refused["at"],
        "message_id": None,
        "why": "blocked_by_rule",
        "rules": ["no cold mail"],
        "type": "compose",
    }
    assert await world.trail() == []


async def test_whom_refused_sends_were_meant_for_is_told_to_whom_says_why(world: World) -> None:
    await world.block()
    world.send(STRANGER)

    told = await world.json("explain", AGENT, "--refused", "--recipients", "--reason", "a customer asks")

    assert [one["recipients"] for one in told["refused"]] == [[STRANGER]]
    assert await world.trail() == [
        ("ada", "The recipients of its refused sends were looked at by a person: a customer asks")
    ]


async def test_nothing_refused_is_said(world: World) -> None:
    code, out, err = await world.breaker("explain", world.grant_id, "--refused")

    assert (code, out) == (0, "")
    assert err == f"{AGENT}: no refused send is among the latest receipts that the platform keeps.\n"


async def test_recipients_whose_mail_bounced_are_told_live_and_the_look_is_audited(world: World) -> None:
    application = world.platform.application
    other = application.add_grant("other@agents.example")
    message = application.send(world.grant_id, [STRANGER, "fine@recipients.example"])
    application.deliver(message, ["fine@recipients.example"])
    application.bounce(message, [STRANGER])
    application.bounce(application.send(other.id, ["elsewhere@recipients.example"]))
    application.complain(application.send(world.grant_id, ["angry@recipients.example"]))

    told = await world.json("explain", AGENT, "--recipients", "--reason", "a bought list?")

    assert sorted((one["recipient"], one["what"], one["class"], one["diagnostic"]) for one in told["recipients"]) == [
        ("angry@recipients.example", "complaint", None, None),
        (
            STRANGER,
            "bounced",
            "unknown_recipient",
            "smtp; 550 5.1.1 The email account that you tried to reach does not exist",
        ),
    ]
    assert await world.trail() == [
        ("ada", "The recipients of its bounces and complaints were looked at by a person: a bought list?")
    ]


async def test_what_was_looked_at_is_neither_stored_nor_logged(world: World) -> None:
    application = world.platform.application
    application.bounce(application.send(world.grant_id, [STRANGER]))

    _, out, err = await world.breaker("explain", AGENT, "--recipients", "--reason", "a bought list?")

    tables = await world.known.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [text for (table,) in tables for (text,) in await world.known.pool.fetch(f'SELECT t::text FROM "{table}" t')]
    assert STRANGER in out
    assert not [text for text in (err, *rows) if "stranger" in text]


class Unnoted:
    """An audit trail that can't be written, and a platform that must not be asked then."""

    async def looked(self, account: Account, why: str, author: str, now: float) -> None:
        raise StoreUnavailableError(f"{why} of {account.id} by {author} at {now} could not be noted")

    async def refused_sends(self, grant_id: str) -> Sequence[RefusedSend]:
        raise AssertionError(grant_id)

    async def bad_recipients(self, grant_id: str, span: Span) -> Sequence[BadRecipient]:
        raise AssertionError(grant_id, span)


async def test_addresses_are_not_asked_for_where_the_look_could_not_be_noted() -> None:
    look_up = LookUp(Unnoted(), Unnoted(), SteppingClock())
    account = Account(1, APPLICATION, "grant-1", AGENT)

    with pytest.raises(StoreUnavailableError):
        await look_up.bad_recipients(account, 0.0, reason="why", author="ada")
    with pytest.raises(StoreUnavailableError):
        await look_up.refused(account, recipients=True, reason="why", author="ada")


@pytest.mark.parametrize(
    "arguments",
    [
        (AGENT, "--recipients"),
        (AGENT, "--recipients", "--reason", " "),
        ("domain:agents.example", "--refused"),
        (AGENT, "--refused", "--at", "1h"),
        (AGENT, "--recipients", "--reason", "why", "--since", "whenever"),
    ],
)
async def test_what_cannot_be_looked_up_is_bad_usage(world: World, arguments: tuple[str, ...]) -> None:
    code, out, _ = await world.breaker("explain", *arguments)

    assert (code, out) == (2, "")


async def test_an_account_without_a_grant_has_no_receipts(world: World) -> None:
    await world.known.know("alone@agents.example", application=APPLICATION)

    code, _, err = await world.breaker("explain", "alone@agents.example", "--refused")

    assert code == 1
    assert "is known by its address alone" in err


async def test_without_a_key_the_platform_cannot_be_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BREAKER_NYLAS_API_KEY")

    code, _, err = await world.breaker("explain", AGENT, "--refused")

    assert code == 2
    assert "no API key of app-1 is known" in err
