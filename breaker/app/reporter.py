"""Who is told what happens: the log, the metrics, and the senders that wait for something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.platform_standing import in_words
from breaker.flows.judge import Given
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from breaker.adapters.metrics import Metrics
    from breaker.domain.platform.platform_standing import Scope, SendRefusal
    from breaker.flows.count import Report
    from breaker.flows.judge_domains import GivenDomain
    from breaker.flows.probe import Done
    from breaker.flows.probe_domains import DomainStep
    from breaker.ports import Announced, Command

_NAMED = 20

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Somebody in the same process who wants to hear of verdicts, such as the demo."""

    def decided(self, given: Given) -> None:
        """A verdict was committed."""
        ...

    def decided_domain(self, given: GivenDomain) -> None:
        """A verdict about a sending domain was committed."""
        ...

    def probed_domain(self, done: DomainStep) -> None:
        """A step of a sending domain's probe was committed."""
        ...

    def obeyed(self, command: Command, seconds: float) -> None:
        """The platform was read back for a command, so many seconds after it was wanted."""
        ...


class Reporter:
    """Tells the log and the metrics what happened, and the senders that there is something to do.

    Args:
        metrics: The metrics.
        wake: Wakes the senders.
        listener: Who else hears of verdicts.
    """

    def __init__(self, metrics: Metrics, wake: Callable[[], None], listener: Listener | None = None) -> None:
        """Keep who is told."""
        self._metrics = metrics
        self._wake = wake
        self._listener = listener
        self.events = 0

    def committed(self, report: Report, size: int, seconds: float) -> None:
        """A batch was committed."""
        self.events += size
        self._metrics.batch(size, seconds)
        for kind, number in report.kinds.items():
            self._metrics.outcomes(OutcomeKind(kind), number)
        for result, number in report.outcomes.items():
            if result != "counted":
                self._metrics.not_counted(result, number)
        for reason, number in report.suppressed.items():
            self._metrics.suppression.kept(reason, number)
        self.decided(report.given)
        for domain in report.domains:
            self._metrics.verdict(domain.verdict, domain.mode)
            _log_domain_verdict(domain)
            if self._listener is not None:
                self._listener.decided_domain(domain)
        if report.domains:
            self._wake()

    def decided(self, given: Sequence[Given]) -> None:
        """Verdicts about accounts were committed."""
        for one in given:
            self._metrics.verdict(one.verdict, one.mode)
            _log_verdict(one)
            if self._listener is not None:
                self._listener.decided(one)
        if given:
            self._wake()

    def probed(self, done: Done) -> None:
        """A step of a probe was committed."""
        self._metrics.verdict(done.verdict, Mode.ENFORCE)
        self._metrics.probe(done.step)
        if self._listener is not None:
            self._listener.decided(Given(done.id, done.account, done.verdict, Mode.ENFORCE))
        self._wake()

    def probed_domain(self, done: DomainStep) -> None:
        """A step of a sending domain's probe was committed."""
        self._metrics.verdict(done.verdict, Mode.ENFORCE)
        self._metrics.domain_probe(done.step)
        if self._listener is not None:
            self._listener.probed_domain(done)
        self._wake()

    def refused(self, error: Exception, size: int) -> None:
        """A batch was not committed."""
        cause = error.__cause__ or error
        self._metrics.database_error(type(cause).__name__)
        log.error("batch not committed", events=size, error=type(error).__name__, cause=type(cause).__name__)

    def tried_again(self, error: Exception) -> None:
        """A batch is tried again."""
        self._metrics.database_error(str(error).partition(" ")[0])
        log.debug("batch tried again", error=str(error))

    def answered(self, status: int, result: str, trigger: str) -> None:
        """A request was answered."""
        self._metrics.notification(status, result, trigger)
        if status != 200 or result == "not_understood":  # noqa: PLR2004
            log.warning("notification not taken in", status=status, result=result, trigger=trigger)

    def received(self, application_id: str, trigger: str, occurred_at: float, now: float) -> None:
        """A signed notification came."""
        self._metrics.event(application_id, trigger, now - occurred_at, now)

    def feeds(self, blind: Collection[str], last_at: Mapping[tuple[str, str], float]) -> None:
        """The feeds were looked at."""
        self._metrics.feeds(blind, last_at)

    def send_refused(self, refusal: SendRefusal) -> None:
        """The platform refused a send."""
        self._metrics.send_refused(refusal)

    def send_suppressed(self) -> None:
        """A send was refused for its recipient."""
        self._metrics.suppression.refused()

    def platform_acted(self, application_id: str, scope: Scope | None, accounts: Sequence[Announced]) -> None:
        """The platform did one thing to some accounts: a page, but for what passes by itself."""
        standing = accounts[0].standing
        self._metrics.platform_acted(standing.what, scope)
        level = log.warning if standing.until else log.error
        level(
            in_words(standing.what),
            application=application_id,
            what=standing.what,
            scope=scope,
            accounts=[one.account.id for one in accounts[:_NAMED]],
            number=len(accounts),
            source=standing.source,
            status=standing.example.status,
            type=standing.example.type,
            message=standing.example.message,
            request_id=standing.example.request_id,
        )

    def platform_relented(self, ended: Announced) -> None:
        """What the platform did to an account is over."""
        log.info("the platform refuses no more", account=ended.account.id, what=ended.standing.what)

    def confirmed(self, command: Command, seconds: float) -> None:
        """A command was read back."""
        self._metrics.stop_confirmed(command.kind, seconds)
        if self._listener is not None:
            self._listener.obeyed(command, seconds)
        log.info(
            "confirmed",
            command=command.id,
            kind=command.kind,
            account=command.about.id,
            account_address=command.about.address if isinstance(command.about, Account) else None,
            epoch=command.epoch,
            attempts=command.attempts,
            seconds=round(seconds, 3),
        )


def _log_verdict(one: Given) -> None:
    verdict = one.verdict
    # What the guard holds is a page: too much would be stopped at once, and a person has to look at why.
    level = log.error if verdict.held_by is HeldBy.GUARD else log.info
    level(
        "verdict",
        verdict=one.id,
        account=one.account.id,
        account_address=one.account.address,
        **{"from": verdict.before, "to": verdict.to},
        detector=verdict.detector,
        signal=verdict.signal,
        cause=verdict.cause,
        count=verdict.count,
        of=verdict.of,
        held_by=verdict.held_by,
        mode=one.mode,
        why=verdict.why,
    )


def _log_domain_verdict(one: GivenDomain) -> None:
    verdict = one.verdict
    log.warning(
        "domain verdict",
        verdict=one.id,
        application=one.domain.application_id,
        domain=one.domain.name,
        **{"from": verdict.before, "to": verdict.to},
        cause=verdict.cause,
        count=verdict.count,
        of=verdict.of,
        held_by=verdict.held_by,
        why=verdict.why,
    )
