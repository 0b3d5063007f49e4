"""What a person does to accounts, and what becomes of each.

Six acts: `trip` stops, `limit` lets accounts only reply, `reset` lets go and begins counting anew, `probe` has the
account tested whether it may be let go, `mode` says how far Breaker may go, and `guard_approve` takes what the fleet
guard holds. An act works in every mode; but `reset`, `probe` and `limit` do not undo by the way what a person pinned by
the mode `stopped`: that is taken away first. What an act leads to for one account is decided here, from the account's
circuit and the mode that people set alone, so that the plan that is shown first and the deed that follows are decided
by the same words. The circuits of sending domains know the same acts but `probe`.

No probe can test complaints, which are too rare: what was stopped for them is limited by `probe`, and what is limited
for them is let go.

`limit` follows the table of states as all acts do: a stopped account may reply from then on. What a person has limited
comes back as what a person has stopped does: by `probe` or `reset`, and not by itself.

An account that is known by its address alone has no grant, so nothing can be done about it on the platform. `trip`,
`limit` and a pending stop are refused for it rather than noted, since a state that stops nobody would be a lie; `reset`
only begins counting anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuit import HeldBy, Mode
from breaker.domain.circuit import act as decide_act
from breaker.domain.modes import ModeSetting, apply_pending
from breaker.domain.states import WANTED, Cause, State, Wanted

if TYPE_CHECKING:
    from breaker.domain.circuit import Circuit, Verdict
    from breaker.domain.modes import SetMode


class RefusedError(Exception):
    """What was asked for cannot be done as it was asked; the sentence says why, and what can."""


class NobodyError(RefusedError):
    """A selector speaks of no account that is known."""


class ActKind(StrEnum):
    """What a person can do."""

    TRIP = "trip"
    LIMIT = "limit"
    RESET = "reset"
    PROBE = "probe"
    MODE = "mode"
    GUARD_APPROVE = "guard_approve"


@dataclass(frozen=True, slots=True)
class Automatic:
    """What stands by Breaker's own verdicts alone, and not by a person's or by what was found on the platform.

    Args:
        detector: Only what this detector asked for, or None for all.
        since: Only what stands since this moment, Unix seconds, or None.
    """

    detector: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One act, on whichever accounts.

    Args:
        kind: What is done.
        reason: Why, in the person's words.
        author: Who does it.
        mode: Of `MODE`: the mode to set, or None to take away what was set.
        lasts: Of `MODE`: seconds after which the setting ends by itself, or None.
        apply_pending: Of `MODE`: whether verdicts that stand pending are applied as well.
        only_domain: Of `TRIP`, `RESET` and `PROBE`: whether the circuit of a sending domain is meant, and not its
            accounts.
        false_stop: Of `RESET`: whether the stop was a mistake, which is counted, and does not lengthen cool-downs.
        automatic: Of `RESET`: only what stands stopped or limited by Breaker itself, or None for whoever is meant.
        pace: Of `RESET`: accounts a second at which the platform is told, or None for as fast as its budget allows.
        home: Of `RESET`: the workspace that accounts go to which are away from theirs, or None for where they belong.
    """

    kind: ActKind
    reason: str
    author: str
    mode: Mode | None = None
    lasts: float | None = None
    apply_pending: bool = False
    only_domain: bool = False
    false_stop: bool = False
    automatic: Automatic | None = None
    pace: float | None = None
    home: str | None = None

    def setting(self, now: float) -> ModeSetting | None:
        """Return the mode that `MODE` sets, or None where it takes one away, and of other acts."""
        if self.mode is None:
            return None
        return ModeSetting(self.mode, self.reason, self.author, now, None if self.lasts is None else now + self.lasts)


class Effect(StrEnum):
    """What an act does to one account."""

    CHANGED = "changed"
    """The state follows, and what it takes is ordered on the platform."""
    UNCHANGED = "unchanged"
    """It is so already."""
    PENDING = "pending"
    """A verdict stands pending and was left so."""
    REFUSED = "refused"
    """Nothing can be done about this account."""


