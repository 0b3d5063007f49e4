"""Foresee: whom thresholds would act on, by what is counted already, before any of it happens.

Nobody is stopped by another threshold: it bites at the next bad outcome. But who would be should be known before.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.detectors import Signal
from breaker.domain.states import SEVERITY, SUSPICIONS, State, follow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.domain.counters import Counters
    from breaker.domain.detectors import Suspicion
    from breaker.domain.profile import Profile
    from breaker.domain.profiles import Profiles
    from breaker.ports import Account, ActiveAccounts

_WEEK = 7 * 86_400.0
_PAGE = 50
"""Accounts judged in one go: some milliseconds' worth, so that whatever else runs is hardly held up."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An account that would be acted on at its next bad outcome.

    Args:
        account: Who.
        profile: The name of its profile.
        state: What is done about it now.
        pending: The step of a verdict about it that is held, or None.
        suspicion: Why it would be, and what would be done.
    """

    account: Account
    profile: str
    state: State
    pending: State | None
    suspicion: Suspicion


async def foresee(
    accounts: ActiveAccounts, profiles: Profiles, now: float, *, before: Profiles | None = None
) -> AsyncIterator[Foreseen]:
    """Yield the active accounts that would be limited or stopped, the longest known first.

    Args:
        accounts: The accounts.
        profiles: The detectors in question.
        now: Unix seconds.
        before: Other detectors; whom they would act on as strongly is left out.

    Raises:
        StoreError: The accounts can't be read.
    """
    async for page in accounts.pages(now - _WEEK, _PAGE):
        for account, circuit, counters in page:
            profile = profiles.of(account)
            suspicion = _strongest(profile, counters)
            if suspicion is None or suspicion.step is State.WARNED:
                continue
            if follow(circuit.state, SUSPICIONS[suspicion.step]) is None:
                continue
            if before is not None and _step(before.of(account), counters) >= SEVERITY[suspicion.step]:
                continue
            pending = circuit.pending.to if circuit.pending else None
            yield Foreseen(account, profile.name, circuit.state, pending, suspicion)
        await asyncio.sleep(0)


def _strongest(profile: Profile, counters: Counters) -> Suspicion | None:
    found = [one for signal in Signal if (one := profile.suspect(counters, signal))]
    return max(found, key=lambda one: SEVERITY[one.step], default=None)


def _step(profile: Profile, counters: Counters) -> int:
    suspicion = _strongest(profile, counters)
    return SEVERITY[suspicion.step] if suspicion else 0
