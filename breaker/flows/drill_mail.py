"""The mail of a drill: sent as the canary until it is refused, or accepted, and looked up in the receipts of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.drill import ATTEMPTS, SendAnswer, Sent, sent
from breaker.ports import PlatformError

if TYPE_CHECKING:
    from breaker.domain.drill import Drill, Step
    from breaker.ports import Clock, Platform, SendPath

_TEXT = "This message was sent by a drill of Breaker, which tries that stopped accounts can't send."
_FINAL = frozenset({Sent.REFUSED_OTHERWISE, Sent.KEY_REJECTED, Sent.GONE})
_RECEIPTS = 20
_CLOCKS_APART = 30.0
"""Seconds by which a receipt may seem to be from before the send that it is of."""


@dataclass(frozen=True, slots=True)
class DrillMail:
    """Whose mail it is.

    Args:
        drill: The drill.
        grant_id: The canary's grant.
        recipient: Where it goes.
    """

    drill: Drill
    grant_id: str
    recipient: str


class Tried(NamedTuple):
    """What came of one step's sends.

    Args:
        became: What became of the last.
        answer: What the platform answered to it.
        accepted: How many of them were accepted.
    """

    became: Sent
    answer: SendAnswer
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrySending:
    """Sends as a canary.

    Args:
        send_path: How mail is sent.
        platform: The application on the platform, for its receipts.
        clock: The time.
    """

    send_path: SendPath
    platform: Platform
    clock: Clock

    async def __call__(
        self, mail: DrillMail, step: Step, until: Sent, seconds: float, *, attempts: int = ATTEMPTS
    ) -> Tried:
        """Send until it is refused, or accepted, so many times at most.

        Args:
            mail: Whose mail it is.
            step: The step that it is of.
            until: What it is to come to.
            seconds: How long the pauses between the attempts are together.
            attempts: How many there are at most; 1 where there are no pauses.
        """
        attempts = attempts if seconds > 0 else 1
        delay = seconds / 2 ** (attempts - 1)  # doubled each time, they make up the whole
        accepted, key = 0, 0
        while True:
            attempts -= 1
            answer = await self.send_path.send(
                mail.grant_id,
                mail.recipient,
                f"Breaker drill {mail.drill.number}",
                _TEXT,
                f"breaker-drill-{mail.drill.number}-{mail.drill.begun_at:.0f}-{step}-{key}",
            )
            became = sent(answer)
            accepted += became is Sent.ACCEPTED
            key += answer.status is not None  # what was not answered may have been taken: it is asked for again
            if became is until or became in _FINAL or attempts <= 0:
                return Tried(became, answer, accepted)
            await self.clock.sleep(delay)
            delay *= 2

    async def receipt(self, mail: DrillMail, ours: str | None, since: float) -> tuple[str | None, str]:
        """Return what is wrong by the platform's receipt of a refused send, or None, and what else it says.

        Args:
            mail: Whose mail it is.
            ours: Breaker's rule.
            since: When its step began, Unix seconds.
        """
        try:
            receipts = await self.platform.evaluations(mail.grant_id, _RECEIPTS)
        except PlatformError:
            return None, " The platform's receipt of it could not be read."
        latest = next((one for one in receipts if one.blocked and one.evaluated_at >= since - _CLOCKS_APART), None)
        if latest is None or not latest.rule_ids:
            return None, " There is no receipt of it yet."
        if ours not in latest.rule_ids:
            return f"Refused by another rule ({', '.join(latest.rule_ids)}), which says nothing of Breaker's.", ""
        return None, " The platform's receipt names Breaker's rule."
