"""What Breaker tells Prometheus.

Names, labels and units are a contract: a change of them is a `[CHANGE]`. No label grows with the fleet. What happens is
counted where it happens; what stands in the database is polled, each with the time of its polling, because one daemon
of several cannot know it otherwise: every daemon on a database tells the same, so take the `max` of it, not the `sum`.
"""

from __future__ import annotations

import asyncio
from math import nan
from typing import TYPE_CHECKING, Protocol

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

import breaker
from breaker.adapters.placement_metrics import PlacementMetrics
from breaker.adapters.suppression_metrics import SuppressionMetrics
from breaker.adapters.sweep_metrics import SweepMetrics
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.platform.commands import PRIORITIES, CommandKind
from breaker.domain.platform.platform_standing import SEVERITY, SendRefusal
from breaker.domain.platform.protection import Unprotected
from breaker.domain.probes.probe import Phase
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.outcomes.outcomes import OutcomeKind
    from breaker.domain.platform.platform_standing import Scope
    from breaker.domain.probes.probing import Step
    from breaker.domain.standing.gate import Answer
    from breaker.domain.windows.comparison import Comparison
    from breaker.ports import Clock

POLL_SECONDS = 15.0
"""Seconds between two polls: as often as Prometheus usually asks."""

_MOST_VALUES = 64
_REMEMBERED = 1_000
_OTHER = "other"
_NONE = "none"

_LAG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600)
_CONFIRMATION = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
_BATCH_SIZE = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Backlog(Protocol):
    """Commands of one kind that are not settled."""

    @property
    def kind(self) -> str:
        """What they do."""
        ...

    @property
    def number(self) -> int:
        """How many there are."""
        ...

    @property
    def oldest(self) -> float:
        """Since when the oldest is wanted, Unix seconds."""
        ...


class Counts(Protocol):
    """What is polled."""

    async def by_state_and_mode(self) -> Mapping[tuple[State, Mode], int]:
        """Return how many accounts there are by state and mode in force."""
        ...

    async def domains_by_state(self) -> Mapping[State, int]:
        """Return how many sending domains there are by state of their own circuit, those that simply send left out."""
        ...

    async def probes_by_phase(self) -> Mapping[Phase, int]:
        """Return how many stopped, limited and probed accounts there are by what their probe waits for."""
        ...

    async def pending_verdicts(self) -> Mapping[HeldBy, int]:
        """Return how many accounts and domains have a held verdict, by what holds it."""
        ...

    async def platform_standings(self) -> Mapping[SendRefusal, int]:
        """Return how many accounts there are by what the platform did to them."""
        ...

    async def false_stops(self) -> int:
        """Return how many stops people called false."""
        ...

    async def commands_pending(self) -> Sequence[Backlog]:
        """Return the commands that are not settled, by kind."""
        ...


