"""Note how notifications stood to their signatures: counted in memory, told every few seconds, no body kept.

Whoever can reach the listener can post there, so what is written does not grow with what is posted, and only a few
wrong signatures are looked into between two tellings.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from breaker.domain.findings.facts import SigningFact
from breaker.domain.outcomes.signatures import Signing, is_packed, mistake
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from breaker.ports import Clock

_LOOKS = 20
"""Wrong signatures that are looked into between two tellings; each costs some tens of signatures."""


class NoteSignings:
    """Counts signatures, right ones and wrong ones.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._known: dict[tuple[str, Signing], SigningFact] = {}
        self._looks = _LOOKS

    def right(self, application_id: str) -> None:
        """Note a right one."""
        self._add(application_id, SigningFact(Signing.RIGHT, 1, self._clock.now()))

    def wrong(self, application_id: str, body: bytes, encoding: str, matches: Callable[[bytes], bool] | None) -> None:
        """Note a wrong one, or none at all.

        Args:
            application_id: The application, empty where it is not known.
            body: The body as it came.
            encoding: The header `Content-Encoding`, empty where there is none.
            matches: Tells whether the signature fits a body; None where there was no signature.
        """
        if matches is None:
            how = Signing.MISSING
        elif self._looks:
            self._looks -= 1
            how = mistake(body, encoding, matches)
        else:
            how = Signing.NOT_EXAMINED
        self._add(application_id, SigningFact(how, 1, self._clock.now(), is_packed(body)))

    async def share(self, write: Callable[[Mapping[str, Sequence[SigningFact]]], Awaitable[None]]) -> None:
        """Tell what was noted since the last time; where that fails, it is told the next time.

        Raises:
            StoreError: It was not told.
        """
        known, self._known, self._looks = self._known, {}, _LOOKS
        facts: defaultdict[str, list[SigningFact]] = defaultdict(list)
        for (application_id, _), fact in known.items():
            facts[application_id].append(fact)
        try:
            await write(facts)
        except StoreError:
            for (application_id, _), fact in known.items():
                self._add(application_id, fact)
            raise

    def _add(self, application_id: str, fact: SigningFact) -> None:
        before = self._known.get((application_id, fact.how))
        if before is not None:
            last = max((before, fact), key=lambda one: one.last_at)
            fact = SigningFact(fact.how, before.number + fact.number, last.last_at, last.packed)
        self._known[application_id, fact.how] = fact
