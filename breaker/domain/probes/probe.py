"""A probe: how far an account has come on its way back, and the rules of that way.

An account that was stopped for bounces cools down, and may then send in rounds of some ten recipients, whose outcomes
are waited for and put to a test (`domain.probes.trial`). What follows is decided in `domain.probes.probing`; here are
the values it decides with. They are stored as they are, one for an account that is stopped, limited or probed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.probes.trial import Trial

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.states import State
    from breaker.domain.detectors.detectors import Signal

DAY = 86_400.0
RECIPIENTS = 50
"""Recipients that one message may have (https://developer.nylas.com/docs/v3/agent-accounts/send-limits/)."""
QUEUE = 90.0
"""Seconds that a message which the platform took may lie in its queue, where no rule stops it any more
(https://developer.nylas.com/docs/v3/agent-accounts/send-limits/)."""


class Phase(StrEnum):
    """What a probe waits for."""

    COOLING = "cooling"
    """The cool-down."""
    ASKING = "asking"
    """A person."""
    OPENING = "opening"
    """The platform to be read back, which should let the account send."""
    OPEN = "open"
    """The account to send what the round permits."""
    CLOSING = "closing"
    """The platform to be read back, which should hold the account again."""
    SETTLING = "settling"
    """Late outcomes of the round."""
    EASING = "easing"
    """The time that an approved account stays limited."""


ROUNDS = frozenset({Phase.OPENING, Phase.OPEN, Phase.CLOSING, Phase.SETTLING})
"""The phases of an account that is being probed."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a probe is spoken of.

    Args:
        bad: What a bad send did, in the past.
        healthy: What a healthy one is, after "a".
        also: What its sends are or do likewise.
        accepted: What follows where the test accepts.
        deaf: What a person is asked where the platform can't be told to let it send.
    """

    bad: str = "hard-bounced"
    healthy: str = "healthy account"
    also: str = "do"
    accepted: str = "It is sending again, and counting begins anew."
    deaf: str = "the platform could not be told to let it send; is its grant valid?"


@dataclass(frozen=True, slots=True)
class ProbeRules:
    """How accounts come back; the reasons for the defaults stand in the configuration (`probing`). Times in seconds.

    Args:
        trial: The test.
        cool_down: From a stop to its probe.
        growth: By what it is multiplied with each further stop or failed probe.
        longest_cool_down: No cool-down is longer, but for what chance adds.
        spread: The share of it that chance may add, so that accounts that stopped together do not return together.
        within: The time within which earlier automatic stops count.
        automatic_stops: Stops within it that are probed without asking a person.
        automatic_probes: Probes that may fail after one stop before a person is asked.
        settle: From a round's end to its judgement, for late outcomes.
        silence: Without a send in a round after which a person is asked.
        undeliverable: Without the platform's being read back after which a round is given up and a person asked.
        fall_back: The same after which an account that is limited between rounds is stopped instead.
        quota: Messages a UTC day that the platform is asked to let an account send in a round, or None for any number.
        limited_for: How long an account that was stopped for complaints stays limited once it is approved.
        watched_for: How long it is warned after that, at least.
        words: How it is spoken of.
    """

    trial: Trial = field(default_factory=Trial)
    cool_down: float = DAY / 4
    growth: float = 2.0
    longest_cool_down: float = 7 * DAY
    spread: float = 0.1
    within: float = 7 * DAY
    automatic_stops: int = 1
    automatic_probes: int = 3
    settle: float = 900.0
    silence: float = 7 * DAY
    undeliverable: float = 3_600.0
    fall_back: float = 60.0
    quota: int | None = None
    limited_for: float = 7 * DAY
    watched_for: float = 7 * DAY
    words: Words = field(default_factory=Words)

    def cool_down_after(self, strikes: int) -> float:
        """Return how long an account cools down, by the stops and failed probes that it has behind it."""
        longest, seconds = self.longest_cool_down, self.cool_down
        for _ in range(strikes - 1):
            if seconds >= longest:
                break
            seconds *= self.growth
        return min(longest, seconds)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an account is stopped or limited, by the verdict that made it so.

    Args:
        before: The state that it was in.
        signal: What it was suspected for, or None.
        author: The person that did it, or None.
        detector: What raised the suspicion; `platform` for what was found there.
        stops: Automatic stops and limits within the time that counts, this one included.
        pace: The sends a day that the account had in the week before.
        by_limiting: Whether a person limited it, rather than approved it.
    """

    before: State
    signal: Signal | None
    author: str | None
    detector: str
    stops: int
    pace: float
    by_limiting: bool = False


class Evidence(NamedTuple):
    """What is known of the sends of a round.

    Attributes:
        sends: Sends with an outcome, from the confirmed begin of the round to its confirmed end.
        bad: How many of them hard-bounced.
        last_sent_at: When the last of them was sent, Unix seconds, or None.
        late: Sends of after the end, which lay in the platform's queue: they are no evidence, but went out.
    """

    sends: int = 0
    bad: int = 0
    last_sent_at: float | None = None
    late: int = 0


NOTHING_SEEN = Evidence()


@dataclass(frozen=True, slots=True)
class Probe:
    """How far an account has come.

    Args:
        phase: What it waits for.
        state: The state of the circuit that it belongs to; where the circuit has another, the probe is outdated.
        since: The begin of that state, likewise. Unix seconds.
        epoch: Of a round: the epoch that it is opened or closed in.
        next_at: When something is due by itself, Unix seconds, or None.
        asks: What a person is asked, or None.
        stops: Automatic stops that count.
        failures: Probes that failed since the account was last let go.
        pace: The account's sends a day before it was stopped.
        by_person: Whether a person asked for the probe.
        began_at: When the first round was opened, or None.
        ordered_at: When the platform was last told something else, Unix seconds.
        round: The number of the round that is open, or was the last.
        sends: Sends of the rounds before it.
        bad: Those of them that hard-bounced.
        seen: The sends of this round.
        opened_at: When the platform was read back and let it send, or None.
        closed_at: When it was read back and held it again, or None.
        heard_at: When the account was last known to send, or could begin to; Unix seconds or None.
    """

    phase: Phase
    state: State
    since: float
    epoch: int = 0
    next_at: float | None = None
    asks: str | None = None
    stops: int = 1
    failures: int = 0
    pace: float = 0.0
    by_person: bool = False
    began_at: float | None = None
    ordered_at: float = 0.0
    round: int = 0
    sends: int = 0
    bad: int = 0
    seen: Evidence = NOTHING_SEEN
    opened_at: float | None = None
    closed_at: float | None = None
    heard_at: float | None = None

    def belongs_to(self, circuit: Circuit) -> bool:
        """Tell whether it is about a circuit as it is, and not as it was."""
        return (self.state, self.since) == (circuit.state, circuit.since)

    @property
    def all_sends(self) -> int:
        """The sends of all rounds."""
        return self.sends + self.seen.sends

    @property
    def all_bad(self) -> int:
        """Those of them that hard-bounced."""
        return self.bad + self.seen.bad

    def permits(self, rules: ProbeRules) -> int:
        """Return how many sends its round is meant to have."""
        return rules.trial.round_after(self.sends)

    def overshoot(self, rules: ProbeRules) -> int:
        """Return how many more the round had: what was sent until its outcomes were known and the platform obeyed."""
        return max(0, self.seen.sends + self.seen.late - self.permits(rules))


@dataclass(frozen=True, slots=True)
class Outlook:
    """A probe as people and programs read it.

    Args:
        phase: What it waits for.
        round: The number of the round that is open, or was the last.
        sends: The probe's sends with a known outcome.
        bad: Those of them that hard-bounced.
        overshoot: How many more sends than meant the present or last round had.
        still_needed_sends: How many more a healthy account needs on average, or None where none are waited for.
        still_needed_days: The same in days, at the account's pace before it was stopped, where that is known.
        next_at: When something is due by itself, Unix seconds, or None.
        asks: What a person is asked, or None.
        says: What it waits for, in a sentence.
    """

    phase: Phase
    round: int
    sends: int
    bad: int
    overshoot: int
    still_needed_sends: int | None
    still_needed_days: float | None
    next_at: float | None
    asks: str | None
    says: str
