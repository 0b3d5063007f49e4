"""What `breaker serve` does not begin with, and what it says then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.processes import Said
    from tests.acceptance.world import Daemon, World

KEY, OTHER_KEY = "0123456789abcdef" * 4, "fedcba9876543210" * 4


async def test_a_configuration_that_cannot_be_meant_is_refused_by_name(world: World) -> None:
    file = world.folder / "breaker.toml"
    file.write_text('[guard]\nwindow_second = 60\n\n[log]\nformat = "json"\n')

    variable, key, value = await asyncio.gather(
        world.breaker("serve", BREAKER_ACTUATOR="block"),
        world.breaker("serve", "--config", str(file)),
        world.breaker("serve", BREAKER_NYLAS_API_KEY="nyk_hidden", BREAKER_MODE="enforced"),
    )

    assert [one.code for one in (variable, key, value)] == [2, 2, 2]
    assert _words(variable) >= {"BREAKER_ACTUATOR", "BREAKER_ACTUATORS"}
    assert _words(key) >= {"guard.window_second", "guard.window_seconds"}
    assert "enforce" in value.err
    assert "nyk_hidden" not in value.err + value.out


async def test_another_key_an_unknown_schema_and_a_taken_address_are_told(
    world: World, empty_database_url: str
) -> None:
    daemon = await world.daemon(BREAKER_SEND_HASH_KEY=KEY)
    assert await daemon.running.end() == 0

    other_key, no_schema, no_database = await asyncio.gather(
        world.breaker("serve", BREAKER_SEND_HASH_KEY=OTHER_KEY),
        world.breaker("serve", BREAKER_DATABASE_URL=empty_database_url),
        world.breaker("serve", BREAKER_DATABASE_URL="postgresql://breaker:hidden@127.0.0.1:1/breaker"),
    )

    assert [one.code for one in (other_key, no_schema, no_database)] == [1, 1, 1]
    assert "BREAKER_SEND_HASH_KEY" in other_key.err
    assert not {KEY, OTHER_KEY} & _words(other_key)
    assert "breaker migrate" in no_schema.err
    assert "127.0.0.1:1" in no_database.err
    assert "hidden" not in no_database.err
    assert all("Traceback" not in one.err for one in (other_key, no_schema, no_database))

    # The command that is named mends it; a schema of the future is refused all the same.
    assert (await world.breaker("migrate", BREAKER_DATABASE_URL=empty_database_url)).code == 0
    connection = await asyncpg.connect(world.environment["BREAKER_DATABASE_URL"])
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await connection.close()
    other = {"BREAKER_SEND_HASH_KEY": OTHER_KEY}
    newer, mended = await asyncio.gather(
        world.breaker("serve", BREAKER_SEND_HASH_KEY=KEY),
        world.daemon(BREAKER_DATABASE_URL=empty_database_url, **other),
    )
    assert (newer.code, "9999" in newer.err) == (1, True)
    assert (await mended.get("/livez", token=None))[0] == 200

    # Its address is taken now.
    listen = urlsplit(mended.webhooks).netloc
    taken = await world.breaker("serve", BREAKER_LISTEN=listen, BREAKER_DATABASE_URL=empty_database_url, **other)
    assert (taken.code, listen in taken.err, "Traceback" in taken.err) == (1, True, False)
    assert await mended.running.end() == 0


def _words(said: Said) -> set[str]:
    return {word.strip(":;,.`'\"()") for word in (said.err + said.out).split()}


async def test_a_key_that_the_platform_refuses_is_said_by_the_daemon_once_and_by_whoever_needs_it(world: World) -> None:
    await world.platform()
    world.environment["BREAKER_NYLAS_API_KEY"] = "nyk_mistyped"
    del world.environment["BREAKER_APPLICATION_ID"]
    daemon = await world.daemon()

    line = await daemon.running.said("the application can't be learnt from the platform yet, so nobody can be stopped")
    doctor, report = await asyncio.gather(world.breaker("doctor"), world.breaker("report"))
    # By now it has asked a second time, after some five seconds.
    await until("it has asked again", lambda: _asked_again(daemon))

    assert "401" in line["error"]
    assert daemon.running.log.count("the application can't be learnt") == 1
    assert (report.code, "401" in report.err) == (1, True)
    assert (doctor.code, "key_rejected" in doctor.out) == (3, True)
    assert "nyk_mistyped" not in daemon.running.log + report.err + doctor.out + doctor.err


async def _asked_again(daemon: Daemon) -> bool:
    return await daemon.total("breaker_platform_requests_total", status="401") >= 2
