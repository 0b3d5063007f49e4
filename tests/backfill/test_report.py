"""What would have been stopped, whether the counts hold, and what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.app import fleet_report
from breaker.cli.report import fleet_report_as_json
from breaker.config import load
from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.guard import Limits
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.readiness import Asked, GuardForeseen, foresee_guard, worst_of_each
from breaker.domain.windows.comparison import Compared, Counts, compared
from breaker.flows.designs import Made
from breaker.ports import InventoryItem
from tests.backfill.past import DAY, Past, WorldClock, untold
from tests.counting.daemons import SIMPLE, daemon
from tests.simulator.client import World

if TYPE_CHECKING:
    from pathlib import Path

BAD, GOOD = "bad@agents.example.com", "good@agents.example.com"


async def _lived(world: World) -> Past:
    """Ten days in which one account is good, and in the last of which the other one turns bad."""
    past = Past(world, WorldClock(world))
    application = world.application
    good, bad = application.add_grant(GOOD), application.add_grant(BAD)
    for day in range(10):
        for number in range(3):
            message = application.send(good.id, [f"g-{day}-{number}@y.example"])
            await world.clock.advance(60)
            past.say(application.deliver(message))
        await world.clock.advance(DAY - 180)
    for number in range(25):
        message = application.send(bad.id, [f"b-{number}@y.example"])
        await world.clock.advance(60)
        past.say(application.bounce(message) if number % 4 == 0 else application.deliver(message))
    await world.clock.advance(60)
    return past


async def _report(past: Past, database_url: str, folder: Path) -> dict[str, Any]:
    flags = {
        "data_dir": folder,
        "database_url": database_url,
        "nylas_api_key": past.world.client.api_key,
        "nylas_api_url": past.world.base_url,
    }
    made = await fleet_report(load(None, flags, {}), lambda now: now - 7 * DAY, clock=past.clock)
    return fleet_report_as_json(made)


async def test_a_report_on_a_fleet_that_is_ready_as_a_whole(database_url: str, tmp_path: Path) -> None:
    async with World.open(requests_per_second=100_000) as world, daemon(database_url, profile=SIMPLE) as one:
        past = await _lived(world)
        await past.backfill(one)(past.span, untold)
        rule = InventoryItem(Made.RULE, "rule-1", {}, past.clock.now())
        await PostgresInventory(one.pool).add("app-1", rule)
        given = await one.pool.fetchrow("SELECT id, at, why FROM verdicts")

        made = await _report(past, database_url, tmp_path)

        now, grant = past.clock.now(), world.application.grants.sender(BAD).id
        everything = {"delivered": 18, "bounced": 7, "complaints": 0}
        of_the_good = {"delivered": 18, "bounced": 0, "complaints": 0}
        assert made == {
            "since": now - 7 * DAY,
            "until": now,
            "active_accounts": 2,
            "verdicts": 1,
            "asked": [
                {
                    "id": given["id"],
                    "account": grant,
                    "address": BAD,
                    "application_id": "app-1",
                    "at": given["at"],
                    "to": "stopped",
                    "applied": False,
                    "held_by": "observe",
                    "detector": "four",
                    "signal": "bounce",
                    "count": 7,
                    "of": 25,
                    "rate": 0.28,
                    "cause": "unknown_user 5.1.1",
                    "why": given["why"],
                }
            ],
            "guard": {"stops": 1, "held": []},
            "applications": [
                {
                    "application_id": "app-1",
                    "set_up": True,
                    "history_from": float(past.span.begins_at),
                    "counts": {
                        "since": int(-(-(now - 7 * DAY) // DAY) * DAY),
                        "difference_ratio": 0.0,
                        "accounts": [
                            {"account": BAD, "ours": everything, "platform": everything, "difference_ratio": 0.0},
                            {"account": GOOD, "ours": of_the_good, "platform": of_the_good, "difference_ratio": 0.0},
                        ],
                    },
                    "not_compared": None,
                    "blind_since": None,
                    "undecoded": 0,
                }
            ],
            "over_line": [],
            "false_stops": [],
            "ready": True,
            "open": [],
            "next": 'breaker mode SELECTOR enforce --reason "…"',
        }


async def test_what_is_open_is_said_with_what_to_type_next(database_url: str, tmp_path: Path) -> None:
    async with World.open(requests_per_second=100_000) as world, daemon(database_url, profile=SIMPLE) as one:
        past = await _lived(world)
        await past.hear(one, past.events()[-20::2])

        made = await _report(past, database_url, tmp_path)

    assert [(point["name"], point["next"]) for point in made["open"]] == [
        ("not_set_up", "breaker setup"),
        ("short_history", "breaker backfill --since 90d --application app-1"),
        ("counts_differ", "breaker backfill --since 7d --again --application app-1"),
    ]
    assert (made["ready"], made["next"]) == (False, "breaker setup")


def test_counts_are_put_beside_each_other_and_what_is_left_over_is_the_others() -> None:
    ours = {"a@x": Counts(90, 10, 1), "b@x": Counts(50, 0, 0)}
    platform = {"a@x": Counts(100, 10, 1), "b@x": Counts(50, 0, 0), "(others)": Counts(20, 5, 0)}

    rows = compared(ours, Counts(160, 15, 1), platform)

    assert rows == [
        Compared("a@x", Counts(90, 10, 1), Counts(100, 10, 1)),
        Compared("(others)", Counts(20, 5, 0), Counts(20, 5, 0)),
        Compared("b@x", Counts(50, 0, 0), Counts(50, 0, 0)),
    ]
    assert [row.difference_ratio for row in rows] == [10 / 111, 0.0, 0.0]
    assert Compared("c@x", Counts(1, 0, 0), Counts()).difference_ratio == 1.0
    assert Compared("c@x", Counts(), Counts()).difference_ratio is None


def _asked(number: int, account: str, at: float, to: State = State.STOPPED, domain: str = "x.example") -> Asked:
    return Asked(
        id=number,
        account=account,
        address=f"{account}@{domain}",
        application_id="app-1",
        groups=(f"domain:{domain}",),
        at=at,
        to=to,
        detector="level",
        signal=Signal.BOUNCE,
        count=9,
        of=100,
        rate=0.09,
        cause=None,
        held_by=HeldBy.OBSERVE,
        why="9 of 100",
    )


def test_the_guard_is_foreseen_by_its_three_limits_each_account_once() -> None:
    limits = Limits(window=600.0, in_window=(2, 0.0), in_all=(4, 0.0), in_group=(3, 0.0))
    asked = [
        _asked(1, "a", 0.0),
        _asked(2, "a", 10.0),
        _asked(3, "b", 20.0),
        _asked(4, "c", 30.0),  # the third within ten minutes
        _asked(5, "d", 1_000.0),
        _asked(6, "e", 1_100.0),  # the fourth of its domain
        _asked(7, "f", 2_000.0, domain="y.example"),
        _asked(8, "g", 3_000.0, domain="z.example"),  # the fifth in all
        _asked(9, "h", 4_000.0, State.LIMITED),
    ]

    found = foresee_guard(asked, limits, 10, {})

    assert found == GuardForeseen(7, [asked[3], asked[5], asked[7]])


def test_of_each_account_the_severest_step_is_told_and_of_several_the_latest() -> None:
    limited, stopped, again = _asked(1, "a", 0.0, State.LIMITED), _asked(2, "b", 1.0), _asked(3, "b", 2.0)
    milder = _asked(4, "b", 3.0, State.LIMITED)

    assert worst_of_each([limited, stopped, again, milder]) == [again, limited]
