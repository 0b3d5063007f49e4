"""Read the platform's receipts of refused sends, of the accounts that are held: it refuses them in Breaker's name.

They say how many sends were refused meanwhile, and whether one was refused since rules could not be evaluated. Receipts
can only be read grant by grant, so some accounts are read at a time, those that were read longest ago first, and with
the urgency of a sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.domain.platform.platform_standing import Example, SendRefusal, Source
from breaker.flows.designs import RULES, Made
from breaker.flows.fixtures import known_fixtures
from breaker.ports import GoneError, Refused, Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from breaker.flows.lease import Lease
    from breaker.ports import Clock, Evaluation, Inventory, Platform, PlatformStandings, Unread

ACCOUNTS = 20
"""Accounts read at a time: a third of a request a second where that is done once a minute."""

_RECEIPTS = 200
_DAY = 86_400.0
_OUTBOUND = "outbound_send"


class Told(Protocol):
    """Who is told of it."""

    def send_refused(self, refusal: SendRefusal) -> None:
        """A refused send was told of."""
        ...

    def send_suppressed(self) -> None:
        """A send was refused for its recipient, who is suppressed."""
        ...


class ReadEvaluations:
    """The flow: each call reads the receipts of some accounts of one application.

    Args:
        application_id: The application.
        platform: The application on the platform.
        standings: How far they were read.
        note: Takes in refused sends.
        lease: The right to read; one daemon at a time needs it.
        clock: The time.
        told: Who is told.
        inventory: What Breaker has made on the platform.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, wired once
        self,
        application_id: str,
        platform: Platform,
        standings: PlatformStandings,
        note: Callable[[Sequence[Refused]], Awaitable[object]],
        lease: Lease,
        clock: Clock,
        told: Told,
        inventory: Inventory,
    ) -> None:
        """Wire the parts."""
        self._application_id = application_id
        self._platform = platform.at(Urgency.SWEEP)
        self._standings = standings
        self._note = note
        self._lease = lease
        self._clock = clock
        self._told = told
        self._inventory = inventory

    async def __call__(self) -> int:
        """Read once; return how many refused sends were new.

        Raises:
            StoreError: The database can't be used.
            PlatformError: The platform can't be asked; what was read before it is known.
        """
        if not await self._lease.ensure():
            return 0
        unread = await self._standings.unread(self._application_id, ACCOUNTS)
        if not unread:
            return 0
        made = (await known_fixtures(self._inventory, self._application_id)).ids
        return sum([await self._read(one, made) for one in unread])

    async def _read(self, one: Unread, made: Mapping[Made, str]) -> int:
        now = self._clock.now()
        grant_id = one.account.grant_id
        if grant_id is None:
            return 0
        # Of an account that was never read, only what is of the last day is news.
        since = max(one.until, now - _DAY)
        try:
            receipts = await self._platform.evaluations(grant_id, _RECEIPTS)
        except GoneError:
            receipts = []
        # Of the last second there may be more to come.
        fresh = [each for each in receipts if each.stage == _OUTBOUND and since < each.evaluated_at <= now - 1]
        failed = [each.evaluated_at for each in fresh if each.failed]
        # What was refused for its recipient alone says nothing of the account.
        by_rules = [each for each in fresh if each.blocked and not each.failed]
        blocked = [each.evaluated_at for each in by_rules if not _for_its_recipient(each, made)]
        for _ in range(len(by_rules) - len(blocked)):
            self._told.send_suppressed()
        for _ in blocked:
            self._told.send_refused(SendRefusal.BLOCKED_BY_RULE)
        if failed:
            example = Example(503, "", "blocked_by_evaluation_error", max(failed))
            refused = Refused(self._application_id, grant_id, SendRefusal.EVALUATION_FAILED, example, Source.EVALUATION)
            await self._note([refused])
        latest = max([*blocked, *failed], default=None)
        until = max((each.evaluated_at for each in fresh), default=since)
        await self._standings.read(one.account.key, until, len(blocked) + len(failed), latest, now)
        return len(blocked) + len(failed)


def _for_its_recipient(receipt: Evaluation, made: Mapping[Made, str]) -> bool:
    """Tell whether a send was refused since its recipient is suppressed, and not for its account."""
    suppression = made.get(Made.SUPPRESSION_RULE)
    stops = {number for kind, number in made.items() if kind in RULES} - {suppression}
    return suppression in receipt.rule_ids and stops.isdisjoint(receipt.rule_ids)
