"""What people and programs are shown of a domain on its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from breaker.adapters.http.presentation import domain_as_json
from breaker.adapters.postgres.gate import PostgresCircuitChanges
from breaker.adapters.postgres.reading.domains import PostgresDomainStandings
from breaker.cli.domains import domain_lines, print_domain
from breaker.domain.acts.acts import ActKind
from breaker.domain.standing.gate import Answer, GateMemory, SendKind
from tests.probing.sending_domain import HOUR, SentDomain, address, sending_domain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.domain.standing.standing import DomainStanding


@pytest.fixture
async def domain(database_url: str) -> AsyncIterator[SentDomain]:
    async with sending_domain(database_url) as one:
        yield one


async def standing(domain: SentDomain) -> DomainStanding:
    [one] = await PostgresDomainStandings(domain.daemon.pool, lambda: domain.rules).all()
    return one


def told(one: DomainStanding, now: float) -> str:
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        print_domain(console, one, (), now)
    return capture.get()


async def test_one_that_cools_down_says_when_it_is_probed(domain: SentDomain) -> None:
    await domain.stop()
    await domain.prober()()

    one = await standing(domain)

    probe = domain_as_json(one)["probe"]
    since = (await domain.row())["since"]
    assert probe == {
        "phase": "cooling",
        "round": 0,
        "sends": 0,
        "bad": 0,
        "overshoot": 0,
        "still_needed_sends": 34,
        "still_needed_days": None,
        "next_at": since + 6 * HOUR,
        "asks": None,
        "says": "It cools down, and is probed then.",
        "account": None,
    }
    [line] = domain_lines([one], since)
    assert line.endswith("6 accounts; it is probed in 6 h; `breaker explain domain:agents.example`")
    assert "breaker probe domain:agents.example --only-domain --reason '...'" in told(one, since)


async def test_one_that_is_probed_says_by_whom_and_how_far_it_has_come(domain: SentDomain) -> None:
    await domain.stop()
    prober = domain.prober()
    await domain.cool_down(prober)
    domain.broken = False
    await domain.open(prober)
    await domain.send(1, 4)
    await prober()

    one = await standing(domain)

    shown = domain_as_json(one)
    assert (shown["state"], shown["cause"]) == ("probing", "authentication 5.7.26")
    assert shown["enforcement"]["confirmed"] == "sending"
    assert (shown["probe"]["account"], shown["probe"]["round"], shown["probe"]["sends"]) == (address(1), 1, 4)
    [line] = domain_lines([one], domain.now)
    assert f"round 1, by {address(1)}; " in line
    said = told(one, domain.now)
    assert "Round 1 is open: 4 of 10 sends are known. So far 4 sends, 0 refused for the domain." in said
    assert f"by {address(1)}; all other accounts are held" in said


async def test_the_gate_lets_the_account_of_the_round_send_and_nobody_else(
    domain: SentDomain, database_url: str
) -> None:
    memory, changes = GateMemory(), PostgresCircuitChanges(database_url)

    async def answers() -> dict[int, Answer]:
        await changes.bring_up_to_date(memory)
        return {number: memory.answer(grant, SendKind.COMPOSE, domain.now) for number, grant in domain.grants.items()}

    try:
        await domain.stop()
        prober = domain.prober()
        await domain.cool_down(prober)
        assert {one.allow for one in (await answers()).values()} == {False}

        await domain.open(prober)
        assert [number for number, one in (await answers()).items() if one.allow] == [1]

        assert await prober.leave() == 1
        assert {(one.allow, one.state) for one in (await answers()).values()} == {(False, "probing")}

        await domain.act(ActKind.RESET)
        assert {one.allow for one in (await answers()).values()} == {True}
    finally:
        await changes.close()
