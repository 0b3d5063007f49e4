"""The gate: whether an account may send now, answered from memory.

A team's own send path asks before each send, so that it obeys at once, whatever the platform does. What it is told:

  1. `allow` follows what is wanted of the platform for the account, and that follows applied verdicts only. Nobody is
     denied for a verdict that is held, so in mode `observe` the gate stops nobody but whom a person stopped.
  2. Where a reply is asked about, a limited account may send; it may not begin a conversation.
  3. A sending domain that is stopped stops all of its accounts. While it is probed, that one alone may send whose
     round is open, if nothing speaks against itself.
  4. Only who is not plainly sending is kept in memory. Of everybody else nothing is known that speaks against a send,
     and nothing more is said: an account that Breaker has never heard of may send like one that it has.
  5. One address may be known in several applications. Where the question names none, the strictest answer holds.
  6. It fails static. What was known last holds while the database can't be reached, and the answer says so. A database
     that was replaced, or put back to an earlier state, lets nobody go who was denied before: not until it tells of the
     account.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import WANTED, State, Wanted
from breaker.domain.platform.platform_standing import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from breaker.domain.detectors.detectors import Signal
    from breaker.domain.platform.platform_standing import SendRefusal

STALE_AFTER = 5.0
"""Seconds without contact with the database after which an answer says so: ten looks that came to nothing."""

ASK_AGAIN = 300.0
"""Seconds after which to ask again about what lasts until a cool-down or a person ends it; a person may at any time."""

ASK_AGAIN_SOON = 30.0
"""The same of an account that is being probed, whose rounds open without notice."""


class SendKind(StrEnum):
    """What the account is about to send, in the platform's words (`outbound.type`)."""

    COMPOSE = "compose"
    REPLY = "reply"


class Held(NamedTuple):
    """An account that is not plainly sending.

    Args:
        key: Breaker's own number of the account.
        application_id: The platform's id of the application.
        grant_id: The grant, or None.
        address: The address, lower case, or None.
        state: What is done about it.
        wanted: What the platform should do with its sends.
        since: Since when the state lasts, Unix seconds.
        until: When it may change by itself, Unix seconds, or None where that is not known.
        detector: What led to the state, or None.
        signal: The rate that led to it, or None.
        platform: What the platform itself did to it, or None: its sends may be refused there whatever the answer here.
    """

    key: int
    application_id: str
    grant_id: str | None
    address: str | None
    state: State
    wanted: Wanted
    since: float
    until: float | None = None
    detector: str | None = None
    signal: Signal | None = None
    platform: SendRefusal | None = None

    @property
    def plain(self) -> bool:
        """Whether there is nothing to keep of it."""
        return self.state is State.SENDING and self.wanted is Wanted.SENDING and self.platform is None

    @property
    def names(self) -> Iterator[str]:
        """What it is asked about by."""
        return (name for name in (self.grant_id, self.address) if name is not None)


class HeldDomain(NamedTuple):
    """A sending domain that is stopped, or probed by one of its accounts.

    Args:
        application_id: The platform's id of the application.
        name: The domain.
        since: Since when, Unix seconds.
        cause: What it failed by, or None.
        grants: The hashes of its accounts' grant ids, in ascending order.
        state: What is done about it.
        let_go: The names of the account that may send all the same; none outside of a round.
    """

    application_id: str
    name: str
    since: float
    cause: str | None
    grants: Sequence[int]
    state: State = State.STOPPED
    let_go: frozenset[str] = frozenset()

    @classmethod
    def of(cls, application_id: str, name: str, since: float, cause: str | None, grants: Iterable[str]) -> HeldDomain:
        """Return a domain with its accounts' grants, of which 64 bits each are kept: there may be very many."""
        return cls(application_id, name, since, cause, array("q", sorted(map(hash, grants))))

    def has(self, name: str) -> bool:
        """Tell whether an account, by address or grant, is of the domain."""
        if "@" in name:
            return name.rpartition("@")[2] == self.name
        wanted = hash(name)
        place = bisect_left(self.grants, wanted)
        return place < len(self.grants) and self.grants[place] == wanted


class Answer(NamedTuple):
    """What a send path is told.

    Args:
        allow: Whether the account may send now.
        state: What is done about it, its domain's state included.
        reason: A sentence that says why.
        retry_after: Seconds after which to ask again, or None where it may send.
    """

    allow: bool
    state: State
    reason: str
    retry_after: float | None


