"""Examine: gather the facts of one application, from the platform and the database, and change nothing.

What can't be read on the platform is a fact of its own; the database's facts are gathered all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from breaker.domain.findings.facts import AccountFact, ApplicationFacts
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import Made
from breaker.flows.examine_platform import ReadPlatform
from breaker.flows.guarded_rules import GuardedRules
from breaker.ports import CredentialsRejectedError, GiveUpError, GoneError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from breaker.domain.drill import Drill, RuleScope
    from breaker.domain.findings.facts import DaemonFact, HeldFact, ObservedFact, SigningFact
    from breaker.flows.examine_platform import Configured
    from breaker.flows.fixtures import Names
    from breaker.ports import Backlog, FeedRecord, Inventory, Platform

_DAY = 86_400.0
_QUIET = 1_800.0
"""Seconds of silence that are worth asking the platform about."""
_ON_ITS_WAY = 120.0
"""Seconds that a notification may be under way."""
_HELD_BY = ((Made.LIST, "stopped", Actuator.BLOCK), (Made.LIMIT_LIST, "limited", Actuator.LIMIT))
_OUTCOMES = frozenset(f"message.{family}{kind}" for family in ("", "transactional.") for kind in OutcomeKind)


class Records(Protocol):
    """The database's facts."""

    async def time(self) -> float:
        """Return the database's time, Unix seconds."""
        ...

    async def daemons(self, application_id: str | None) -> Sequence[DaemonFact]:
        """Return the daemons that told of themselves within a day, as far as they guard an application."""
        ...

    async def signings(self, application_id: str) -> Sequence[SigningFact]:
        """Return how an application's notifications were signed."""
        ...

    async def unverified(self, application_id: str) -> Sequence[str]:
        """Return the sending domains that were refused as not verified, and not heard of since."""
        ...

    async def held(self, application_id: str) -> Sequence[HeldFact]:
        """Return the accounts that are not simply sending, or away from home."""
        ...

    async def taken_out(self, application_id: str) -> Sequence[str]:
        """Return accounts and domains that somebody else took out of what held them, and that are left to people."""
        ...

    async def leaking(self, application_id: str, since: float) -> Sequence[str]:
        """Return stopped accounts of which mail left since a moment though the platform was read back by then."""
        ...

    async def free_among(self, application_id: str, grant_ids: Sequence[str]) -> frozenset[str]:
        """Return those of some grants whose accounts can send, as the platform was read back."""
        ...

    async def observed(self, application_id: str, now: float) -> Sequence[ObservedFact]:
        """Return where people set the mode observe."""
        ...

    async def hold(self, now: float) -> str | None:
        """Return who holds all automatic changes back, and why."""
        ...


class FeedReader(Protocol):
    """What daemons heard."""

    async def read(self, now: float) -> Mapping[str, FeedRecord]:
        """Return what is known of every application that was ever listened to."""
        ...


class Drilled(Protocol):
    """What drills there were."""

    async def latest(self, application_id: str) -> Drill | None:
        """Return the latest drill of an application that was begun."""
        ...

    async def rule_scope(self, application_id: str) -> tuple[RuleScope, float] | None:
        """Return where rules hold, as it was found out last, and when that was."""
        ...


class Backlogs(Protocol):
    """What is not yet confirmed."""

    async def backlog(self) -> Sequence[Backlog]:
        """Return it, of all applications."""
        ...