@dataclass(frozen=True, slots=True)
class AccountEffect:
    """What an act did, or would do, to one account.

    Args:
        account: The account's id, its grant or else its address; of a sending domain, `domain:example.com`.
        address: Its address, or None where it is not known.
        before: Its state before.
        to: Its state after.
        effect: What that amounts to.
        detail: A sentence, where there is something to add.
        verdict: The id of the verdict that was stored, or None.
    """

    account: str
    address: str | None
    before: State
    to: State
    effect: Effect
    detail: str = ""
    verdict: int | None = None


@dataclass(slots=True)
class Report:
    """What an act did, or would do, in all.

    Attributes:
        counts: Accounts by effect.
        listed: The first of them, one by one.
        settings: The groups whose mode is set, as `domain:example.com`; of `MODE` alone.
        covered: How many accounts the act speaks of; of `MODE` more than those with a verdict pending.
        unconfirmed: The keys of the accounts that the platform has to be read back for.
        unconfirmed_domains: The same of sending domains, as `(application, name)`.
    """

    counts: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(Effect, 0))
    listed: list[AccountEffect] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    covered: int = 0
    unconfirmed: list[int] = field(default_factory=list)
    unconfirmed_domains: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many accounts were decided about."""
        return sum(self.counts.values())

    def add(self, effect: AccountEffect) -> None:
        """Count one account, and list it while the list is not too long to be read."""
        self.counts[effect.effect] += 1
        if len(self.listed) < LISTED:
            self.listed.append(effect)


EXEMPT_LASTS = 86_400.0
"""Seconds that `exempt` lasts where nothing else is said: what nothing stops should not be forgotten."""

LISTED = 1_000
"""Accounts that a report lists one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act does nothing to an account."""

    effect: Effect
    why: str


def decide(  # noqa: PLR0913 - each is a fact of its own
    act: Act,
    circuit: Circuit,
    *,
    enforceable: bool,
    now: float,
    for_complaints: bool = False,
    can_limit: bool = True,
    set_mode: SetMode | None = None,
) -> Verdict | Refusal:
    """Decide what an act leads to for one account.

    Args:
        act: The act.
        circuit: The account's circuit as it is.
        enforceable: Whether the account can be stopped on the platform.
        now: Unix seconds.
        for_complaints: Whether it is stopped or limited for complaints, which no probe can test.
        can_limit: Whether the actuator `limit` is on for it.
        set_mode: What a person set that holds for it, of `MODE` once that is done, or None.
    """
    if act.kind in _LET_GO and set_mode and set_mode.pins:
        # What takes back Breaker's own stops leaves people's as they are.
        return Refusal(Effect.UNCHANGED if act.automatic else Effect.REFUSED, _pinned(set_mode))
    if act.mode is Mode.STOPPED:
        return _decide_pin(act, circuit, enforceable=enforceable, now=now, set_mode=set_mode)
    return _decide_act(
        act, circuit, enforceable=enforceable, now=now, for_complaints=for_complaints, can_limit=can_limit
    )


def _decide_act(  # noqa: PLR0913 - as above
    act: Act, circuit: Circuit, *, enforceable: bool, now: float, for_complaints: bool = False, can_limit: bool = True
) -> Verdict | Refusal:
    if act.kind is ActKind.PROBE:
        return _decide_probe(act, circuit, enforceable=enforceable, now=now, for_complaints=for_complaints)
    if act.kind is ActKind.MODE:
        return _decide_pending(act, circuit, enforceable=enforceable, now=now)
    if act.kind is ActKind.GUARD_APPROVE:
        return _decide_held(act, circuit, enforceable=enforceable, now=now)
    if act.kind in {ActKind.TRIP, ActKind.LIMIT} and not enforceable:
        return Refusal(Effect.REFUSED, UNENFORCEABLE)
    if act.kind is ActKind.LIMIT:
        return _decide_limit(act, circuit, now) if can_limit else Refusal(Effect.REFUSED, CANNOT_LIMIT)
    return _decide_reset(act, circuit, now) if act.kind is ActKind.RESET else _decide_trip(act, circuit, now)


def _decide_trip(act: Act, circuit: Circuit, now: float) -> Verdict | Refusal:
    verdict = decide_act(circuit, Cause.TRIPPED, now, act.author, act.reason)
    return verdict or Refusal(Effect.UNCHANGED, f"It is {circuit.state} already.")


def _decide_limit(act: Act, circuit: Circuit, now: float) -> Verdict | Refusal:
    verdict = decide_act(circuit, Cause.LIMITED_BY_PERSON, now, act.author, act.reason)
    if verdict is None and circuit.state is State.PROBING:
        return Refusal(Effect.REFUSED, "It is being probed: stop it first, or wait for what the probe says.")
    return verdict or Refusal(Effect.UNCHANGED, f"It is {circuit.state} already.")


def _decide_reset(act: Act, circuit: Circuit, now: float) -> Verdict | Refusal:
    if (act.false_stop or act.automatic) and WANTED[circuit.state] is Wanted.SENDING:
        return Refusal(Effect.UNCHANGED, f"It is {circuit.state}: there is no stop to take back.")
    verdict = decide_act(circuit, Cause.RESET, now, act.author, act.reason)
    if verdict is None:
        return Refusal(Effect.UNCHANGED, f"It is {circuit.state} already.")
    return replace(verdict, why=f"Reset by a person as a false stop: {act.reason}") if act.false_stop else verdict


def _decide_pin(
    act: Act, circuit: Circuit, *, enforceable: bool, now: float, set_mode: SetMode | None
) -> Verdict | Refusal:
    if set_mode and not set_mode.pins:
        why = f"The mode {set_mode.setting.mode}, set for {set_mode.selector}, is more specific and holds."
        return Refusal(Effect.UNCHANGED, why)
    return decide(replace(act, kind=ActKind.TRIP, mode=None), circuit, enforceable=enforceable, now=now)


_LET_GO = (ActKind.RESET, ActKind.PROBE, ActKind.LIMIT)


def _pinned(pin: SetMode) -> str:
    return (
        f"It is pinned as stopped for {pin.selector} by {pin.setting.author}: {pin.setting.reason}. "
        f"Take that away first: breaker mode {pin.selector} inherit"
    )


UNDONE_PER_SECOND = 1.0
"""Accounts a second that the platform is told of where a detector's stops are undone: who was bad after all shows
before all are free."""


UNENFORCEABLE = (
    "It is no Agent Account, or known by its address alone, so the platform cannot stop it: stop it where it sends "
    "(with its own provider, or Transactional Send)."
)


CANNOT_LIMIT = "The actuator `limit` is off for it, so the platform would not be told: switch it on, or stop it."


def _decide_held(act: Act, circuit: Circuit, *, enforceable: bool, now: float) -> Verdict | Refusal:
    if circuit.pending is None or circuit.pending.held_by is not HeldBy.GUARD:
        return Refusal(Effect.UNCHANGED, "The fleet guard holds nothing of it.")
    return _decide_pending(replace(act, apply_pending=True), circuit, enforceable=enforceable, now=now)


def _decide_probe(
    act: Act, circuit: Circuit, *, enforceable: bool, now: float, for_complaints: bool
) -> Verdict | Refusal:
    """Decide to probe an account, or to let one go on that no probe can test: from stopped to limited to sending."""
    if not enforceable:
        return Refusal(Effect.REFUSED, UNENFORCEABLE)
    cause = Cause.APPROVED if for_complaints else Cause.PROBED_BY_PERSON
    verdict = decide_act(circuit, cause, now, act.author, act.reason)
    return verdict or Refusal(Effect.UNCHANGED, f"It is {circuit.state} already.")


def _decide_pending(act: Act, circuit: Circuit, *, enforceable: bool, now: float) -> Verdict | Refusal:
    pending = circuit.pending
    if pending is None:
        return Refusal(Effect.UNCHANGED, "")
    if not act.apply_pending:
        return Refusal(Effect.PENDING, f"Verdict {pending.verdict} would have made it {pending.to}.")
    if not enforceable and WANTED[pending.to] is not Wanted.SENDING:
        return Refusal(Effect.REFUSED, UNENFORCEABLE)
    verdict = apply_pending(circuit, now, act.author, act.reason)
    if verdict is None:
        return Refusal(Effect.UNCHANGED, f"It is {circuit.state} already.")
    return verdict
