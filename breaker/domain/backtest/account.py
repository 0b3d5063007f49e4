"""One account of a replay: who it is, what is counted of it, and what was decided."""

from __future__ import annotations

from itertools import compress
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.backtest.line import PlatformLine
from breaker.domain.circuits.circuit import Circuit
from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.sends import SAME_SEND
from breaker.domain.windows.counters import Counters
from breaker.domain.windows.timeline import Timeline, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.backtest.domains import ReplayedDomain
    from breaker.domain.backtest.others import Others
    from breaker.domain.outcomes.outcomes import Counting, Tally
    from breaker.domain.profiles.profile import Profile
    from breaker.domain.windows.counters import WindowSizes

BITS = 16
_OUTCOMES = (1 << BITS) - 1
_PRUNED_FROM = 50_000


class Step(NamedTuple):
    """A verdict of the replay.

    Attributes:
        at: When, Unix seconds.
        after_sends: The account's sends with a known outcome by then.
        signal: The rate in question, or None.
        detector: What raised the suspicion.
        to: The state that it led to.
        bad: Bad outcomes counted, or None.
        sends: Sends they were counted over, or None.
    """

    at: float
    after_sends: int
    signal: Signal | None
    detector: str
    to: State
    bad: int | None
    sends: int | None


class KeptSends:
    """The sends of one account: what became of each, so that a repetition counts for nothing.

    A send takes some 230 bytes while it may be in a window, and some 150 after, until the ledger would drop it.

    Attributes:
        known: By name (the first 64 bits of its key), when each was sent, shifted by `BITS`, and what is known of it.
        sends: How many there are.
        delivered: How many were delivered.
        bounces: Sends in order, and the hard bounces among them.
        complaints: Delivered sends, and the complaints among them.
        feedback: The same to recipient domains that send complaint feedback.
        prune_at: How many sends to hold before those are forgotten that the ledger keeps no longer.
    """

    __slots__ = ("bounces", "complaints", "delivered", "feedback", "known", "prune_at", "sends")

    def __init__(self, sizes: WindowSizes) -> None:
        """Hold none yet."""
        self.known: dict[int, int] = {}
        self.prune_at = _PRUNED_FROM
        self.begin_anew(sizes)

    def begin_anew(self, sizes: WindowSizes) -> None:
        """Take all sends from their places."""
        self.sends = self.delivered = 0
        self.bounces = Timeline(sizes.bounce[-1])
        self.complaints = Timeline(sizes.complaint[-1])
        self.feedback = Timeline(sizes.complaint[-1])

    def find(self, name: int, sent_at: int) -> tuple[int, int, int]:
        """Return the name that a send is held by, when it was sent, and the outcomes known of it; 0 where it is new."""
        known = self.known.get(name)
        while known is not None:
            first = known >> BITS
            if abs(first - sent_at) <= SAME_SEND:
                return name, first, known & _OUTCOMES
            name += 1  # the same message and recipient at quite another time is another send
            known = self.known.get(name)
        return name, sent_at, 0

    def place(self, name: int, sent_at: int, change: Tally) -> None:
        """Put a send in its place in the order of sending, or note there that it turned out bad."""
        mark = mark_of(sent_at, name)
        sends, hard_bounces, _, delivered, complaints, _, to_feedback, told = change
        if sends:
            self.sends += 1
            self.bounces.waiting.append(mark)
        if delivered:
            self.delivered += 1
            self.complaints.waiting.append(mark)
            if to_feedback:
                self.feedback.waiting.append(mark)
        if hard_bounces:
            self.bounces.add_bad(mark)
        elif complaints:
            self.complaints.add_bad(mark)
            if told:
                self.feedback.add_bad(mark)

    def place_delivered(self, marks: Sequence[int], to_feedback: Sequence[int]) -> None:
        """Put sends in their places that were new, and delivered; `sends` and `delivered` count them already."""
        self.bounces.waiting += marks
        self.complaints.waiting += marks
        self.feedback.waiting += compress(marks, to_feedback)

    def prune(self, horizon: float) -> None:
        """Forget what the ledger keeps no longer.

        Args:
            horizon: Sends before this moment, Unix seconds, can be forgotten.
        """
        oldest = int(horizon) << BITS
        self.known = {name: known for name, known in self.known.items() if known >= oldest}
        self.prune_at = max(_PRUNED_FROM, 2 * len(self.known))

    def take_over(self, other: KeptSends) -> list[tuple[int, int, int]]:
        """Join another account's sends; return `(sent_at, outcomes, name)` of all, in the order of sending."""
        for name, known in other.known.items():
            self.known[name] = self.known.get(name, known) | (known & _OUTCOMES)
        found = [(known >> BITS, known & _OUTCOMES, name) for name, known in self.known.items()]
        return sorted(found, key=lambda one: mark_of(one[0], one[2]))


