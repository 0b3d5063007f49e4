"""Learn feedback: recipient domains that are seen to send complaint feedback are known for the whole fleet.

Complaint rates are also taken over deliveries to such domains alone, since the platform counts complaints against them
only. Those that are public knowledge are configured; a business that runs a feedback loop of its own is learnt from the
complaints that it sends: three of them, against two accounts, so that neither a stray report nor one angry recipient of
one account makes a domain one of them. What is learnt holds for sends that become known from then on, and a rate over
them is judged only once a full window of them is there (`breaker.domain.detectors.detectors.windows_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.domain.outcomes.feedback import ACCOUNTS, COMPLAINTS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.ports import Clock, Complaints

log = structlog.get_logger(__name__)


class FeedbackDomains:
    """The recipient domains known to send complaint feedback: those configured, and those learnt.

    Attributes:
        configured: Those configured.
        learnt: Those learnt.
    """

    __slots__ = ("configured", "learnt")

    def __init__(self, configured: Collection[str]) -> None:
        """Know those configured, and none learnt yet."""
        self.configured = frozenset(configured)
        self.learnt: frozenset[str] = frozenset()

    @property
    def sentence(self) -> str:
        """Say how many there are."""
        learnt = len(self.learnt - self.configured)
        return (
            f'Rates "with feedback" are over deliveries to the {len(self.configured) + learnt:,} recipient domains '
            f"known to send complaint feedback: {len(self.configured):,} configured, {learnt:,} learnt."
        )

    def __contains__(self, domain: object) -> bool:
        return domain in self.configured or domain in self.learnt


@dataclass(frozen=True, slots=True)
class LearnFeedback:
    """The flow: one call looks once.

    Args:
        complaints: What there is to learn from.
        known: What is learnt is put in here.
        clock: The time.
    """

    complaints: Complaints
    known: FeedbackDomains
    clock: Clock

    async def __call__(self) -> Sequence[str]:
        """Learn, and return the domains that this process did not know before.

        Raises:
            StoreError: What is kept can't be read; what was known stays known.
        """
        found = await self.complaints.learn(COMPLAINTS, ACCOUNTS, self.clock.now())
        learnt = frozenset(one.domain for one in found)
        new = sorted(learnt - self.known.learnt - self.known.configured)
        self.known.learnt = learnt
        if new:
            log.info("recipient domains send complaint feedback", domains=new[:20], number=len(new))
        return new
