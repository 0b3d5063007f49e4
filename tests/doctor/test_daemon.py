"""What a running daemon tells of itself, and of the accounts that a stop would not stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.metrics import Metrics
from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.modes import PostgresModes
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.app import running
from breaker.app.reporter import Reporter
from breaker.app.rhythm import Rhythm
from breaker.config import load
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import ConfiguredModes
from breaker.domain.platform.platform_standing import Example, SendRefusal, Source
from breaker.domain.platform.protection import Unprotected
from breaker.flows.note_refusals import NoteRefusals
from breaker.flows.watch_protection import WatchProtection
from breaker.ports import NoHolds, Refused
from tests.acceptance.processes import until
from tests.guarded import NAMES
from tests.setup.conftest import done
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.app.daemon import Daemon
    from tests.doctor.ward import Ward

ANYWHERE = 'listen = "127.0.0.1:0"\nadmin_listen = "127.0.0.1:0"'


def watch(sound: Ward) -> WatchProtection:
    application = load(sound.file, {}, {}).guarded_applications()[0]
    return WatchProtection(
        application_id=APPLICATION,
        names=NAMES,
        platform=sound.world.client,
        inventory=sound.store.inventory,
        placed=PostgresExamination(sound.store.pool),
        actuators_of=lambda workspace_id: application.workspace(workspace_id).actuators,
        told=lambda _application_id, _counts: None,
    )


async def test_nobody_is_unprotected_in_a_sound_installation(sound: Ward) -> None:
    assert await watch(sound)() == {}


async def test_a_foreign_change_of_rule_ids_is_seen_at_the_next_look_and_so_is_its_end(sound: Ward) -> None:
    looking, rule_ids = watch(sound), list(sound.sales.rule_ids)
    sound.sales.rule_ids = ["theirs"]
    assert await looking() == {Unprotected.RULE_DETACHED: 1}

    sound.sales.rule_ids = rule_ids
    assert await looking() == {}


async def test_after_teardown_everybody_is_unprotected(sound: Ward) -> None:
    await done(sound.place.tear_down(quarantines=(sound.cell.workspace_id,)))

    assert await watch(sound)() == {Unprotected.RULE_MISSING: 3}


async def test_a_workspace_whose_deletion_is_not_known_yet_counts_as_the_default_one(sound: Ward) -> None:
    sound.world.application.remove_workspace(sound.sales.workspace_id)
    sound.default.rule_ids = []

    assert await watch(sound)() == {Unprotected.RULE_DETACHED: 2}


async def shown(daemon: Daemon, metric: str, counts: Mapping[str, float]) -> None:
    """Return once a metric says these numbers by its one label, and nothing but 0 besides."""
    url = "http://{}:{}/metrics".format(*daemon.admin_address)

    async def holds() -> bool:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        values = [one.split('"') for one in lines if one.startswith(f"{metric}{{")]
        seen = {label: float(value.rpartition(" ")[2]) for _, label, value in values}
        return bool(seen) and {label: value for label, value in seen.items() if value} == counts

    await until(f"{metric} says {counts}", holds)


async def test_a_daemon_tells_of_itself_and_of_the_unprotected_until_it_leaves(sound: Ward) -> None:
    sound.configure(mode="observe", more=ANYWHERE)
    await sound.store.pool.execute("DELETE FROM daemons")
    assert await sound.kinds() == ["daemon_not_running"]

    async with running(load(sound.file, {}, {}), rhythm=Rhythm(protection=0.05)) as daemon:
        await shown(daemon, "breaker_accounts_unprotected", {})
        sound.sales.rule_ids = []
        await shown(daemon, "breaker_accounts_unprotected", {"rule_detached": 1.0})
        await shown(daemon, "breaker_drift_total", {"rule_detached": 1.0})
        assert await sound.kinds() == ["unprotected"]

    assert await sound.kinds() == ["daemon_not_running", "unprotected"]


async def test_a_daemon_that_enforces_attaches_again_what_somebody_detached(sound: Ward) -> None:
    sound.configure(more=ANYWHERE)
    rule_ids = list(sound.sales.rule_ids)

    async with running(load(sound.file, {}, {}), rhythm=Rhythm(protection=0.05)) as daemon:
        await shown(daemon, "breaker_accounts_unprotected", {})
        sound.sales.rule_ids = []
        await shown(daemon, "breaker_drift_total", {"rule_detached": 1.0})
        await shown(daemon, "breaker_accounts_unprotected", {})

    assert sound.sales.rule_ids == rule_ids


async def test_a_send_refused_for_its_domain_is_found_until_mail_of_the_domain_is_heard_of(sound: Ward) -> None:
    now = sound.store.clock.now()
    standings = PostgresPlatformStandings(sound.store.pool)
    reporter = Reporter(Metrics(), lambda: None)
    modes = PostgresModes(sound.store.pool, ConfiguredModes(Mode.OBSERVE, {}, {}))
    noted = NoteRefusals(
        standings, sound.store.circuits, modes, NoHolds(), lambda _account: (), sound.store.clock, reporter
    )
    example = Example(400, "invalid_request_error", "domain is not verified", now)
    refused = Refused(APPLICATION, sound.sender.id, SendRefusal.DOMAIN_NOT_VERIFIED, example, Source.OBSERVATION)
    assert await noted([refused]) == [None]
    assert await sound.kinds() == ["domain_not_verified"]

    await sound.store.pool.execute("UPDATE circuits SET last_event_at = $1", now + 1)
    assert await sound.kinds() == []
