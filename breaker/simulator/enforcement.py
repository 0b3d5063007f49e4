"""What the platform does about its senders' reputation (DOC send-limits), and the books of it.

Under review at 5 % hard bounces or 0.1 % complaints: silent, sending goes on. Paused at 10 % or 0.5 %: sends fail
until somebody lifts it by hand. Both rates are over the account's "recent representative send volume", which is not
published: here it is a number R, and the volume the account's R most recent sends. Only bounces of addresses that do
not exist count, and complaints only against recipients' domains that report them. Where too many accounts are paused,
the application as a whole is restricted; from how many on is not published either.

An account that has sent less than `assessed_volume` is judged as if it had sent that many. No source says how the real
platform treats it; without some such rule, one bounce among a mailbox's first ten sends would pause it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from breaker.simulator.mail.domains import sends_feedback

if TYPE_CHECKING:
    from breaker.simulator.options import EnforcementOptions
    from breaker.simulator.state.activity import Happening
    from breaker.simulator.state.messages import Message
    from breaker.simulator.state.standing import Standing

REVIEW_BOUNCES, PAUSE_BOUNCES = 0.05, 0.10
REVIEW_COMPLAINTS, PAUSE_COMPLAINTS = 0.001, 0.005
#: Below these an account is healthy again; between them and the lines above, it stays what it was.
HEALTHY_BOUNCES, HEALTHY_COMPLAINTS = 0.02, 0.001

_HARD_BOUNCE, _COMPLAINT, _FEEDBACK = 1, 2, 4
#: A complaint counts only where the recipient's domain reports them.
_HEARD = _COMPLAINT | _FEEDBACK


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that the platform did: kept in the books, in order.

    Attributes:
        at: When, in Unix seconds.
        grant_id: To which account; empty where it is the whole application.
        what: `under_review`, `healthy`, `paused` or `restricted`.
        signal: `bounce` or `complaint`.
        rate: The rate that led to it, as a fraction.
        volume: Over how many sends.
    """

    at: int
    grant_id: str
    what: Literal["under_review", "healthy", "paused", "restricted"]
    signal: Literal["bounce", "complaint"]
    rate: float
    volume: int


@dataclass(slots=True)
class Reputation:
    """An account's sends, as far as R reaches back, and what became of them."""

    flags: bytearray = field(default_factory=bytearray)
    places: dict[str, int] = field(default_factory=dict)
    window_start: int = 0
    hard_bounces: int = 0
    complaints: int = 0
    feedback_sends: int = 0

    @property
    def sends(self) -> int:
        """How many sends the window holds."""
        return len(self.flags) - self.window_start

    def add(self, message: Message, volume: int) -> None:
        """Take a message's sends into the window of `volume`; the oldest fall out."""
        self.places[message.id] = len(self.flags)
        for recipient in message.recipients:
            feedback = sends_feedback(recipient.rpartition("@")[2])
            self.flags.append(_FEEDBACK if feedback else 0)
            self.feedback_sends += feedback
        while self.sends > volume:
            leaving = self.flags[self.window_start]
            self.hard_bounces -= bool(leaving & _HARD_BOUNCE)
            self.complaints -= leaving & _HEARD == _HEARD
            self.feedback_sends -= bool(leaving & _FEEDBACK)
            self.window_start += 1

    def mark(self, message: Message, recipient: str, flag: int) -> None:
        """Note what became of a send, once; one that has fallen out of the window counts no more."""
        first = self.places.get(message.id)
        if first is None:
            return
        place = first + message.recipients.index(recipient)
        if place < self.window_start or self.flags[place] & flag:
            return
        self.flags[place] |= flag
        if flag == _HARD_BOUNCE:
            self.hard_bounces += 1
        elif self.flags[place] & _FEEDBACK:
            self.complaints += 1


class Enforcement:
    """Judges the accounts of one application at every outcome.

    Args:
        application_id: The application.
        standing: Where measures take effect.
        options: How it judges.
        representative_volume: R.
    """

    def __init__(
        self, application_id: str, standing: Standing, options: EnforcementOptions, representative_volume: int
    ) -> None:
        self._application_id = application_id
        self._standing = standing
        self._options = options
        self._reputations: dict[str, Reputation] = {}
        self.representative_volume = representative_volume
        self.books: list[Measure] = []

    def ever(self, what: Literal["under_review", "paused"]) -> set[str]:
        """Return the accounts to which something was ever done, whatever they are now."""
        return {measure.grant_id for measure in self.books if measure.what == what}

    def reputation(self, grant_id: str) -> Reputation:
        """Return an account's reputation; an empty one for an account that has sent nothing."""
        return self._reputations.setdefault(grant_id, Reputation())

    def rates(self, grant_id: str) -> tuple[float, float]:
        """Return an account's bounce rate and complaint rate as the platform sees them, as fractions."""
        reputation = self.reputation(grant_id)
        least = self._options.assessed_volume
        bounces = reputation.hard_bounces / max(reputation.sends, least)
        return bounces, reputation.complaints / max(reputation.feedback_sends, least)

    def observe(self, happening: Happening, accounts: int) -> None:
        """Take something that happened into account.

        Args:
            happening: What happened.
            accounts: How many accounts the application has.
        """
        grant_id = happening.message.grant_id
        if not self._options.enabled or grant_id is None:
            return
        reputation = self.reputation(grant_id)
        if happening.event_type == "accepted":
            reputation.add(happening.message, self.representative_volume)
            if grant_id in self._standing.under_review:
                self._judge(grant_id, happening.at, accounts)
            return
        if happening.bounce is not None and happening.bounce.nonexistent:
            flag = _HARD_BOUNCE
        elif happening.event_type == "complaint" and happening.reason != "not-spam":
            flag = _COMPLAINT
        else:
            return
        for recipient in happening.recipients:
            reputation.mark(happening.message, recipient, flag)
        self._judge(grant_id, happening.at, accounts)

    def _judge(self, grant_id: str, at: int, accounts: int) -> None:
        bounces, complaints = self.rates(grant_id)
        standing = self._standing
        signal: Literal["bounce", "complaint"]
        signal = "bounce" if bounces / REVIEW_BOUNCES >= complaints / REVIEW_COMPLAINTS else "complaint"
        rate = bounces if signal == "bounce" else complaints
        volume = self.reputation(grant_id).sends
        reviewed = grant_id in standing.under_review
        if not reviewed and (bounces >= REVIEW_BOUNCES or complaints >= REVIEW_COMPLAINTS):
            standing.under_review.add(grant_id)
            self.books.append(Measure(at, grant_id, "under_review", signal, rate, volume))
        elif reviewed and bounces < HEALTHY_BOUNCES and complaints < HEALTHY_COMPLAINTS:
            standing.under_review.discard(grant_id)
            self.books.append(Measure(at, grant_id, "healthy", signal, rate, volume))
        if grant_id not in standing.paused and (bounces >= PAUSE_BOUNCES or complaints >= PAUSE_COMPLAINTS):
            standing.paused.add(grant_id)
            self.books.append(Measure(at, grant_id, "paused", signal, rate, volume))
            self._restrict(at, accounts, signal)

    def _restrict(self, at: int, accounts: int, signal: Literal["bounce", "complaint"]) -> None:
        paused, options = len(self._standing.paused), self._options
        restriction = ("application", self._application_id)
        if (
            paused >= max(options.restrict_application_least, options.restrict_application_share * accounts)
            and restriction not in self._standing.restrictions
        ):
            self._standing.restrictions.add(("application", self._application_id))
            self.books.append(Measure(at, "", "restricted", signal, paused / max(accounts, 1), paused))
