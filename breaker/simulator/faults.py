"""Harshness on purpose: what goes wrong between a client and the platform, chosen call by call.

A fault meets the calls whose method and path it names, a number of times or until it is taken back, always or by
chance. It may strike before the call is carried out or, worse, after: then the change is made and the client does not
learn of it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from breaker.simulator.application import Application


class FaultKind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"
    """The answer comes `seconds` later."""
    STATUS = "status"
    """The answer has another `status`, in a proper envelope."""
    HTML = "html"
    """The answer is a page of HTML with `status`, as a proxy in between gives it."""
    SILENCE = "silence"
    """No answer comes; the connection stays open."""
    DISCONNECT = "disconnect"
    """The connection is cut instead of an answer."""
    STALE = "stale"
    """Reads are answered from the state at the moment the fault was made."""
    LOST = "lost"
    """Changes are answered as if they were made, and are not."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: What.
        method: Only calls with this HTTP method; None means any.
        path: Only calls whose path starts so.
        times: How often yet; None means until it is taken back.
        probability: With which chance a call is met.
        seconds: Real seconds of latency.
        status: The HTTP status that is answered.
        retry_after: Seconds in `Retry-After`, if any.
        executes: Whether the call is carried out all the same.
        id: Its number, by which it is taken back.
    """

    kind: FaultKind
    method: str | None = None
    path: str = "/v3/"
    times: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 500
    retry_after: int | None = None
    executes: bool = False
    id: int = 0
    _frozen: dict[str, Application] = field(default_factory=dict, repr=False)

    def freeze(self, application: Application) -> None:
        """Keep an application as it is now, to answer from."""
        self._frozen[application.id] = frozen(application)

    def state_of(self, application: Application) -> Application:
        """Return the application as it was when the fault was made; as it is, if it was not there then."""
        return self._frozen.get(application.id, application)

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a call is one of those it names."""
        of_its_kind = {FaultKind.STALE: method == "GET", FaultKind.LOST: method != "GET"}
        return (
            of_its_kind.get(self.kind, True)
            and (self.method is None or self.method == method)
            and path.startswith(self.path)
        )


class Faults:
    """The faults in force, the oldest first; the first that meets a call strikes.

    Args:
        source: Randomness of those that strike by chance.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._in_force: list[Fault] = []
        self._made = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._in_force)

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force and number it."""
        self._made += 1
        fault.id = self._made
        self._in_force.append(fault)
        return fault

    def remove(self, fault_id: int) -> None:
        """Take a fault back; one that is not in force is passed over."""
        self._in_force = [fault for fault in self._in_force if fault.id != fault_id]

    def clear(self) -> None:
        """Take all faults back."""
        self._in_force = []

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that meets a call, used up by one time; None if all goes well."""
        for fault in self._in_force:
            if fault.meets(method, path) and (fault.probability >= 1 or self._source.random() < fault.probability):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.remove(fault.id)
                return fault
        return None


def frozen(application: Application) -> Application:
    """Return an application whose resources are a copy of what they are now."""
    kept = (application.surroundings, application.messages, application.destinations)
    memo: dict[int, object] = {id(one): one for one in kept}
    shown = copy.copy(application)
    for name in ("policies", "rules", "lists", "workspaces", "grants", "evaluations"):
        setattr(shown, name, copy.deepcopy(getattr(application, name), memo))
    return shown
