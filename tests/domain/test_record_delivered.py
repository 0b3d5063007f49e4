from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
SIZES = WindowSizes((20, 60, 200), (100,))
DELIVERED, FEEDBACK = int(OutcomeSet.DELIVERED), int(OutcomeSet.FEEDBACK)


@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(0, 60), st.integers(1, 70))
def test_deliveries_counted_together_are_counted_as_one_by_one(seed: int, count: int, late: int, most: int) -> None:
    source = Random(seed)
    alone, together = Counters(SIZES), Counters(SIZES)
    sends = [(1_000 + 2 * n - source.randrange(late + 1), source.random() < 0.3) for n in range(count)]
    recounts = []
    for place, (sent_at, heard) in enumerate(sends):
        alone.record(sent_at, 0, DELIVERED | FEEDBACK if heard else DELIVERED, COUNTING)
        if alone.crowded:
            recounts.append(place)
            recount(alone, sends[: place + 1])

    found, done = [], 0
    while done < count:
        part = sends[done : done + source.randint(1, most)]
        done += together.record_delivered([sent_at for sent_at, _ in part], [int(heard) for _, heard in part])
        if together.crowded:
            found.append(done - 1)
            recount(together, sends[:done])

    assert found == recounts
    assert together.to_bytes() == alone.to_bytes()
    assert together.latest == alone.latest


def recount(counters: Counters, sends: list[tuple[int, bool]]) -> None:
    newest = sorted(sends, key=lambda one: -one[0])
    counters.recount([(at, DELIVERED | FEEDBACK if heard else DELIVERED) for at, heard in newest], COUNTING)
