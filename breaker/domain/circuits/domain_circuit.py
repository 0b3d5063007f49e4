"""The circuit breaker of a sending domain: several of its accounts refused for one shared cause are one failure.

A domain's DNS records and its reputation are shared by all of its accounts. Where they break, every account's mail is
refused for the same reason, and stopping the accounts one by one would be many pages for one trouble. So refusals
(`policy` bounces) for failed authentication or a blocklist are looked at by domain, over the last hour, all of:

  1. They are three or more of one text class (`domain.outcomes.causes`), and of several accounts: three, or both where
     the domain has two. One account's refusals are that account's.
  2. They are at two recipient domains or more: one company's gateway that misreads a domain is no failure of the
     domain. Failed authentication at one alone is believed where it makes a fifth of all that the domain sends, since
     some large provider may be the only one that checks; a blocklist never is.
  3. They are so many of the domain's sends that chance does not explain them: a healthy domain has so many with a
     probability of one in a million at most (the binomial's tail, with the refusals that are healthy for the class).

False alarms of a healthy domain. A look is taken when a refusal is counted, so a domain with n sends an hour, p of them
refused, is looked at n p times an hour at most, and each look alarms by chance with 1e-6 at most: 8,766 n p 1e-6 a
year. With all of 0.2 % refusals being for blocklists, working ten hours a day:

    sends an hour                    100     1,000    10,000
    refusals that alarm, of these      6        13        46
    false alarms a year, at most   0.0007     0.007      0.07

(the bound; what the whole numbers leave of 1e-6 and the rules on accounts and recipient domains make it smaller). For
authentication, 0.05 %, it is a quarter of that. A fleet of twelve domains of 1,000 sends an hour waits more than ten
years for one, beside one healthy account a week that the budget for accounts allows.

What happens then is decided by `decide`; the stop of a domain ends by the probe of one of its accounts
(`breaker.domain.probes.domain_probe`), or by a person. Sends from the first failing one on until then are the domain's
*interval*: their refusals are counted and shown, but say nothing against an account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.circuit import PENDING_LASTS, Circuit, HeldBy, Verdict
from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, WANTED, State, follow
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.causes import DOMAIN_WIDE, Bad, TextClass, text_class
from breaker.domain.statistics.beta import at_least

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DETECTOR = "domain"
"""The name of the detector in verdicts."""

CONFIRMED_WITHIN = 300.0
"""Seconds within which the platform has to show a domain's block; without it, nothing keeps its accounts from sending,
and they are judged by all of their bounces again."""

_FEWEST_ACCOUNTS = 2
_HEALTHY = {TextClass.AUTHENTICATION: 0.0005, TextClass.BLOCKLIST: 0.002}


@dataclass(frozen=True, slots=True)
class DomainLimits:
    """When a domain fails.

    Args:
        window: Seconds that are looked back over, by the time at which refusals were heard of.
        accounts: Accounts that must be refused; two where the domain has no more.
        refusals: Refusals that there must be.
        lone_share: The share of the domain's sends, a fraction, that must be refused where all refusals are of one
            recipient domain and for failed authentication.
        chance: The probability, at most, with which a healthy domain shows as many refusals.
        healthy: The share of sends, a fraction, that a healthy domain has refused, by text class.
    """

    window: float = 3_600.0
    accounts: int = 3
    refusals: int = 3
    lone_share: float = 0.2
    chance: float = 1e-6
    healthy: Mapping[TextClass, float] = field(default_factory=lambda: _HEALTHY)

    def describe(self) -> dict[str, object]:
        """Return them as they are stored with a verdict."""
        return {
            "window": self.window,
            "accounts": self.accounts,
            "refusals": self.refusals,
            "lone_share": self.lone_share,
            "chance": self.chance,
            "healthy": {str(name): rate for name, rate in self.healthy.items()},
        }


class Refusal(NamedTuple):
    """A send that was refused.

    Args:
        account: Breaker's number of the account.
        sent_at: When it was sent, Unix seconds.
        bad: The bounce.
    """

    account: int
    sent_at: int
    bad: Bad


@dataclass(frozen=True, slots=True)
class SharedRefusals:
    """Refusals of one domain for one cause, by enough accounts and recipients to be the domain's.

    Args:
        cause: Why.
        status: The enhanced status that most of them have, or None where none prevails.
        count: How many.
        accounts: Accounts refused.
        recipient_domains: Recipient domains that refused.
        first_at: When the first of these sends was sent, Unix seconds.
        text: What most servers said, addresses removed, or empty.
    """

    cause: TextClass
    status: str | None
    count: int
    accounts: int
    recipient_domains: int
    first_at: int
    text: str

    @property
    def name(self) -> str:
        """The cause as programs read it, such as `authentication 5.7.26`."""
        return f"{self.cause} {self.status}" if self.status else str(self.cause)


@dataclass(frozen=True, slots=True)
class Failure:
    """A domain that fails.

    Args:
        shared: The refusals.
        sends: The domain's sends that they were among.
        needed: Refusals from which on chance does not explain them.
        chance: The probability that was asked for.
    """

    shared: SharedRefusals
    sends: int
    needed: int
    chance: float


class Interval(NamedTuple):
    """The sends of a domain whose refusals are the domain's, and not its accounts'.

    Args:
        begins_at: When the first failing send was sent, Unix seconds.
        ends_at: When the domain was reset, or None while it is stopped.
    """

    begins_at: float
    ends_at: float | None

    def covers(self, sent_at: float) -> bool:
        """Tell whether a send of this moment is one of them."""
        return sent_at >= self.begins_at and (self.ends_at is None or sent_at < self.ends_at)


@dataclass(frozen=True, slots=True)
class DomainCircuit:
    """How a domain stands.

    Args:
        circuit: Its state, in the words of accounts: `sending`, `warned`, `stopped` or `probing`.
        confirmed: Whether the platform was read back and does what is wanted.
        restarted_at: Sends before this moment, Unix seconds, say nothing any more: when it was reset; 0 if never.
        intervals: Whose refusals are the domain's, the open one included.
    """

    circuit: Circuit = field(default_factory=Circuit)
    confirmed: bool = True
    restarted_at: float = 0.0
    intervals: tuple[Interval, ...] = ()

    def left_out(self, now: float) -> tuple[Interval, ...]:
        """Return the intervals whose refusals are left out when the domain's accounts are judged.

        That of a stop which the platform does not show is none for long: nothing but the accounts' own stops would
        keep them from sending. While the domain is probed one account can send at most, and is judged by the probe.
        """
        state = self.circuit.state
        stopped = state is State.STOPPED and (self.confirmed or now - self.circuit.since < CONFIRMED_WITHIN)
        in_effect = stopped or state is State.PROBING
        return tuple(one for one in self.intervals if one.ends_at is not None or in_effect)


def shared_refusals(refusals: Iterable[Refusal], limits: DomainLimits) -> Sequence[SharedRefusals]:
    """Return the causes that a domain's accounts may share, the most frequent first; without regard to its volume.

    Args:
        refusals: The `policy` bounces of the domain that were heard of within the window.
        limits: When a domain fails.
    """
    by_cause: dict[TextClass, list[Refusal]] = defaultdict(list)
    for one in refusals:
        cause = text_class(one.bad)
        if cause in DOMAIN_WIDE and cause is not None:
            by_cause[cause].append(one)
    found = [shared for cause, of_cause in by_cause.items() if (shared := _shared(cause, of_cause, limits))]
    return sorted(found, key=lambda one: (-one.count, one.cause))


def failure(shared: SharedRefusals, sends: int, accounts: int, limits: DomainLimits) -> Failure | None:
    """Return the failure of a domain, or None where its volume or its size explains its refusals.

    Args:
        shared: The refusals.
        sends: The domain's sends of the window; those refused among them.
        accounts: The accounts that the domain has.
        limits: When a domain fails.
    """
    if shared.accounts < max(_FEWEST_ACCOUNTS, min(limits.accounts, accounts)):
        return None
    sends = max(sends, shared.count)
    if shared.recipient_domains == 1 and shared.count < limits.lone_share * sends:
        return None
    rate = limits.healthy[shared.cause]
    if at_least(shared.count, sends, rate) > limits.chance:
        return None
    return Failure(shared, sends, refusals_needed(sends, rate, limits.chance), limits.chance)


def refusals_needed(sends: int, rate: float, chance: float) -> int:
    """Return the fewest refusals that a healthy domain shows with at most a given probability.

    Args:
        sends: The domain's sends.
        rate: The share of them, a fraction, that is refused of a healthy domain.
        chance: The probability.
    """
    low, high = 0, sends + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at_least(middle, sends, rate) <= chance else (middle, high)
    return high


def decide(  # noqa: PLR0913 - how it stands, what was found, and what may be done about it
    domain: str, circuit: Circuit, found: Failure, now: float, *, held_by: HeldBy | None, can_block: bool
) -> Verdict | None:
    """Decide what a domain's failure leads to.

    Args:
        domain: The sending domain.
        circuit: Its circuit as it is.
        found: The failure.
        now: Unix seconds.
        held_by: What keeps the verdict from being applied, or None.
        can_block: Whether the platform can be told to block the domain; where not, it is warned.

    Returns:
        The verdict, or None where it would say nothing new.
    """
    asked = State.STOPPED if can_block else State.WARNED
    to = follow(circuit.state, SUSPICIONS[asked])
    if to is None and circuit.state is State.WARNED and now - circuit.since >= PENDING_LASTS:
        to = asked  # it is told again once a day
    if to is None:
        return None
    pending = circuit.pending
    if held_by and pending and SEVERITY[to] <= SEVERITY[pending.to] and now - pending.at < PENDING_LASTS:
        return None
    moves = held_by is None and WANTED[to] is not circuit.wanted
    shared = found.shared
    return Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector=DETECTOR,
        signal=Signal.BOUNCE,
        count=shared.count,
        of=found.sends,
        rate=shared.count / found.sends,
        threshold=found.needed / found.sends,
        cause=shared.name,
        epoch=circuit.epoch + 1 if moves else circuit.epoch,
        held_by=held_by,
        why=f"{_sentence(domain, found)} {_HELD[held_by] if held_by else _STEPS[to]}",
    )


def _shared(cause: TextClass, refusals: Sequence[Refusal], limits: DomainLimits) -> SharedRefusals | None:
    accounts = len({one.account for one in refusals})
    recipients = len({one.bad.recipient_domain for one in refusals})
    if accounts < _FEWEST_ACCOUNTS or len(refusals) < limits.refusals:
        return None
    if recipients == 1 and cause is not TextClass.AUTHENTICATION:
        return None
    status, prevailing = Counter(one.bad.enhanced_status for one in refusals).most_common(1)[0]
    [(text, _)] = Counter(one.bad.diagnostic or "" for one in refusals).most_common(1)
    return SharedRefusals(
        cause=cause,
        status=status if 2 * prevailing > len(refusals) else None,
        count=len(refusals),
        accounts=accounts,
        recipient_domains=recipients,
        first_at=min(one.sent_at for one in refusals),
        text=text,
    )


_FOR: Mapping[TextClass, str] = {
    TextClass.AUTHENTICATION: "for failed authentication by SPF, DKIM or DMARC",
    TextClass.BLOCKLIST: "for a blocklist or reputation",
}

_STEPS: Mapping[State, str] = {
    State.STOPPED: "The domain is stopped: none of its accounts can send.",
    State.WARNED: (
        "The domain is only warned: block_domain is off for some of its accounts, or not set up (`breaker setup`), so "
        "they are judged one by one."
    ),
}

_HELD: Mapping[HeldBy, str] = {
    HeldBy.OBSERVE: "Nothing was done: the domain, or an account of it, is only observed.",
    HeldBy.GUARD: "Nothing was done: the fleet guard holds it, since too much would be stopped at once.",
    HeldBy.BLIND: "Nothing was done: the event feed is not to be trusted now.",
    HeldBy.EXEMPT: "Nothing was done: the domain, or an account of it, is exempt or protected.",
    HeldBy.HOLD: "Nothing was done: automatic changes are on hold.",
}


def _sentence(domain: str, found: Failure) -> str:
    shared = found.shared
    code = f" ({shared.status})" if shared.status else ""
    places = "recipient domain" if shared.recipient_domains == 1 else "recipient domains"
    said = f' Most servers said: "{shared.text}".' if shared.text else ""
    return (
        f"{shared.count:,} of {found.sends:,} sends of {domain} within the hour were refused "
        f"{_FOR[shared.cause]}{code}, of {shared.accounts:,} accounts and at {shared.recipient_domains:,} {places}; a "
        f"healthy domain has {found.needed:,} or more less often than once in {1 / found.chance:,.0f} looks.{said}"
    )
