"""A running daemon sees what somebody else changed, puts back what it may, and says how often it looks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from breaker.app import running
from breaker.app.rhythm import Rhythm
from breaker.config import load
from breaker.domain.acts.fleet_acts import FleetAct, FleetActKind
from breaker.flows.backfill import SETTLED
from tests.acceptance.processes import until
from tests.doctor.ward import ward

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from breaker.app.daemon import Daemon
    from tests.doctor.ward import Ward

ANYWHERE = 'listen = "127.0.0.1:0"\nadmin_listen = "127.0.0.1:0"'
OFTEN = Rhythm(adoption=0.05, grants=0.05, webhook=0.05, gaps=0.05)


@pytest.fixture
async def sound(database_url: str, tmp_path: Path) -> AsyncIterator[Ward]:
    """A sound installation, in which all was read back long ago."""
    async with ward(database_url, tmp_path) as made:
        await made.store.pool.execute("UPDATE circuits SET confirmed_at = 0 WHERE confirmed IS NOT NULL")
        await made.store.pool.execute("UPDATE commands SET ended_at = 0")
        made.configure(more=ANYWHERE)
        yield made


async def metrics(daemon: Daemon) -> dict[str, float]:
    """Return what the daemon tells, by name and labels."""
    url = "http://{}:{}/metrics".format(*daemon.admin_address)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in told}


async def test_a_stopped_account_that_was_taken_out_of_the_list_is_back_in_it(sound: Ward) -> None:
    made = await sound.place.list_id()
    number = await sound.store.know(sound.stopped.id, sound.stopped.email)

    async with running(load(sound.file, {}, {}), rhythm=OFTEN) as daemon:
        await sound.world.client.remove_values(made, [sound.stopped.email])

        async def is_back() -> bool:
            told = (await metrics(daemon)).get('breaker_drift_total{kind="block_removed"}') == 1.0
            return told and await sound.store.standing(number) == ("stopped", "stopped")

        await until("the account is put back", is_back)

    assert [value async for value in sound.world.client.values(made)] == [sound.stopped.email]


async def test_on_hold_it_is_told_of_and_left_until_the_hold_ends(sound: Ward) -> None:
    made = await sound.place.list_id()
    number = await sound.store.know(sound.stopped.id, sound.stopped.email)
    hold = FleetAct(FleetActKind.HOLD_ON, "an incident", "ada")

    async with running(load(sound.file, {}, {}), rhythm=OFTEN) as daemon:
        await daemon.operations.fleet_acts.carry_out(hold, sound.store.clock.now())
        await daemon.operations.modes.refresh(after=0.0)
        await sound.world.client.remove_values(made, [sound.stopped.email])

        async def is_left() -> bool:
            return (await metrics(daemon)).get("breaker_taken_out") == 1.0

        await until("the account is left to people", is_left)
        assert await sound.store.standing(number) == ("stopped", None)
        assert [value async for value in sound.world.client.values(made)] == []
        over = FleetAct(FleetActKind.HOLD_OFF, "it is over", "ada")
        await daemon.operations.fleet_acts.carry_out(over, sound.store.clock.now())

        async def is_back() -> bool:
            nobody = (await metrics(daemon)).get("breaker_taken_out") == 0.0
            return nobody and await sound.store.standing(number) == ("stopped", "stopped")

        await until("the account is put back", is_back)


async def test_an_account_that_was_moved_is_at_home_there_and_sweeps_tell_how_often_they_are_made(sound: Ward) -> None:
    number = await sound.store.know(sound.sender.id, sound.sender.email)

    async with running(load(sound.file, {}, {}), rhythm=OFTEN) as daemon:
        await daemon.grants_read.wait()
        sound.sender.workspace_id = sound.sales.workspace_id

        async def is_noted() -> bool:
            told = await metrics(daemon)
            swept = {f'breaker_sweep_period_seconds{{sweep="{name}"}}' for name in ("lists", "domains", "placements")}
            return told.get('breaker_drift_total{kind="account_moved"}') == 1.0 and swept <= told.keys()

        await until("the move is noted", is_noted)

    account = await sound.store.account(number)
    assert (account.workspace_id, account.home_workspace_id) == (sound.sales.workspace_id, None)


class Ahead:
    """A clock that is ahead of the platform's by as much as lets the platform's books come to rest."""

    def now(self) -> float:
        return time.time() + SETTLED + 60

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_a_failed_webhook_is_made_active_and_what_it_did_not_bring_is_counted(sound: Ward) -> None:
    (destination,) = sound.world.application.destinations
    destination.status, destination.status_updated_at = "failed", int(sound.store.clock.now())
    sound.world.application.bounce(sound.world.application.send(sound.sender.id, ["someone@y.example"]))
    number = await sound.store.know(sound.sender.id, sound.sender.email)
    pool = sound.store.pool

    async with running(load(sound.file, {}, {}), Ahead(), rhythm=OFTEN) as daemon:

        async def is_active() -> bool:
            over = await pool.fetchval("SELECT count(*) FROM webhook_failures WHERE ends_at IS NOT NULL")
            return over == 1 and sound.world.application.destinations.get(destination.id).receives

        await until("the webhook is active again", is_active)
        told = await metrics(daemon)
        assert told['breaker_drift_total{kind="webhook_failed"}'] == 1.0
        assert told['breaker_webhooks{status="active"}'] == 1.0
        await pool.execute("UPDATE webhook_failures SET ends_at = $1", sound.store.clock.now() + 5)  # long ago there

        async def is_counted() -> bool:
            filled = await pool.fetchval("SELECT count(*) FROM webhook_failures WHERE filled_at IS NOT NULL")
            counted = await pool.fetchval("SELECT count(*) FROM ledger WHERE account = $1", number)
            return (filled, counted) == (1, 1)

        await until("what the webhook did not bring is counted", is_counted)
