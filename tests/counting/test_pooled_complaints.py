"""Complaints of neighbours, on a real database."""

from __future__ import annotations

from breaker.domain.circuits.circuit import Mode
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.pooled import Group, GroupCount, GroupKind
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import WindowSizes
from tests.counting.daemons import APPLICATION, DAY, NOW, Daemon, daemon, event

DELIVERED, COMPLAINT = OutcomeKind.DELIVERED, OutcomeKind.COMPLAINT
STANDARD = standard_profile(Budget(), WindowSizes((1_000,), (10_000,)), 0.8)
SIZES = WindowSizes((1_000,), (10_000,))


async def complain(one: Daemon, *numbers: int, sent_at: float = NOW - 100) -> None:
    """Let accounts of one domain draw a complaint each, of a send that was delivered."""
    for number in numbers:
        await one.take(
            event(COMPLAINT, f"c{number}-{sent_at}", grant=f"g{number}", sender=f"a{number}@d.example", sent_at=sent_at)
        )


async def state_of(one: Daemon, number: int) -> str:
    return str((await one.row(grant=f"g{number}"))["state"])


async def test_the_complaint_that_is_one_too_many_for_a_domain_limits_the_account_that_adds_it(
    database_url: str,
) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=STANDARD, sizes=SIZES) as one:
        await complain(one, *range(8))
        before = await state_of(one, 7)
        await one.evidence()
        await complain(one, 8)

        assert (before, await state_of(one, 8)) == ("sending", "limited")
        assert await state_of(one, 3) == "sending"
        verdict = await one.pool.fetchrow("SELECT * FROM verdicts")
        assert verdict["detector"] == "pooled"
        assert verdict["why"].startswith(
            "9 of 9 deliveries of domain d.example within 1 day drew complaints, with this one (100 %);"
        )
        assert '"group": "domain:d.example"' in verdict["context"]


async def test_what_a_group_did_is_told_by_span_and_by_member(database_url: str) -> None:
    async with daemon(database_url, sizes=SIZES) as one:
        await complain(one, 1, 2, 2)
        await complain(one, 1, sent_at=NOW - 2 * DAY)
        await complain(one, 3, sent_at=NOW - 20 * DAY)
        await one.take(event(DELIVERED, "fine", grant="g9", sender="a9@other.example"))
        keys = {number: str((await one.row(grant=f"g{number}"))["account"]) for number in (1, 2)}

        found = await one.evidence.counts.of_groups(NOW)

        domain = Group(APPLICATION, GroupKind.DOMAIN, "d.example")
        other = Group(APPLICATION, GroupKind.DOMAIN, "other.example")
        everybody = Group(APPLICATION, GroupKind.APPLICATION, APPLICATION)
        assert set(found) == {domain, other, everybody}
        assert list(found[domain]) == [
            GroupCount(1, 2, {keys[1]: 1, keys[2]: 1}),
            *(GroupCount(days, 3, {keys[1]: 2, keys[2]: 1}) for days in (3, 7, 14)),
        ]
        assert list(found[other]) == [GroupCount(days, 1, {}) for days in (1, 3, 7, 14)]
        assert found[everybody][0] == GroupCount(1, 3, {"d.example": 2})


async def test_complaints_from_before_a_reset_speak_against_nobody(database_url: str) -> None:
    async with daemon(database_url, sizes=SIZES) as one:
        await complain(one, 1, 2)
        reset = (await one.row(grant="g1"))["account"]
        await one.pool.execute(
            "INSERT INTO verdicts (application, account, at, from_state, to_state, detector, epoch, why, author)"
            " SELECT application, account, $2, 'limited', 'sending', 'operator', 1, 'Reset', 'kim'"
            " FROM accounts WHERE account = $1",
            reset,
            NOW - 50,
        )

        found = await one.evidence.counts.of_groups(NOW)

        [counted] = {len(one.complaints) for one in found[Group(APPLICATION, GroupKind.DOMAIN, "d.example")]}
        assert counted == 1