@dataclass(slots=True, kw_only=True)
class Examine:
    """Examines one application.

    Args:
        configured: What the configuration says of it.
        names: Names the things of an installation.
        platform: The application on the platform; None where no API key is known.
        inventory: What Breaker made there.
        records: The database's facts.
        feed: What daemons heard.
        backlogs: What is not yet confirmed.
        drills: What drills there were.
        now: The time here.
        platform_ahead: Seconds that the platform's clock was seen ahead of ours, or None.
        reading: Told how many accounts were read.
    """

    configured: Configured
    names: Callable[[str], Names]
    platform: Platform | None
    inventory: Inventory
    records: Records
    feed: FeedReader
    backlogs: Backlogs
    drills: Drilled
    now: Callable[[], float]
    platform_ahead: Callable[[], float | None]
    reading: Callable[[int], None]
    _problem: tuple[str, str] | None = field(init=False, default=None)

    async def __call__(self) -> ApplicationFacts:
        """Gather the facts.

        Raises:
            StoreError: The database could not be read.
        """
        number = await self._application_id()
        facts = await self._of_database(number)
        if number is not None and self.platform is not None and self._problem is None:
            try:
                facts = await self._of_platform(facts, self.platform, number)
            except PlatformError as error:
                self._problem = _told(error)
        if self._problem is not None:
            kind, sentence = self._problem
            facts = replace(facts, api_problem=kind, api_sentence=sentence)
        return facts

    async def _application_id(self) -> str | None:
        configured = self.configured.application_id
        if self.platform is None:
            self._problem = ("no_api_key", "no API key is known here, so that nothing can be stopped, nor be examined")
            return configured
        try:
            number = await self.platform.application_id()
        except PlatformError as error:
            self._problem = _told(error)
            return configured
        if configured not in {None, number}:
            sentence = f"the API key belongs to the application {number}, and {configured} is configured"
            self._problem = ("other_application", sentence)
            return configured
        return number

    async def _of_database(self, number: str | None) -> ApplicationFacts:
        before = self.now()
        database = await self.records.time()
        now = self.now()
        facts = ApplicationFacts(
            id=number,
            now=now,
            api_url=self.configured.api_url,
            installation=self.configured.installation or number or "",
            database_ahead=database - (before + now) / 2,
            daemons=tuple(await self.records.daemons(number)),
            enforcing=self.configured.enforcing,
            hold=await self.records.hold(now),
        )
        if number is None:
            return facts
        scope = await self.drills.rule_scope(number)
        facts = replace(
            facts,
            drilled=number in (self.configured.drilled or ()),
            canary_unknown=self.configured.drilled is None,
            nightly_drill=self.configured.nightly_drill,
            drill=await self.drills.latest(number),
            rule_scope=scope[0] if scope else None,
        )
        record = (await self.feed.read(now)).get(number)
        oldest = [one.oldest_at for one in await self.backlogs.backlog() if one.application_id == number]
        return replace(
            facts,
            secret_known=self.configured.secret_known(number),
            signing=tuple(await self.records.signings(number)),
            unverified=tuple(await self.records.unverified(number)),
            taken_out=tuple(await self.records.taken_out(number)),
            leaking=tuple(await self.records.leaking(number, now - _DAY)),
            observed=tuple(
                one for one in await self.records.observed(number, now) if self.configured.enforces(one.selector)
            ),
            blind=record.gap.why if record and record.gap else None,
            stuck=now - min(oldest) if oldest else None,
        )

    async def _of_platform(self, facts: ApplicationFacts, platform: Platform, number: str) -> ApplicationFacts:
        names = self.names(facts.installation)
        rules = await GuardedRules.read(platform, self.inventory, number, names)
        webhooks = await platform.webhooks()
        held = await self.records.held(number)
        read = ReadPlatform(
            configured=self.configured,
            rules=rules,
            webhooks=webhooks,
            inventory=await self.inventory.items(number),
            held={one.grant_id: one for one in held},
        )
        count = 0
        async for grant in platform.grants():
            count += 1
            self.reading(count)
            read.take(grant)
        facts = read.complete(facts)
        return replace(
            facts,
            in_quarantine=await self._in_quarantine(read, number),
            not_listed=await self._not_listed(platform, rules, held, number),
            silent_since=await self._silent_since(platform, number),
            platform_ahead=self.platform_ahead(),
        )

    async def _in_quarantine(self, read: ReadPlatform, number: str) -> tuple[AccountFact, ...]:
        """Return who is in quarantine and free by all that is known; where nobody knows the account, it is adopted."""
        free = await self.records.free_among(number, [one.id for one in read.in_quarantine])
        return tuple(one for one in read.in_quarantine if one.id in free)

    async def _not_listed(
        self, platform: Platform, rules: GuardedRules, held: Sequence[HeldFact], number: str
    ) -> tuple[AccountFact, ...]:
        """Return who is shown as held, and not in the list; read before and after, since daemons go on meanwhile."""
        missing: dict[str, AccountFact] = {}
        for made, wanted, actuator in _HELD_BY:
            known = rules.list_of(made)
            should = {
                one.address: one
                for one in held
                if one.address and one.confirmed == wanted and actuator in self.configured.actuators_of(one.home)
            }
            if known is None or not should:
                continue
            listed = {value.lower() async for value in platform.values(known.id)}
            missing |= {
                one.grant_id: AccountFact(one.grant_id, address, known.id)
                for address, one in should.items()
                if address not in listed
            }
        if not missing:
            return ()
        still = {(one.grant_id, one.confirmed) for one in await self.records.held(number)}
        before = {one.grant_id: one.confirmed for one in held}
        return tuple(fact for grant_id, fact in missing.items() if (grant_id, before[grant_id]) in still)

    async def _silent_since(self, platform: Platform, number: str) -> float | None:
        """Return since when nothing was heard though the platform delivered; None where it can't be asked either."""
        now = self.now()
        record = (await self.feed.read(now)).get(number)
        if record is None:
            return None
        heard = max((at for trigger, at in record.last_at.items() if trigger in _OUTCOMES), default=0.0)
        since = max(heard, record.listening_since, now - _DAY) + _ON_ITS_WAY
        if now - since < _QUIET:
            return None
        try:
            delivered = await platform.delivered_within(since, now - _ON_ITS_WAY)
        except (GiveUpError, GoneError):
            return None  # a platform that has no such API says nothing about the feed
        return since - _ON_ITS_WAY if delivered else None


def _told(error: PlatformError) -> tuple[str, str]:
    if isinstance(error, CredentialsRejectedError):
        return "key_rejected", f"the platform does not accept the API key, so that nothing can be stopped: {error}"
    return "platform_unreadable", f"the platform could not be read: {error}"