class _Polled(Collector):
    """A total that stands in the database, of which this process is told when it polls."""

    def __init__(self, name: str, help_: str) -> None:
        self._name = name
        self._help = help_
        self.total = 0

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the total as it was last polled."""
        yield CounterMetricFamily(self._name, self._help, value=self.total)


class Metrics:
    """All metrics of one process, each documented by its own help text.

    Attributes:
        registry: What `/metrics` renders; it belongs to this instance alone.
        suppression: Those of suppressed recipients.
    """

    def __init__(self) -> None:
        """Define every metric."""
        self.registry = registry = CollectorRegistry()
        self._labels: dict[str, set[str]] = {}
        # Finding a child by its labels costs more than counting, and these two are asked for with every request.
        self._answered: dict[tuple[int, str, str], Counter] = {}
        self._last_events: dict[tuple[str, str], Gauge] = {}
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        Gauge("breaker_build_info", "Always 1; the version is its label.", ["version"], registry=registry).labels(
            breaker.__version__
        ).set(1)

        self._notifications = Counter(
            "breaker_notifications_total",
            "Webhook requests, by how each was answered (`result`, `status`) and by the trigger, where it was read.",
            ["result", "status", "trigger"],
            registry=registry,
        )
        self._reload_successful = Gauge(
            "breaker_config_last_reload_successful",
            "1 where the last reading of the configuration put it in force; 0 where the one before stayed.",
            registry=registry,
        )
        self._reloaded_at = Gauge(
            "breaker_config_last_reload_success_timestamp_seconds",
            "When the configuration was last put in force.",
            registry=registry,
        )
        self._last_event = Gauge(
            "breaker_last_event_timestamp_seconds",
            "When the last signed notification came, by application and trigger, to whichever daemon.",
            ["application", "trigger"],
            registry=registry,
        )
        self._on_hold = Gauge(
            "breaker_on_hold", "1 while a person holds automatic changes back, both ways; else 0.", registry=registry
        )
        self._feed_blind = Gauge(
            "breaker_feed_blind",
            "Applications whose feed of events is not to be trusted now: nothing is stopped or let go automatically.",
            registry=registry,
        )
        self._count_difference = Gauge(
            "breaker_count_difference_ratio",
            "Outcomes of the last week that only Breaker or only the platform counted, over the platform's; of the "
            "application where it is largest. Compared once an hour; NaN before the first time.",
            registry=registry,
        )
        self._count_difference.set(nan)
        self._count_differences: dict[str, float] = {}
        self._outcomes = Counter(
            "breaker_outcomes_total",
            "Outcomes that were committed and not known before, by kind.",
            ["kind"],
            registry=registry,
        )
        self._not_counted = Counter(
            "breaker_outcomes_not_counted_total",
            "Outcomes that changed no count, by reason: repeated, simulator, too_old, too_far_ahead.",
            ["reason"],
            registry=registry,
        )
        self._lag = Histogram(
            "breaker_outcome_lag_seconds",
            "From an outcome's coming about, as the platform tells it, to its being received.",
            buckets=_LAG,
            registry=registry,
        )
        self._batch_size = Histogram(
            "breaker_batch_events", "Notifications that shared one transaction.", buckets=_BATCH_SIZE, registry=registry
        )
        self._batch_seconds = Histogram(
            "breaker_batch_seconds",
            "From a transaction's begin to its commit.",
            buckets=_BATCH_SECONDS,
            registry=registry,
        )
        self._verdicts = Counter(
            "breaker_verdicts_total",
            "Verdicts, by signal, by the state asked for, by the mode in force, and by what held them (none: applied).",
            ["signal", "to", "mode", "held_by"],
            registry=registry,
        )
        self._stop_confirm = Histogram(
            "breaker_stop_confirm_seconds",
            "From a stop's being wanted to the platform's being read back and showing it.",
            buckets=_CONFIRMATION,
            registry=registry,
        )
        self._platform_requests = Counter(
            "breaker_platform_requests_total",
            "Requests to the platform, by how each ended: the HTTP status, or a word where there was none.",
            ["status"],
            registry=registry,
        )
        self._database_errors = Counter(
            "breaker_database_errors_total",
            "Transactions that were not committed, by kind of error; most are tried again.",
            ["kind"],
            registry=registry,
        )
        self._accounts = Gauge(
            "breaker_accounts", "Accounts, by state and mode in force. Polled.", ["state", "mode"], registry=registry
        )
        self._domains = Gauge(
            "breaker_domains",
            "Sending domains whose own circuit is warned, stopped or probing, by state; a stopped one pages. Polled.",
            ["state"],
            registry=registry,
        )
        self._probes = Gauge(
            "breaker_probes",
            "Stopped, limited and probed accounts, by what their way back waits for; asking: for a person. Polled.",
            ["phase"],
            registry=registry,
        )
        self._probe_steps = Counter(
            "breaker_probe_steps_total",
            "Steps of probes: rounds opened (open) and closed (close), and how probes ended (accept, fail, ease).",
            ["step"],
            registry=registry,
        )
        self._domain_probe_steps = Counter(
            "breaker_domain_probe_steps_total",
            "Steps of the probes of sending domains: rounds opened (open) and closed (close); ends (accept, fail).",
            ["step"],
            registry=registry,
        )
        self._pending_verdicts = Gauge(
            "breaker_pending_verdicts",
            "Accounts and domains with a verdict that is held, by what holds it. Polled.",
            ["held_by"],
            registry=registry,
        )
        self._false_stops = _Polled(
            "breaker_false_stops", "Stops that people called false (`breaker reset --false-stop`). Polled."
        )
        registry.register(self._false_stops)
        self._guard_held = Gauge(
            "breaker_guard_held", "Accounts and domains whose stop the fleet guard holds. Polled.", registry=registry
        )
        self._commands_pending = Gauge(
            "breaker_commands_pending",
            "Commands that the platform was not read back for, by kind. Polled.",
            ["kind"],
            registry=registry,
        )
        self._oldest_command = Gauge(
            "breaker_oldest_pending_command_timestamp_seconds",
            "Since when the oldest of them is wanted; NaN where there is none. Polled.",
            registry=registry,
        )
        self._polled = Gauge(
            "breaker_poll_timestamp_seconds",
            "When what is polled was last read; what is polled is as old as this.",
            registry=registry,
        )
        self._refused_sends = Counter(
            "breaker_refused_sends_total",
            "Sends that the platform refused, as far as they were told of, by reason.",
            ["reason"],
            registry=registry,
        )
        for refusal in SendRefusal:
            self._refused_sends.labels(refusal)
        self._platform_acts = Counter(
            "breaker_platform_acts_total",
            "What the platform itself did, each told of once, by scope: an application's is one, whomever it concerns.",
            ["what", "scope"],
            registry=registry,
        )
        self._platform_standings = Gauge(
            "breaker_platform_standings",
            "Accounts that the platform itself refuses, by what it did. Polled.",
            ["what"],
            registry=registry,
        )
        self._unprotected = Gauge(
            "breaker_accounts_unprotected",
            "Accounts that a stop would not stop, by the first reason found. Read from the platform every minute.",
            ["reason"],
            registry=registry,
        )
        self._drift = Counter(
            "breaker_drift_total",
            "What somebody else changed on the platform of what Breaker made, holds or knows; each time it is told.",
            ["kind"],
            registry=registry,
        )
        self._unprotected_in: dict[str, Mapping[Unprotected, int]] = {}
        self.sweeps, self.placements, self.suppression = (
            SweepMetrics(registry),
            PlacementMetrics(registry),
            SuppressionMetrics(registry),
        )
        self._gate_answers = Counter(
            "breaker_gate_answers_total",
            "Answers of the gate, by whether the account may send, and by its state.",
            ["allow", "state"],
            registry=registry,
        )
        self._gate_children: dict[tuple[bool, State], Counter] = {}
        self._gate_accounts = Gauge(
            "breaker_gate_accounts",
            "Accounts that the gate keeps in memory: who is not plainly sending.",
            registry=registry,
        )
        self._gate_followed = Gauge(
            "breaker_gate_followed_timestamp_seconds",
            "When the gate last followed what is committed; its answers are as old as this.",
            registry=registry,
        )
        self._oldest_command.set(nan)

    # --- What happens ---

    def notification(self, status: int, result: str, trigger: str) -> None:
        """Count an answered webhook request; `trigger` is empty where none could be read."""
        key = (status, result, trigger)
        child = self._answered.get(key)
        if child is None:
            child = self._notifications.labels(result, status, self._bounded("trigger", trigger or _NONE))
            if len(self._answered) < _REMEMBERED:
                self._answered[key] = child
        child.inc()

    def event(self, application_id: str, trigger: str, lag: float, now: float) -> None:
        """Note that a signed notification came.

        Args:
            application_id: Its application.
            trigger: Its trigger.
            lag: Seconds since what it tells came about.
            now: Unix seconds.
        """
        self._last_heard(application_id, trigger).set(now)
        self._lag.observe(max(0.0, lag))

    def watch_hold(self, on_hold: Callable[[], bool]) -> None:
        """Tell from now on whether automatic changes are on hold, asked for at each reading."""
        self._on_hold.set_function(on_hold)

    def feeds(self, blind: Collection[str], last_at: Mapping[tuple[str, str], float]) -> None:
        """Note how the feeds stand.

        Args:
            blind: The applications whose feed is not to be trusted.
            last_at: By application and trigger, when the last delivery event came to any daemon, Unix seconds.
        """
        self._feed_blind.set(len(blind))
        for (application_id, trigger), moment in last_at.items():
            self._last_heard(application_id, trigger).set(moment)

    def counts_compared(self, comparison: Comparison) -> None:
        """Note by how much our counts of an application and the platform's differ."""
        self._count_differences[comparison.application_id] = comparison.difference_ratio or 0.0
        self._count_difference.set(max(self._count_differences.values()))

    def send_refused(self, refusal: SendRefusal) -> None:
        """Count a send that the platform refused."""
        self._refused_sends.labels(refusal).inc()

    def platform_acted(self, what: SendRefusal, scope: Scope | None) -> None:
        """Count something that the platform did."""
        self._platform_acts.labels(what, scope or _NONE).inc()

    def unprotected(self, application_id: str, counts: Mapping[Unprotected, int]) -> None:
        """Note how many accounts of an application a stop would not stop."""
        self._unprotected_in[application_id] = counts
        for reason in Unprotected:
            self._unprotected.labels(reason).set(sum(one.get(reason, 0) for one in self._unprotected_in.values()))

    def drifted(self, kind: str) -> None:
        """Count what somebody else changed on the platform."""
        self._drift.labels(kind).inc()

    def gate_answered(self, answer: Answer) -> None:
        """Count an answer of the gate."""
        key = (answer.allow, answer.state)
        child = self._gate_children.get(key)
        if child is None:
            child = self._gate_children[key] = self._gate_answers.labels(str(answer.allow).lower(), answer.state)
        child.inc()

    def gate_followed(self, accounts: int, now: float) -> None:
        """Note that the gate is fresh, and how many accounts it keeps."""
        self._gate_accounts.set(accounts)
        self._gate_followed.set(now)

    def reloaded(self, now: float, *, successful: bool) -> None:
        """Note a reading of the configuration."""
        self._reload_successful.set(successful)
        if successful:
            self._reloaded_at.set(now)

    def outcomes(self, kind: OutcomeKind, number: int) -> None:
        """Count outcomes that were committed."""
        self._outcomes.labels(kind).inc(number)

    def not_counted(self, reason: str, number: int) -> None:
        """Count outcomes that changed no count."""
        self._not_counted.labels(reason).inc(number)

    def batch(self, size: int, seconds: float) -> None:
        """Note a committed batch of notifications."""
        self._batch_size.observe(size)
        self._batch_seconds.observe(seconds)

    def verdict(self, verdict: Verdict, mode: Mode) -> None:
        """Count a verdict."""
        self._verdicts.labels(verdict.signal or _NONE, verdict.to, mode, verdict.held_by or _NONE).inc()

    def stop_confirmed(self, kind: CommandKind, seconds: float) -> None:
        """Note that the platform was read back for a command; only stops are measured."""
        if kind in (CommandKind.BLOCK, CommandKind.QUARANTINE):
            self._stop_confirm.observe(max(0.0, seconds))

    def platform_request(self, status: str) -> None:
        """Count a request to the platform."""
        self._platform_requests.labels(self._bounded("status", status)).inc()

    def database_error(self, kind: str) -> None:
        """Count a transaction that was not committed."""
        self._database_errors.labels(self._bounded("kind", kind)).inc()

    def probe(self, step: Step) -> None:
        """Count a step of a probe."""
        self._probe_steps.labels(step).inc()

    def domain_probe(self, step: Step) -> None:
        """Count a step of a sending domain's probe."""
        self._domain_probe_steps.labels(step).inc()

    # --- What stands ---

    async def poll(self, counts: Counts, now: float) -> None:
        """Read what is polled.

        Raises:
            StoreError: It can't be read; what was read before stays.
        """
        accounts = await counts.by_state_and_mode()
        pending = await counts.pending_verdicts()
        commands = {one.kind: one for one in await counts.commands_pending()}
        for state in State:
            for mode in Mode:
                self._accounts.labels(state, mode).set(accounts.get((state, mode), 0))
        domains = await counts.domains_by_state()
        for state in (State.WARNED, State.STOPPED, State.PROBING):
            self._domains.labels(state).set(domains.get(state, 0))
        probes = await counts.probes_by_phase()
        for phase in Phase:
            self._probes.labels(phase).set(probes.get(phase, 0))
        for held_by in HeldBy:
            self._pending_verdicts.labels(held_by).set(pending.get(held_by, 0))
        self._false_stops.total = await counts.false_stops()
        self._guard_held.set(pending.get(HeldBy.GUARD, 0))
        for kind in {*PRIORITIES, *commands}:
            self._commands_pending.labels(kind).set(commands[kind].number if kind in commands else 0)
        standings = await counts.platform_standings()
        for what in SEVERITY:
            self._platform_standings.labels(what).set(standings.get(what, 0))
        self._oldest_command.set(min((one.oldest for one in commands.values()), default=nan))
        self._polled.set(now)

    async def keep_polling(self, counts: Counts, clock: Clock, seconds: float = POLL_SECONDS) -> None:
        """Go on reading what is polled until cancelled, by the wall's time."""
        log = structlog.get_logger(__name__)
        while True:
            try:
                await self.poll(counts, clock.now())
            except StoreError as error:
                log.warning("metrics not polled", error=str(error))
            await asyncio.sleep(seconds)

    def _last_heard(self, application_id: str, trigger: str) -> Gauge:
        key = (application_id, trigger)
        child = self._last_events.get(key)
        if child is None:
            child = self._last_event.labels(
                self._bounded("application", application_id), self._bounded("trigger", trigger)
            )
            if len(self._last_events) < _REMEMBERED:
                self._last_events[key] = child
        return child

    def _bounded(self, label: str, value: str) -> str:
        """Return a label's value, or `other` once there are too many different ones."""
        known = self._labels.setdefault(label, set())
        if value in known:
            return value
        if len(known) >= _MOST_VALUES:
            return _OTHER
        known.add(value)
        return value
