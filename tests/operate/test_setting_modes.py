from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.modes import PostgresModes
from breaker.app import configured_modes
from breaker.domain.acts.acts import AccountEffect, Act, ActKind, Effect, RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.modes import Level
from breaker.domain.circuits.states import State
from breaker.ports import Account, ModeInForce
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from breaker.domain.acts.acts import Report
    from tests.fleet import Fleet


async def set_mode(known: Fleet, selector: str, mode: Mode | None, *, apply_pending: bool = False) -> Report:
    act = Act(ActKind.MODE, "trial", "ada", mode=mode, apply_pending=apply_pending)
    return await known.operations.operator.carry_out(act, [parse_selector(selector)])


async def mode_of(known: Fleet, key: int) -> tuple[Mode, Level]:
    row = await known.pool.fetchrow("SELECT coalesce(grant_id, address) FROM accounts WHERE account = $1", key)
    (standing,) = await known.operations.accounts.find(parse_selector(row[0]))
    return standing.mode, standing.mode_source


async def test_the_configuration_holds_while_nobody_says_otherwise(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")

    assert await mode_of(known, key) == (Mode.OBSERVE, Level.DAEMON)


@pytest.mark.parametrize(
    ("selector", "level"),
    [
        ("grant-1", Level.ACCOUNT),
        ("domain:x.example", Level.DOMAIN),
        ("workspace:home", Level.WORKSPACE),
        (f"application:{APPLICATION}", Level.APPLICATION),
        ("--all", Level.APPLICATION),
    ],
)
async def test_a_mode_holds_at_the_level_it_is_set_at(known: Fleet, selector: str, level: Level) -> None:
    key = await known.know("agent@x.example", "grant-1", workspace="home")

    await set_mode(known, selector, Mode.ENFORCE)

    assert await mode_of(known, key) == (Mode.ENFORCE, level)


async def test_a_group_s_mode_holds_for_accounts_to_come(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    await set_mode(known, "domain:x.example", Mode.ENFORCE)

    key = await known.know("later@x.example", "grant-2")

    assert await mode_of(known, key) == (Mode.ENFORCE, Level.DOMAIN)


async def test_a_setting_taken_away_leaves_the_next_one(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await set_mode(known, "domain:x.example", Mode.ENFORCE)
    await set_mode(known, "grant-1", Mode.OBSERVE)

    await set_mode(known, "grant-1", None)

    assert await mode_of(known, key) == (Mode.ENFORCE, Level.DOMAIN)


async def test_a_setting_ends_by_itself(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    act = Act(ActKind.MODE, "trial", "ada", mode=Mode.EXEMPT, lasts=3_600.0)
    await known.operations.operator.carry_out(act, [parse_selector("grant-1")])
    account = Account(key, APPLICATION, "grant-1", "agent@x.example")

    before = await known.operations.modes.in_force(account, known.clock.now())
    after = await known.operations.modes.in_force(account, known.clock.now() + 3_600.0)

    assert (before, after) == (ModeInForce(Mode.EXEMPT, "account"), ModeInForce(Mode.OBSERVE, "daemon"))


async def test_who_judges_sees_a_change_of_this_process_at_once(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    account = Account(key, APPLICATION, "grant-1", "agent@x.example")
    await known.operations.modes.in_force(account, known.clock.now())

    await set_mode(known, "domain:x.example", Mode.ENFORCE)

    assert await known.operations.modes.in_force(account, known.clock.now()) == ModeInForce(Mode.ENFORCE, "domain")


async def test_who_judges_elsewhere_sees_it_once_it_looks_again(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    account = Account(key, APPLICATION, "grant-1", "agent@x.example")
    elsewhere = PostgresModes(known.pool, configured_modes(known.settings))
    await elsewhere.in_force(account, known.clock.now())
    await set_mode(known, "grant-1", Mode.ENFORCE)

    await elsewhere.refresh(after=0.0)

    assert await elsewhere.in_force(account, known.clock.now()) == ModeInForce(Mode.ENFORCE, "account")


async def test_an_account_in_quarantine_keeps_the_mode_of_its_home(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1", workspace="quarantine", home="home")
    await set_mode(known, "workspace:home", Mode.ENFORCE)
    account = Account(key, APPLICATION, "grant-1", "agent@x.example", "quarantine", "home")

    assert await mode_of(known, key) == (Mode.ENFORCE, Level.WORKSPACE)
    assert await known.operations.modes.in_force(account, known.clock.now()) == ModeInForce(Mode.ENFORCE, "workspace")


async def test_an_account_s_mode_is_an_entry_of_its_audit_trail(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")

    await set_mode(known, "grant-1", Mode.ENFORCE)

    (entry,) = (await known.operations.trail.page([key])).items
    assert (entry.account, entry.before, entry.to, entry.author, entry.why) == (
        "grant-1",
        State.SENDING,
        State.SENDING,
        "ada",
        "Mode set to enforce by a person: trial",
    )


async def test_a_group_s_mode_is_one_entry_that_concerns_no_single_account(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")

    report = await set_mode(known, "domain:x.example", Mode.ENFORCE)

    (entry,) = (await known.operations.trail.page()).items
    assert report.settings == ["domain:x.example"]
    assert (entry.account, entry.scope, entry.before, entry.to, entry.why) == (
        None,
        "domain:x.example",
        None,
        None,
        "Mode of domain:x.example set to enforce by a person: trial",
    )


async def test_enforcing_stops_nobody_for_what_was_seen_before_but_lists_them(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")
    verdict = await known.suspend(key, State.STOPPED)

    report = await set_mode(known, "domain:x.example", Mode.ENFORCE)

    assert report.listed == [
        AccountEffect(
            "grant-1",
            "a@x.example",
            State.SENDING,
            State.SENDING,
            Effect.PENDING,
            f"Verdict {verdict} would have made it stopped.",
        )
    ]
    assert report.covered == 2
    assert await known.states() == {"a@x.example": "sending", "b@x.example": "sending"}


async def test_pending_verdicts_are_applied_where_a_person_says_so(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")
    verdict = await known.suspend(key, State.STOPPED, HeldBy.GUARD)

    report = await set_mode(known, "domain:x.example", Mode.ENFORCE, apply_pending=True)

    assert [(one.account, one.to, one.effect, one.detail) for one in report.listed] == [
        ("grant-1", State.STOPPED, Effect.CHANGED, f"Pending verdict {verdict} (stopped) applied by a person: trial")
    ]
    assert await known.states() == {"a@x.example": "stopped", "b@x.example": "sending"}
    assert await known.commands(key) == [("block", 1), ("quarantine", 1)]
    assert await known.pool.fetchval("SELECT count(*) FROM circuits WHERE pending_verdict IS NOT NULL") == 0


async def test_pending_verdicts_are_not_applied_by_observing(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")

    with pytest.raises(RefusedError, match="with the mode enforce only"):
        await set_mode(known, "grant-1", Mode.OBSERVE, apply_pending=True)
