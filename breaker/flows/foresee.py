"""Foresee: whom thresholds would act on at the next bad outcome, before there is one.

Nobody is stopped by another threshold alone, so each account is judged as if one more send of it had bounced, and then
one more had drawn a complaint: in a copy of its counters that nobody keeps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, State, follow
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import COUNTED_BY_DEFAULT, Counting, OutcomeSet
from breaker.domain.profiles.protected import NOBODY, ProtectedAccounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.domain.detectors.detectors import Suspicion
    from breaker.domain.profiles.profile import Profile
    from breaker.domain.profiles.profiles import Profiles
    from breaker.domain.windows.counters import Counters
    from breaker.ports import Account, ActiveAccounts

_WEEK = 7 * 86_400.0
_PAGE = 20
"""Accounts judged in one go: at a millisecond each at most, so that whatever else runs is hardly held up."""


_BAD = {Signal.BOUNCE: OutcomeSet.UNKNOWN_RECIPIENT, Signal.COMPLAINT: OutcomeSet.COMPLAINT}
_COUNTING = Counting(COUNTED_BY_DEFAULT)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An account that would be acted on at its next bad outcome.

    Args:
        account: Who.
        profile: The name of its profile.
        state: What is done about it now.
        pending: The step of a verdict about it that is held, or None.
        suspicion: Why it would be, and what would be done; the one more bad outcome is in its numbers.
    """

    account: Account
    profile: str
    state: State
    pending: State | None
    suspicion: Suspicion


async def foresee(
    accounts: ActiveAccounts,
    profiles: Profiles,
    now: float,
    *,
    before: Profiles | None = None,
    protected: ProtectedAccounts = NOBODY,
) -> AsyncIterator[Foreseen]:
    """Yield the active accounts that would be limited or stopped, the longest known first.

    Args:
        accounts: The accounts.
        profiles: The detectors in question.
        now: Unix seconds.
        before: Other detectors; whom they would act on as strongly is left out.
        protected: Whom no more than so much may happen to.

    Raises:
        StoreError: The accounts can't be read.
    """
    async for page in accounts.pages(now - _WEEK, _PAGE):
        for account, circuit, counters in page:
            if not counters.totals.hard_bounces and not counters.totals.complaints:
                continue  # one bad outcome alone is no reason for anything
            profile = profiles.of(account)
            former = before.of(account) if before else None
            suspicion = _new_suspicion(counters, now, profile, former)
            if suspicion and (barred_by := protected.bars(account, suspicion.step)):
                suspicion = replace(suspicion, step=barred_by.at_most)
            if suspicion is None or suspicion.step is State.WARNED:
                continue
            if follow(circuit.state, SUSPICIONS[suspicion.step]) is None:
                continue
            pending = circuit.pending.to if circuit.pending else None
            yield Foreseen(account, profile.name, circuit.state, pending, suspicion)
        await asyncio.sleep(0)


def _new_suspicion(counters: Counters, now: float, profile: Profile, former: Profile | None) -> Suspicion | None:
    """Return the strongest suspicion that a profile would have, unless a former one's would be as strong."""
    found: Suspicion | None = None
    most = 0
    for signal, outcome in _BAD.items():
        counters.record(int(now), 0, int(outcome), _COUNTING)
        suspicion = profile.suspect(counters, signal)
        if suspicion and (found is None or SEVERITY[suspicion.step] > SEVERITY[found.step]):
            found = suspicion
        if former and (known := former.suspect(counters, signal)):
            most = max(most, SEVERITY[known.step])
    return found if found and SEVERITY[found.step] > most else None
