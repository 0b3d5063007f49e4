"""One account on its way back: its circuit, its probe, a platform that obeys late, and what it sends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from breaker.domain.circuits.circuit import Circuit, apply
from breaker.domain.circuits.circuit import act as decide_act
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.probes.probe import QUEUE, Evidence, Hold, Probe, ProbeRules
from breaker.domain.probes.probing import Facts, Next, Step, begin, carried_out, decide, notice, verdict_of

START = 1_000_000.0
BOUNCES = Hold(State.SENDING, Signal.BOUNCE, None, "level", stops=1, pace=20.0)
STOPPED = Circuit(State.STOPPED, START, 1)
RULES = ProbeRules()


@dataclass
class Probed:
    """What a prober would do to one account.

    Attributes:
        hold: Why it is held.
        steps: What was done, with the moment.
        free: Whether the platform lets it send.
        free_sends: When it sent though Breaker had not opened a round.
    """

    circuit: Circuit = STOPPED
    hold: Hold = BOUNCES
    rules: ProbeRules = RULES
    now: float = START
    probe: Probe | None = None
    confirmed: Wanted | None = Wanted.STOPPED
    confirmed_at: float = START
    does: Wanted = Wanted.STOPPED
    between: Wanted = Wanted.STOPPED
    hindrance: str | None = None
    jitter: float = 0.0
    sends: list[tuple[float, bool]] = field(default_factory=list)
    steps: list[tuple[Step, float]] = field(default_factory=list)
    whys: list[str] = field(default_factory=list)

    @property
    def state(self) -> State:
        return self.circuit.state

    def look(self, *, unattended: bool = False) -> Next:
        """Decide once, and do it."""
        rounds = self.circuit.state is State.PROBING
        if self.probe is None or not self.probe.belongs_to(self.circuit):
            self.probe = begin(self.circuit, self.hold, self.probe, self.rules, self.jitter)
        if rounds:
            self.probe = notice(self.probe, self.confirmed, self.confirmed_at if self.confirmed else None)
        facts = Facts(
            self.now,
            self.confirmed,
            self.confirmed_at if self.confirmed else None,
            self._evidence(self.probe),
            self.between,
            self.hindrance,
            self.jitter,
            unattended,
        )
        decided = decide(self.circuit, self.probe, facts, self.rules)
        verdict = verdict_of(self.circuit, decided, self.now, self.rules)
        before = self.circuit
        self.circuit, self.probe = carried_out(before, decided, verdict, 7, self.rules)
        if self.circuit.epoch != before.epoch:
            self.confirmed = None
        if verdict is not None:
            self.steps.append((decided.step, self.now))
            self.whys.append(verdict.why)
            assert (verdict.before, verdict.to) == (before.state, self.circuit.state)
            assert rounds or decided.step in {Step.OPEN, Step.EASE}
        return decided

    def act(self, cause: Cause, author: str | None = "ada") -> None:
        """Let a person act."""
        verdict = decide_act(self.circuit, cause, self.now, author or "", "because")
        assert verdict is not None
        self.hold = Hold(self.circuit.state, None, author, "operator", 0, 20.0)
        self.circuit = apply(self.circuit, verdict, 8)
        self.confirmed = None

    def suspect(self, signal: Signal = Signal.BOUNCE) -> None:
        """Let a detector stop it."""
        before = self.circuit
        self.hold = Hold(before.state, signal, None, "level", self.hold.stops, 20.0)
        self.circuit = Circuit(State.STOPPED, self.now, before.epoch + (before.wanted is not Wanted.STOPPED))
        self.confirmed = None if self.circuit.epoch != before.epoch else self.confirmed

    def obey(self) -> None:
        """Let the platform do what is wanted, and be read back."""
        if self.confirmed is not self.circuit.wanted:
            self.does = self.confirmed = self.circuit.wanted
            self.confirmed_at = self.now

    def send(self, *, bad: bool = False) -> bool:
        """Let it try to send; tell whether it went out."""
        if self.does is Wanted.SENDING:
            self.sends.append((self.now, bad))
        return self.does is Wanted.SENDING

    def later(self, seconds: float) -> None:
        self.now += seconds

    def round(self, *, sends: int = 10, bad: int = 0) -> None:
        """Go through one round, from the moment at which it is due."""
        assert self.look().step is Step.OPEN
        self.obey()
        self.look()
        for number in range(sends):
            self.later(60.0)
            self.send(bad=number < bad)
        if self.look().step is Step.CLOSE:
            self.later(2.0)
            self.obey()
            self.look()
            self.later(self.rules.settle)

    def cooled(self) -> None:
        """Let the cool-down pass."""
        self.look()
        assert self.probe is not None
        assert self.probe.next_at is not None
        self.now = self.probe.next_at

    def _evidence(self, probe: Probe) -> Evidence:
        if probe.opened_at is None:
            return Evidence()
        until = self.now if probe.closed_at is None else probe.closed_at
        counted = [(at, bad) for at, bad in self.sends if probe.opened_at <= at <= until]
        late = [at for at, _ in self.sends if until < at <= until + QUEUE]
        return Evidence(
            len(counted), sum(bad for _, bad in counted), max((at for at, _ in counted), default=None), len(late)
        )


def with_rules(**changed: object) -> Probed:
    return Probed(rules=replace(RULES, **changed))  # type: ignore[arg-type] # the names are checked by replace
