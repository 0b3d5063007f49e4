"""The canary: when it may be drilled, and by which verdicts it is stopped and let go.

A drill stops nobody that is not simply sending, and lets nobody go that it did not stop itself: whoever else changed
what is wanted meanwhile has begun another epoch, and what they want stands. What is known of the canary's mail is kept:
a drill is no evidence for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.domain.acts.acts import UNENFORCEABLE
from breaker.domain.circuits.circuit import act
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.platform.commands import Actuator

if TYPE_CHECKING:
    from collections.abc import Collection

    from breaker.domain.circuits.circuit import Circuit, Verdict

AUTHOR = "drill"
"""The author of a drill's verdicts."""


@dataclass(frozen=True, slots=True)
class Canary:
    """How the canary stands.

    Args:
        enforceable: Whether it can be stopped on the platform.
        address: Whether its address is known.
        confirmed: What the platform was read back to do, or None while that is not known.
        error: What a change of it that is under way failed with, or None.
        domain_stopped: Whether its sending domain is stopped.
        platform_refuses: Whether the platform itself has paused or restricted it.
    """

    enforceable: bool
    address: bool
    confirmed: Wanted | None
    error: str | None = None
    domain_stopped: bool = False
    platform_refuses: bool = False


def why_not(circuit: Circuit, canary: Canary, actuators: Collection[Actuator]) -> str | None:
    """Return why a canary can't be drilled now, or None where it can.

    Args:
        circuit: Its circuit.
        canary: How it stands.
        actuators: The ways to stop that are on for it.
    """
    pending, why = circuit.pending, f" ({canary.error})" if canary.error else ""
    held = f"{pending.to}, held by {pending.held_by}" if pending else ""
    checks = (
        (not canary.enforceable, UNENFORCEABLE),
        (circuit.state is not State.SENDING, f"It is {circuit.state}, and a drill would undo that{_OTHERWISE}"),
        (pending is not None, f"A verdict stands pending ({held}), and a drill would undo that{_OTHERWISE}"),
        (not canary.address, "Its address is not known yet, and what stops is a list of addresses: try again later."),
        (canary.domain_stopped, "Its sending domain is stopped: see `breaker explain domain:…`."),
        (canary.platform_refuses, f"The platform itself has paused or restricted it{_OTHERWISE}"),
        (
            canary.confirmed is not Wanted.SENDING,
            f"The platform was not read back yet for what was last wanted of it{why}: see `breaker doctor`.",
        ),
        (Actuator.BLOCK not in actuators, "The actuator `block`, which a drill tries, is not on for its workspace."),
    )
    return next((sentence for found, sentence in checks if found), None)


_OTHERWISE = ": see `breaker explain`, or choose another canary."


def stop(circuit: Circuit, number: int, by: str, now: float) -> Verdict:
    """Return the verdict that stops a canary which is sending."""
    verdict = act(circuit, Cause.TRIPPED, now, AUTHOR, "")
    if verdict is None:
        raise ValueError(f"a canary that is {circuit.state} can't be stopped by a drill")
    return replace(verdict, why=f"Stopped by drill {number}, for a minute: {by}")


def release(circuit: Circuit, stop_epoch: int, number: int, reason: str, now: float) -> Verdict | None:
    """Return the verdict that lets a canary go, or None where it is not the drill that holds it.

    Args:
        circuit: Its circuit as it is now.
        stop_epoch: The epoch that the drill's stop began.
        number: The drill's number.
        reason: Why now.
        now: Unix seconds.
    """
    if circuit.state is not State.STOPPED or circuit.epoch != stop_epoch:
        return None
    verdict = act(circuit, Cause.RESET, now, AUTHOR, "")
    return None if verdict is None else replace(verdict, why=f"Let go by drill {number}: {reason}")