class Replayed:
    """An account.

    Attributes:
        application_id: The platform's id of its application.
        grant_id: The grant, or None.
        address: The mailbox's address, or None where it is not known.
        deleted_at: When its grant was deleted, or None.
        counters: What is counted.
        kept: Its sends.
        circuit: How it stands.
        steps: What was decided.
        domain_stopped: When its sending domain was stopped, if it was, and its sends with a known outcome by then.
        profile: Its detectors, or None where they have to be looked up.
        fed: Those of them that have a memory: its name, and what carries it on.
        place: Its sending domain; looked up with the profile.
        waiting: Deliveries of new sends that were not counted yet: when it was sent, its name, what is known of it, and
            the recipient's domain.
        refused: When each of its sends was sent that was refused and counts as a hard bounce, and from which domain.
        lines: The platform's own lines.
        others: What others would have done, or None where nobody asks.
        last_at: When its latest outcome became known, Unix seconds.
        asked: When each step was asked for last, whether or not it was taken already.
        turns_bad_at: From when on it is bad, Unix seconds, where that is known.
        known_before: Its sends with a known outcome when it turned bad, once it has.
    """

    __slots__ = (
        "address",
        "application_id",
        "asked",
        "circuit",
        "counters",
        "deleted_at",
        "domain_stopped",
        "fed",
        "grant_id",
        "kept",
        "known_before",
        "last_at",
        "lines",
        "others",
        "place",
        "profile",
        "refused",
        "steps",
        "turns_bad_at",
        "waiting",
    )

    def __init__(self, application_id: str, grant_id: str | None, address: str | None, sizes: WindowSizes) -> None:
        """Know it, and nothing of it."""
        self.application_id = application_id
        self.grant_id = grant_id
        self.address = address
        self.deleted_at: float | None = None
        self.counters = Counters(sizes)
        self.kept = KeptSends(sizes)
        self.circuit = Circuit()
        self.steps: list[Step] = []
        self.domain_stopped: tuple[float, int] | None = None
        self.place: ReplayedDomain | None = None
        self.refused: list[tuple[int, str]] = []
        self.waiting: list[tuple[int, int, int, str]] = []
        self.profile: Profile | None = None
        self.fed: Sequence[tuple[str, Callable[[int, Tally, str], int]]] = ()
        self.lines = (
            PlatformLine(Signal.BOUNCE, sizes.bounce, self.kept.bounces),
            PlatformLine(Signal.COMPLAINT, sizes.complaint, self.kept.complaints),
        )
        self.others: Others | None = None
        self.last_at = -inf
        self.asked: dict[State, float] = {}
        self.turns_bad_at = inf
        self.known_before: int | None = None

    @property
    def name(self) -> str:
        """Its grant id, or the address where it has none."""
        return self.grant_id or self.address or ""

    @property
    def domain(self) -> str:
        """The sending domain, empty where the address is not known."""
        return (self.address or "").rpartition("@")[2]

    @property
    def home(self) -> None:
        """The workspace that it belongs to: no record tells."""
        return

    def take_over(self, other: Replayed, counting: Counting) -> None:
        """Become one with another account: counted anew, and the stricter of the two states stays."""
        sends = self.kept.take_over(other.kept)
        counters = Counters(self.counters.sizes)
        kept = self.kept
        kept.begin_anew(self.counters.sizes)
        for sent_at, outcomes, name in sends:
            kept.place(name, sent_at, counters.record(sent_at, 0, outcomes, counting))
        counters.evidence = self.counters.evidence
        self.counters = counters
        self.refused += other.refused
        self.lines[0].move(kept.bounces)
        self.lines[1].move(kept.complaints)
        if SEVERITY[other.circuit.state] > SEVERITY[self.circuit.state]:
            self.circuit = other.circuit
        self.steps = sorted([*other.steps, *self.steps], key=lambda one: one.at)
        self.domain_stopped = min(filter(None, (self.domain_stopped, other.domain_stopped)), default=None)
        self.last_at = max(self.last_at, other.last_at)
        for state, at in other.asked.items():
            self.asked[state] = max(at, self.asked.get(state, at))
