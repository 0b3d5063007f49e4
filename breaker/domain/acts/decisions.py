"""What a person's act leads to for one account.

Six acts: `trip` stops, `limit` lets accounts only reply, `reset` lets go and begins counting anew, `probe` has the
account tested whether it may be let go, `mode` says how far Breaker may go, and `guard_approve` takes what the fleet
guard holds. An act works in every mode; but `reset`, `probe` and `limit` do not undo by the way what a person pinned by
the mode `stopped`: that is taken away first. What an act leads to for one account is decided here, from the account's
circuit and the mode that people set alone, so that the plan that is shown first and the deed that follows are decided
by the same words. The circuits of sending domains know the same acts but `limit`.

No probe can test complaints, which are too rare: what was stopped for them is limited by `probe`, and what is limited
for them is let go.

`limit` follows the table of states as all acts do: a stopped account may reply from then on. What a person has limited
comes back as what a person has stopped does: by `probe` or `reset`, and not by itself.

An account that is known by its address alone has no grant, so nothing can be done about it on the platform. `trip`,
`limit` and a pending stop are refused for it rather than noted, since a state that stops nobody would be a lie; `reset`
only begins counting anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.domain.acts.acts import CANNOT_LIMIT, UNENFORCEABLE, Act, ActKind, Effect, Refusal
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.circuit import act as decide_act
from breaker.domain.circuits.modes import apply_pending
from breaker.domain.circuits.states import WANTED, Cause, State, Wanted

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.circuits.modes import SetMode


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
