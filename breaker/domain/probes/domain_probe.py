"""The probe of a sending domain: one of its accounts may send, in rounds, while all others of it stay stopped.

It goes the way of an account's probe (`domain.probes.probing`), cool-downs and questions to people included. Two
things differ: what it tests, and whom it lets go.

**What it tests.** Sends of which the recipient's server saw enough to judge the domain: those delivered, and those
refused for failed authentication or a blocklist. Other bounces say nothing, since an unknown recipient is refused
before the message with its signature is seen. A broken record is refused by every server that checks, for a fifth of
all recipients and mostly for far more; a healthy domain is not refused at all but for strays. So 20 % against 1 % is
tested, with an error of 1 % either way, in rounds of ten and cut off at 60:

    true share refused      0.05 %    0.2 %      1 %      5 %     20 %     34 %     60 %
    sends until it ends         30       31       34       42       13        6        3
    accepted                 100 %   99.97 %   98.2 %     51 %    0.2 %      0 %      0 %

A cause that refuses a twentieth of the mail or less, as a minor blocklist does, may pass. The domain fails again then,
and a second stop within a week asks a person.

**Whom it lets go.** The account that met most of the refusals, since its recipients' servers are those that check; of
those that met as many, the one that sent most in the day before; of those, the one that is known longest. It has to be
free itself: a stopped account's own trouble should not be mixed with the domain's. One that falls out during a round
(stopped by itself, its grant gone) ends that round, and the next one is another's; the sends so far go on counting,
since they tell of the domain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import State
from breaker.domain.probes.probe import ProbeRules, Words
from breaker.domain.probes.trial import Trial
from breaker.domain.statistics.sprt import Sprt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from breaker.domain.probes.probe import Probe

TRIAL = Trial(Sprt(p0=0.01, p1=0.20, alpha=0.01, beta=0.01), round_sends=10, most_sends=60)
"""The test, as above."""

WORDS = Words(
    bad="were refused for authentication or a blocklist",
    healthy="healthy domain",
    also="are",
    accepted="The domain is sending again with all of its accounts but those that are stopped by themselves.",
    deaf="the platform could not be told to let one of its accounts send; does `breaker doctor` find why?",
)

_CAN_SEND = (State.SENDING, State.WARNED)


def rules_for_domains(rules: ProbeRules) -> ProbeRules:
    """Return how sending domains come back: as accounts do, by another test."""
    return replace(rules, trial=TRIAL, words=WORDS, quota=None)


class Member(NamedTuple):
    """An account of a domain.

    Args:
        key: Breaker's number of the account.
        grant_id: The grant, or None where there is none any more.
        address: The address.
        state: What is done about the account itself.
        obeyed: Whether the platform was read back and does that.
        refused_there: Whether the platform itself has paused or restricted it.
        workspace_id: The workspace it was last seen in, or None.
        home_workspace_id: The workspace it belongs to while it is in quarantine, else None.
    """

    key: int
    grant_id: str | None
    address: str
    state: State
    obeyed: bool
    refused_there: bool = False
    workspace_id: str | None = None
    home_workspace_id: str | None = None

    @property
    def is_fit(self) -> bool:
        """Whether it may probe its domain."""
        return self.grant_id is not None and self.state in _CAN_SEND and self.obeyed and not self.refused_there


class Traffic(NamedTuple):
    """What an account sent around its domain's failure.

    Args:
        refused: Its sends of the domain's open interval that were refused for the domain.
        sends: Its sends of the day before the stop.
    """

    refused: int = 0
    sends: int = 0


@dataclass(frozen=True, slots=True)
class DomainProbe:
    """How far a domain has come.

    Args:
        probe: The probe, in which the domain stands in the account's place.
        account: Breaker's number of the account that may send in the round, or did in the last one; None before.
        cause: What the domain failed by, or None.
    """

    probe: Probe
    account: int | None = None
    cause: str | None = None


def choose(members: Iterable[tuple[Member, Traffic]]) -> tuple[Member, Traffic] | None:
    """Return the account that should probe its domain, or None where none can.

    Args:
        members: The accounts of the domain that may be let go in its place, with what they sent.
    """
    fit = [(member, traffic) for member, traffic in members if member.is_fit]
    return min(fit, key=_rank, default=None)


def stand_ins(members: Iterable[Member], probing: int) -> frozenset[str]:
    """Return the addresses that have to be held in the domain's place while an account of it may send.

    Args:
        members: All accounts of the domain.
        probing: The account that may send.
    """
    free = {one.address for one in members if one.key == probing}
    return frozenset(one.address for one in members) - free


def not_held(members: Collection[Member], probing: int | None, held: Collection[str]) -> frozenset[str]:
    """Return the addresses that nothing holds while an account of their domain may send: accounts that are new."""
    return stand_ins(members, -1 if probing is None else probing) - frozenset(held)


def _rank(one: tuple[Member, Traffic]) -> tuple[bool, int, int, int]:
    member, traffic = one
    return member.state is not State.SENDING, -traffic.refused, -traffic.sends, member.key
