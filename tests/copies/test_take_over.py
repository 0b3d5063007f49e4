"""Copies and their policies under set-up and teardown: taken over, remembered, taken back once accounts are home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.states import Wanted
from breaker.flows.fixtures import Names
from breaker.flows.set_up import SetUp
from breaker.flows.set_up_plan import Need
from breaker.flows.tear_down import TearDown
from tests.guarded import LIMITING, NAMES
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.copies.conftest import Homes

ANOTHER = Names("installation-2")


async def set_up(homes: Homes, names: Names, *, take_over: bool = False) -> list[str]:
    need = Need(
        application_id=APPLICATION,
        names=names,
        actuators=LIMITING,
        webhook_url=None,
        secret_known=True,
        take_over=take_over,
    )
    flow = SetUp(
        need=need,
        platform=homes.world.client,
        inventory=homes.store.inventory,
        clock=homes.store.clock,
        keep_secret=lambda _secret: None,
    )
    return [step.sentence async for step in flow.carry_out(await flow.plan())]


async def with_copies(homes: Homes) -> None:
    """Have one account in a quarantine and another in a round that a quota holds."""
    default = homes.world.application.workspaces.default
    await homes.stop("a@x.example", default)
    await homes.round(await homes.stop("b@x.example", default), Wanted.SENDING)


def names_of_copies(names: Names, home_id: str) -> list[str]:
    return [names.quarantine(home_id), names.probe(home_id)]


async def test_copies_and_policies_are_taken_over_with_all_else(homes: Homes) -> None:
    await with_copies(homes)
    await homes.store.pool.execute("DELETE FROM inventory")
    default = homes.world.application.workspaces.default.workspace_id

    await set_up(homes, ANOTHER, take_over=True)

    workspaces = [one.name for one in homes.world.application.workspaces][1:]
    assert workspaces == names_of_copies(ANOTHER, default)
    policies = {one.name for one in await homes.world.client.policies().all()}
    assert policies == {ANOTHER.quarantine_policy, ANOTHER.probe(default)}
    kinds = sorted(item.kind for item in await homes.store.inventory.items(APPLICATION))
    assert [kind for kind in kinds if kind in {"policy", "probe_workspace", "workspace"}] == [
        "policy",
        "policy",
        "probe_workspace",
        "workspace",
    ]
    assert await set_up(homes, ANOTHER) == []


async def test_what_the_database_has_forgotten_is_remembered_by_a_set_up(homes: Homes) -> None:
    await with_copies(homes)
    before = {(item.kind, item.platform_id) for item in await homes.store.inventory.items(APPLICATION)}
    await homes.store.pool.execute("DELETE FROM inventory")

    await set_up(homes, NAMES)

    after = {(item.kind, item.platform_id) for item in await homes.store.inventory.items(APPLICATION)}
    assert before - after == set()


async def test_a_teardown_takes_accounts_home_and_leaves_no_copy_and_no_policy(homes: Homes) -> None:
    await with_copies(homes)
    await homes.store.pool.execute("UPDATE accounts SET home_workspace_id = NULL WHERE address = 'b@x.example'")
    default = homes.world.application.workspaces.default
    flow = TearDown(
        application_id=APPLICATION,
        names=NAMES,
        platform=homes.world.client,
        inventory=homes.store.inventory,
        outbox=homes.store.outbox(),
        adoption=homes.store.adoption,
        clock=homes.store.clock,
    )

    sentences = [step.sentence async for step in flow.carry_out(await flow.plan())]

    quarantine, probe = names_of_copies(NAMES, default.workspace_id)
    assert sentences[:4] == [
        f"move 1 account home to 'Default workspace', and delete the quarantine {quarantine!r}",
        f"move 1 account home to 'Default workspace', and delete the copy for probes {probe!r}",
        f"delete the policy {NAMES.quarantine_policy!r}",
        f"delete the policy {probe!r}",
    ]
    assert [homes.place(one) for one in ("a@x.example", "b@x.example")] == [default, default]
    assert list(homes.world.application.workspaces) == [default]
    assert await homes.world.client.policies().all() == []
    assert await homes.store.inventory.items(APPLICATION) == []