class GateMemory:
    """Who is not plainly sending, by every name."""

    def __init__(self) -> None:
        """Know of nobody."""
        self._held: dict[int, Held] = {}
        self._by_name: dict[str, tuple[int, ...]] = {}
        self._domains: Sequence[HeldDomain] = ()
        self._lost: dict[str, dict[str, Held]] = {}
        self._lost_domains: dict[tuple[str, str], HeldDomain] = {}

    def __len__(self) -> int:
        """Return how many accounts are kept."""
        return len(self._held) + len({one for lost in self._lost.values() for one in lost.values()})

    def replace(self, held: Iterable[Held]) -> None:
        """Know of these accounts, and of no others."""
        self._held, self._by_name = {}, {}
        for one in held:
            self._put(one)

    def change(self, found: Mapping[int, Held | None]) -> None:
        """Take in what became of accounts, by number: those that are gone are None."""
        for key, one in found.items():
            self._drop(key)
            if one is not None:
                self._put(one)

    def stop_domains(self, domains: Sequence[HeldDomain]) -> None:
        """Know of these sending domains, and of no others."""
        self._domains = domains

    def let_go_of(self, application_id: str, domain: str) -> None:
        """Take in that a domain is told of anew, whatever was denied before its database was lost."""
        self._lost_domains.pop((application_id, domain), None)

    def distrust(self) -> None:
        """Keep denying whom it denies, though the database that said so is no more, and with it the numbers."""
        for one in self._held.values():
            if one.wanted is not Wanted.SENDING:
                for name in one.names:
                    self._lost.setdefault(name, {})[one.application_id] = one
        lost = (one._replace(let_go=frozenset()) for one in self._domains)
        self._lost_domains.update({(one.application_id, one.name): one for one in lost})
        self.replace(())
        self._domains = ()

    def answer(
        self, name: str, kind: SendKind, now: float, *, application_id: str | None = None, stale_for: float = 0.0
    ) -> Answer:
        """Answer whether an account may send now.

        Args:
            name: Its grant id, or its address in lower case.
            kind: What it is about to send.
            now: Unix seconds.
            application_id: The application meant, or None for whichever knows it.
            stale_for: Seconds since the database was last in contact.
        """
        answer = self._answer(name, kind, now, application_id)
        if stale_for <= STALE_AFTER:
            return answer
        stale = f" Breaker has not reached its database {_lasting(stale_for)}; this is what it knew last."
        return answer._replace(reason=answer.reason + stale)

    def _answer(self, name: str, kind: SendKind, now: float, application_id: str | None) -> Answer:
        stopped = self._domain_of(name, application_id)
        if stopped is not None and name not in stopped.let_go:
            cause = f" ({stopped.cause})" if stopped.cause else ""
            being = "being probed by one of its accounts" if stopped.state is State.PROBING else "stopped"
            reason = f"Its sending domain {stopped.name} is {being} {_lasting(now - stopped.since)}{cause}."
            return Answer(allow=False, state=stopped.state, reason=reason, retry_after=ASK_AGAIN)
        held = self._strictest(name, application_id)
        if stopped is not None and (held is None or held.wanted is Wanted.SENDING):
            reason = f"It may send, to probe its sending domain {stopped.name}, of which all others are held."
            return Answer(allow=True, state=stopped.state, reason=reason, retry_after=None)
        if held is None:
            return Answer(allow=True, state=State.SENDING, reason="Nothing is known against it.", retry_after=None)
        allow = held.wanted is Wanted.SENDING or (held.wanted is Wanted.LIMITED and kind is SendKind.REPLY)
        reason = f"It is {_STATES[held.state]} {_lasting(now - held.since)}{_cause(held)}{_MAY[held.wanted]}."
        if held.platform is not None:
            reason += f" {in_words(held.platform)}."
        return Answer(allow, held.state, reason, None if allow else _ask_again(held, now))

    def _domain_of(self, name: str, application_id: str | None) -> HeldDomain | None:
        for one in (*self._domains, *self._lost_domains.values()):
            if application_id in {None, one.application_id} and one.has(name):
                return one
        return None

    def _strictest(self, name: str, application_id: str | None) -> Held | None:
        known = chain((self._held[key] for key in self._by_name.get(name, ())), self._lost.get(name, {}).values())
        meant = (one for one in known if application_id in {None, one.application_id})
        return max(meant, key=lambda one: _STRICTNESS[one.wanted], default=None)

    def _put(self, one: Held) -> None:
        for name in one.names:
            if name in self._lost:
                self._lost[name].pop(one.application_id, None)
        if one.plain:
            return
        self._held[one.key] = one
        for name in one.names:
            self._by_name[name] = (*self._by_name.get(name, ()), one.key)

    def _drop(self, key: int) -> None:
        one = self._held.pop(key, None)
        for name in one.names if one else ():
            others = tuple(other for other in self._by_name[name] if other != key)
            if others:
                self._by_name[name] = others
            else:
                del self._by_name[name]


def wanted_of(state: State, permitted: Wanted | None = None) -> Wanted:
    """Return what the platform should do with the sends of an account: as its probe permits, else as its state says."""
    return permitted or WANTED[state]


_STRICTNESS = {Wanted.SENDING: 0, Wanted.LIMITED: 1, Wanted.STOPPED: 2}

_STATES = {
    State.SENDING: "sending",
    State.WARNED: "warned",
    State.LIMITED: "limited",
    State.STOPPED: "stopped",
    State.PROBING: "being probed",
}

_MAY = {
    Wanted.SENDING: ", and may send",
    Wanted.LIMITED: ": it may reply, and begin no conversation",
    Wanted.STOPPED: "",
}

_BY = {"operator": "by a person", "platform": "as found on the platform"}


def _cause(held: Held) -> str:
    by = _BY.get(held.detector or "", f"by the detector {held.detector}" if held.detector else "")
    what = f"for {held.signal}s" if held.signal else ""
    said = ", ".join(part for part in (what, by) if part)
    return f" ({said})" if said else ""


def _ask_again(held: Held, now: float) -> float:
    longest = ASK_AGAIN_SOON if held.state is State.PROBING else ASK_AGAIN
    return longest if held.until is None else min(longest, max(1.0, float(round(held.until - now))))


def _lasting(seconds: float) -> str:
    """Say how long something has lasted."""
    for unit, name in ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")):
        if seconds >= unit:
            number = int(seconds // unit)
            return f"for {number} {name}{'s' if number > 1 else ''}"
    number = max(0, int(seconds))
    return f"for {number} second{'' if number == 1 else 's'}"
