"""Histories of a few accounts: events in any order, repeated, cut into batches; and what they come to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from itertools import count
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.outcomes.outcomes import (
    BOUNCE_BITS,
    NOTHING,
    BounceClass,
    OutcomeKind,
    OutcomeSet,
    Tally,
    added,
    outcome_bit,
)
from tests.counting.daemons import COUNTING, DAY, FEEDBACK, NOW, event
from tests.domain.recount import exact_window, is_within_a_hundredth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.windows import Series

_applications = count()  # the same seed again is another application all the same
_KINDS = (
    (OutcomeKind.DELIVERED, None),
    (OutcomeKind.DELIVERED, None),
    (OutcomeKind.DELIVERED, None),
    (OutcomeKind.COMPLAINT, None),
    (OutcomeKind.REJECTED, None),
    *((OutcomeKind.BOUNCED, bounce_class) for bounce_class in BounceClass),
)


@dataclass(frozen=True)
class History:
    """What happened.

    Attributes:
        application: The application, new in every history.
        accounts: How many accounts it is about; number n has grant `g{n}` and address `a{n}@agents.example`.
        events: The events in the order of their arrival.
        batches: The same, cut into batches.
        final: By account and send, the time of sending and all that became known of it.
    """

    application: str
    accounts: int
    events: Sequence[DeliveryEvent]
    batches: Sequence[Sequence[DeliveryEvent]]
    final: Mapping[int, Mapping[tuple[str, str], tuple[int, int]]]

    def grant(self, account: int) -> str:
        return f"{self.application}-g{account}"

    def address(self, account: int) -> str:
        return f"a{account}@{self.application}.example"

    def expected_totals(self, account: int) -> Tally:
        return reduce(added, (COUNTING.tally(outcomes) for _, outcomes in self.final[account].values()), NOTHING)

    def expected_classes(self, account: int) -> dict[BounceClass, int]:
        return {
            name: sum(1 for _, outcomes in self.final[account].values() if outcomes & bit)
            for name, bit in BOUNCE_BITS.items()
        }


class Shape(NamedTuple):
    """How large a history is.

    Attributes:
        accounts: How many accounts.
        messages: How many messages each sends, to one to three recipients.
        span: Seconds that they are sent within.
        batch: Events in a batch, at most.
    """

    accounts: int
    messages: int
    span: int
    batch: int = 40


def history(seed: int, shape: Shape, *naming: str) -> History:
    """Make a history.

    Args:
        seed: What decides.
        shape: How large it is.
        naming: How events may name their account: by `grant`, by `address`, by `both` (the default). Where not all name
            both, a last event of each account does.
    """
    accounts, messages, span, batch = shape
    naming = naming or ("both",)
    random = Random(seed)
    made = History(f"app-{next(_applications)}", accounts, [], [], defaultdict(dict))
    events: list[DeliveryEvent] = []
    for account in range(accounts):
        for message in range(messages):
            sent_at = int(NOW - DAY - random.randrange(span))
            domains = ["example.org", FEEDBACK, "example.net"]
            recipients = [f"r{number}@{domain}" for number, domain in enumerate(domains[: random.randint(1, 3)])]
            for _ in range(random.randint(1, 4)):
                kind, bounce_class = random.choice(_KINDS)
                about = random.sample(recipients, random.randint(1, len(recipients)))
                name = random.choice(naming)
                one = event(
                    kind,
                    f"m{account}-{message}",
                    *about,
                    grant=None if name == "address" else made.grant(account),
                    sender=None if name == "grant" else made.address(account),
                    sent_at=sent_at,
                    bounce_class=bounce_class,
                    application=made.application,
                )
                events += [one] * random.choice((1, 1, 2, 3))
    random.shuffle(events)
    if set(naming) != {"both"}:
        events += [
            event(
                OutcomeKind.DELIVERED,
                f"last-{account}",
                grant=made.grant(account),
                sender=made.address(account),
                application=made.application,
            )
            for account in range(accounts)
        ]
    batches: list[list[DeliveryEvent]] = []
    rest = list(events)
    while rest:
        cut = random.randint(1, batch)
        batches.append(rest[:cut])
        rest = rest[cut:]
    final = _final(made, events)
    return History(made.application, accounts, events, batches, final)


def _final(made: History, events: Sequence[DeliveryEvent]) -> Mapping[int, Mapping[tuple[str, str], tuple[int, int]]]:
    numbers = {made.grant(number): number for number in range(made.accounts)}
    numbers |= {made.address(number): number for number in range(made.accounts)}
    final: dict[int, dict[tuple[str, str], tuple[int, int]]] = {number: {} for number in range(made.accounts)}
    for one in events:
        sends = final[numbers[one.grant_id or one.sender or ""]]
        for recipient in one.recipients:
            known = sends.get((one.message_id, recipient.address), (0, 0))[1]
            outcomes = known | outcome_bit(one.kind, recipient.bounce_class)
            if recipient.domain == FEEDBACK:
                outcomes |= OutcomeSet.FEEDBACK
            sends[one.message_id, recipient.address] = (one.sent_at, int(outcomes))
    return final


def wrong_windows(counters: Counters, sends: Sequence[tuple[int, int]]) -> list[object]:
    """Return the windows that are not within 1 % of R of a recount of `(sent_at, outcomes)`, with that recount."""
    tallies = [(at, COUNTING.tally(outcomes)) for at, outcomes in sends if at >= counters.restarted_at]
    pairs: list[tuple[Series, list[tuple[int, int]]]] = [
        (counters.bounces, [(at, t.hard_bounces) for at, t in tallies if t.sends]),
        (counters.complaints, [(at, t.complaints) for at, t in tallies if t.delivered]),
        (counters.feedback, [(at, t.feedback_complaints) for at, t in tallies if t.feedback_delivered]),
    ]
    return [
        (window, exact)
        for series, of in pairs
        for window in series.windows()
        if not is_within_a_hundredth(window, exact := exact_window(of, window.size))
    ]
