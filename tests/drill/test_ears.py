"""What the webhook tells of a drill's mail, heard by whichever daemon it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.app.in_force import InForce
from breaker.app.nightly_drill import Ears
from breaker.domain.outcomes.outcomes import BounceClass, DeliveryEvent, OutcomeKind, Recipient
from tests.drill.rehearsal import ADDRESS
from tests.fleet import SteppingClock, settings_of
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drill.rehearsal import Rehearsal


def told(
    message_id: str, *, sender: str = ADDRESS, application: str = APPLICATION, kind: OutcomeKind = OutcomeKind.DELIVERED
) -> DeliveryEvent:
    bounce = BounceClass.UNKNOWN_RECIPIENT if kind is OutcomeKind.BOUNCED else None
    recipient = Recipient("success@simulator.amazonses.com", bounce)
    return DeliveryEvent(application, "grant", sender, message_id, 1, 1.0, kind, (recipient,), f"message.{kind}")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def ears(range_: Rehearsal, tmp_path: Path, clock: SteppingClock) -> Ears:
    said = {"drill.account": ADDRESS.upper(), "drill.recipient": "success@simulator.amazonses.com"}
    return Ears(APPLICATION, range_.drills, InForce(settings_of(tmp_path, **said)), clock)


async def test_an_event_that_comes_before_the_send_was_answered_is_not_lost(
    range_: Rehearsal, ears: Ears, clock: SteppingClock
) -> None:
    drill = await range_.drills.begin(range_.number, "ada", clock.now(), nightly=False)
    ears.hear(told("m-1"))
    await ears.tell()
    assert await range_.drills.heard(drill.number) is None
    await range_.drills.sent(drill.number, "m-1")

    await ears.tell()

    assert await range_.drills.heard(drill.number) == (OutcomeKind.DELIVERED, clock.now())


async def test_the_first_that_is_told_of_a_message_counts(range_: Rehearsal, ears: Ears, clock: SteppingClock) -> None:
    drill = await range_.drills.begin(range_.number, "ada", clock.now(), nightly=False)
    await range_.drills.sent(drill.number, "m-1")
    ears.hear(told("m-1", kind=OutcomeKind.BOUNCED))
    ears.hear(told("m-1"))

    await ears.tell()

    assert await range_.drills.heard(drill.number) == (OutcomeKind.BOUNCED, clock.now())


@pytest.mark.parametrize(
    "other", [told("m-1", sender="agent@x.example"), told("m-1", application="app-2"), told("m-2")]
)
async def test_what_is_of_others_is_not_heard_of(
    range_: Rehearsal, ears: Ears, clock: SteppingClock, other: DeliveryEvent
) -> None:
    drill = await range_.drills.begin(range_.number, "ada", clock.now(), nightly=False)
    await range_.drills.sent(drill.number, "m-1")
    ears.hear(other)

    await ears.tell()

    assert await range_.drills.heard(drill.number) is None


async def test_what_belongs_to_no_drill_is_forgotten_after_two_minutes(
    range_: Rehearsal, ears: Ears, clock: SteppingClock
) -> None:
    drill = await range_.drills.begin(range_.number, "ada", clock.now(), nightly=False)
    ears.hear(told("m-1"))
    clock.time += 121.0
    await ears.tell()
    await range_.drills.sent(drill.number, "m-1")

    await ears.tell()

    assert await range_.drills.heard(drill.number) is None
