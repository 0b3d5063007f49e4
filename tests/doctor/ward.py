"""A sound installation on a simulated platform, to plant faults in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.adapters.postgres.examination.signs_of_life import Guarding, PostgresSignsOfLife
from breaker.app import examine
from breaker.config import load
from breaker.domain.platform.commands import Actuator
from breaker.simulator.options import SimulationOptions
from breaker.simulator.state.policies import PolicyBody
from tests.guarded import NAMES, Guarded, guarded
from tests.setup.conftest import Place, done
from tests.setup.test_tear_down import stopped_account
from tests.simulated import APPLICATION, KEY, Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from breaker.domain.findings import Finding
    from breaker.ports import Clock
    from breaker.simulator.state.grants import Grant
    from breaker.simulator.state.workspaces import Workspace

ACTUATORS = (Actuator.BLOCK, Actuator.LIMIT, Actuator.BLOCK_DOMAIN, Actuator.QUARANTINE)

CONFIGURATION = """
database_url = "{database_url}"
data_dir = "{folder}"
public_url = "{public_url}"
nylas_api_url = "{api_url}"
{more}

[[applications]]
id = "{application}"
api_key = "{key}"
installation = "{installation}"
mode = "{mode}"

[applications.workspaces."{sales}"]
actuators = ["block", "limit", "block_domain", "quarantine"]
quarantine_workspace_id = "{cell}"
"""


@dataclass
class Ward:
    """The installation.

    Attributes:
        place: Where it was set up.
        sales: A workspace with a quarantine of its own.
        cell: That quarantine.
        sender: An account in the default workspace.
        seller: One in the other.
        stopped: A stopped one, in quarantine.
        said: What the configuration says.
        file: Where the configuration is.
    """

    place: Place
    sales: Workspace
    cell: Workspace
    sender: Grant
    seller: Grant
    stopped: Grant
    said: dict[str, str]
    file: Path

    @property
    def world(self) -> Simulated:
        return self.place.world

    @property
    def store(self) -> Guarded:
        return self.place.store

    @property
    def default(self) -> Workspace:
        return self.world.application.workspaces.default

    def configure(self, **said: str) -> None:
        """Write the configuration, with this said otherwise."""
        self.said |= said
        self.file.write_text(CONFIGURATION.format(**self.said))

    async def live(
        self,
        name: str = "daemon-1",
        *,
        guarding: Guarding | None = None,
        application: str = APPLICATION,
        observe_only: bool = False,
        ahead: float = 0.0,
    ) -> None:
        """Have a daemon tell of itself."""
        told = {application: guarding or Guarding(NAMES.installation, acts=True)}
        now = self.store.clock.now() + ahead
        await PostgresSignsOfLife(self.store.pool, name).live(told, now, observe_only=observe_only)

    async def findings(self, clock: Clock | None = None) -> list[Finding]:
        """Return what the doctor finds."""
        [(_, found)] = await examine(load(self.file, {}, {}), clock=clock)
        return list(found)

    async def kinds(self, clock: Clock | None = None) -> list[str]:
        """Return the same as words."""
        return sorted(one.kind for one in await self.findings(clock))


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=request.query["challenge"])


@asynccontextmanager
async def ward(database_url: str, folder: Path) -> AsyncIterator[Ward]:
    """Set up an installation that nothing is wrong with."""
    listener = web.Application()
    listener.add_routes([web.get("/webhooks/nylas", _echo)])
    runner = web.AppRunner(listener)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    unhurried = SimulationOptions(requests_per_second=1_000)
    async with simulated(unhurried) as world, guarded(database_url) as store:
        place = Place(world, store, None)  # type: ignore[arg-type] # its address is given at set-up
        policy = world.application.policies.create(PolicyBody(name="Standard"))
        sales, cell = (world.application.add_workspace(name) for name in ("Sales", "Cell"))
        for one in (world.application.workspaces.default, sales, cell):
            one.policy_id = policy.id
        await done(place.set_up(url=f"{public_url}/webhooks/nylas", actuators=ACTUATORS))
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "webhook_secrets").write_text(place.secrets[0])
        sender = world.application.add_grant("sender@x.example")
        seller = world.application.add_grant("seller@x.example", workspace_id=sales.workspace_id)
        for grant in (sender, seller):
            number = await store.know(grant.id, grant.email)
            await store.outbox().note_placement(number, grant.workspace_id, None)
        await stopped_account(place, "stopped@x.example", sales.workspace_id, cell.workspace_id)
        stopped = next(one for one in world.application.grants if one.email == "stopped@x.example")
        made = Ward(place, sales, cell, sender, seller, stopped, {}, folder / "breaker.toml")
        made.configure(
            database_url=database_url,
            folder=str(folder),
            public_url=public_url,
            api_url=world.url,
            application=APPLICATION,
            key=KEY,
            installation=NAMES.installation,
            mode="enforce",
            sales=sales.workspace_id,
            cell=cell.workspace_id,
            more="",
        )
        await made.live()
        yield made
    await runner.cleanup()
