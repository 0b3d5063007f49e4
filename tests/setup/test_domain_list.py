"""The List of stopped domains: made into the rule that stops, found, kept in step with the database, and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.domains import PostgresDomains
from breaker.domain.circuits.circuit import Circuit
from breaker.domain.circuits.domain_circuit import DomainCircuit
from breaker.domain.circuits.states import State
from breaker.domain.platform.commands import Actuator
from breaker.flows.adopt_domains import JUST_LET_GO, SweepDomains
from breaker.flows.designs import Made
from breaker.ports import Condition, SendingDomain
from tests.setup.conftest import done
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from tests.setup.conftest import Place

WITH_DOMAINS = (Actuator.BLOCK, Actuator.BLOCK_DOMAIN)
X = SendingDomain(APPLICATION, "x.example")


def sweep(place: Place) -> SweepDomains:
    return SweepDomains(
        application_id=APPLICATION,
        platform=place.world.client,
        inventory=place.store.inventory,
        domains=PostgresDomains(place.store.pool),
        clock=place.store.clock,
    )


async def put(place: Place, circuit: Circuit) -> None:
    """Let the domain stand like that in the database."""
    async with PostgresDomains(place.store.pool).transaction() as locked:
        await place.store.know("grant-1", "a@x.example")
        await locked.lock([X])
        await locked.save(X, DomainCircuit(circuit))
        await locked.confirm(X, circuit.wanted, place.store.clock.now())


async def standing(place: Place) -> DomainCircuit | None:
    async with PostgresDomains(place.store.pool).transaction() as locked:
        return (await locked.standing([X])).get(X)


async def test_the_list_is_part_of_the_rule_that_stops(place: Place) -> None:
    await done(place.set_up(actuators=WITH_DOMAINS))

    rule = await place.rule()
    lists = {made: await place.list_id(made) for made in (Made.LIST, Made.DOMAIN_LIST)}
    assert rule.content.match == "any"
    assert set(rule.content.conditions) == {
        Condition("from.address", "in_list", (lists[Made.LIST],)),
        Condition("from.domain", "in_list", (lists[Made.DOMAIN_LIST],)),
    }
    assert len(await place.world.client.rules()) == 1
    assert await done(place.set_up(actuators=WITH_DOMAINS)) == []


async def test_an_older_installation_is_given_the_list_and_keeps_who_is_stopped(place: Place) -> None:
    await done(place.set_up(actuators=(Actuator.BLOCK,)))
    await place.world.client.add_values(await place.list_id(), ["a@y.example"])
    before = await place.rule()

    steps = await done(place.set_up(actuators=WITH_DOMAINS))

    assert [step.split(" ")[0] for step in steps] == ["make", "mend"]
    after = await place.rule()
    assert (after.id, len(after.content.conditions), len(before.content.conditions)) == (before.id, 2, 1)
    assert [value async for value in place.world.client.values(await place.list_id())] == ["a@y.example"]


async def test_a_teardown_takes_the_list_back_and_another_setup_has_the_domain_ordered_again(place: Place) -> None:
    await done(place.set_up(actuators=WITH_DOMAINS))
    await place.world.client.add_values(await place.list_id(Made.DOMAIN_LIST), ["x.example"])
    await place.store.know("grant-1", "a@x.example")
    assert await sweep(place)() == ("x.example",)

    steps = await done(place.tear_down())
    assert "delete the list of stopped domains; 1 domain in it can send again" in steps
    circuit = await standing(place)
    assert circuit is not None
    assert (circuit.circuit.state, circuit.confirmed) == (State.STOPPED, False)

    await done(place.set_up(actuators=WITH_DOMAINS))
    await sweep(place)()
    rows = await place.store.pool.fetch("SELECT domain, kind FROM commands WHERE ended_at IS NULL")
    assert [tuple(row) for row in rows] == [("x.example", "block_domain")]


async def test_what_is_listed_and_unknown_is_adopted_once(place: Place) -> None:
    await done(place.set_up(actuators=WITH_DOMAINS))
    await place.world.client.add_values(await place.list_id(Made.DOMAIN_LIST), ["x.example"])
    await place.store.know("grant-1", "a@x.example")

    assert await sweep(place)() == ("x.example",)
    assert await sweep(place)() == ()
    circuit = await standing(place)
    assert circuit is not None
    assert (circuit.circuit.state, circuit.confirmed) == (State.STOPPED, True)


async def test_a_domain_that_was_just_let_go_is_not_adopted_from_an_old_answer(place: Place) -> None:
    await done(place.set_up(actuators=WITH_DOMAINS))
    await place.world.client.add_values(await place.list_id(Made.DOMAIN_LIST), ["x.example"])
    let_go = Circuit(State.SENDING, place.store.clock.now(), 2, None)
    await put(place, let_go)

    assert await sweep(place)() == ()

    await put(place, replace(let_go, since=place.store.clock.now() - JUST_LET_GO - 1))
    assert await sweep(place)() == ("x.example",)
