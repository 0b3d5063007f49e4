"""Accounts of one batch, each judged by its own profile."""

from __future__ import annotations

from dataclasses import replace

from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.profiles.profiles import Assigned, Claim, Kind, Profiles
from tests.counting.daemons import NOBODY, SIMPLE, daemon, event

LIMITED = replace(SIMPLE, name="limited", strongest={Signal.BOUNCE: State.LIMITED})
PROFILES = Profiles(
    NOBODY,
    (
        Assigned(SIMPLE, (Claim(Kind.ACCOUNT, "stop-*@agents.example"),)),
        Assigned(LIMITED, (Claim(Kind.DOMAIN, "replies.example"),)),
    ),
)
SENDERS = {"g-1": "stop-1@agents.example", "g-2": "b@agents.example", "g-3": "c@replies.example"}


async def test_each_account_of_a_batch_is_judged_by_its_own_profile(database_url: str) -> None:
    events = [
        event(kind, f"{grant}-{number}", grant=grant, sender=sender)
        for number in range(20)
        for grant, sender in SENDERS.items()
        for kind in (OutcomeKind.BOUNCED if number > 9 else OutcomeKind.DELIVERED,)
    ]
    async with daemon(database_url, mode=Mode.ENFORCE, profile=PROFILES) as one:
        report = await one.take(*events)

        states = {grant: (await one.row(grant=grant))["state"] for grant in SENDERS}
        contexts = await one.pool.fetch("SELECT context->>'profile' FROM verdicts ORDER BY id")

    assert states == {"g-1": "stopped", "g-2": "sending", "g-3": "limited"}
    assert [(given.account.grant_id, given.verdict.to) for given in report.given] == [
        ("g-1", State.STOPPED),
        ("g-3", State.LIMITED),
    ]
    assert [name for (name,) in contexts] == ["simple", "limited"]
