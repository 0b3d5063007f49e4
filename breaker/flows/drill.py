"""Drill: take a canary through stop, refusal, reset and sending, each step timed, and never leave it stopped.

What is done is what is done to every account: a verdict, commands in the outbox, the one daemon that sends, read-back.
Each step is written down before it begins, so that whoever finds a drill whose process is gone knows what may be left
of it, lets the canary go if it is still the drill that holds it, and takes the drill's rule back. A lease lets one
drill of an application go on at a time, and ends with its process.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import Wanted
from breaker.domain.drill import (
    WHAT_TO_DO,
    Drill,
    DrillOutcome,
    RuleScope,
    Sent,
    Step,
    StepResult,
    outcome_of,
    refused_for,
)
from breaker.flows.designs import Made
from breaker.flows.drill_mail import DrillMail
from breaker.flows.fixtures import known_fixtures
from breaker.ports import PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.flows.drill_canary import HoldCanary
    from breaker.flows.drill_mail import TrySending
    from breaker.flows.find_scope import FindScope
    from breaker.flows.lease import Lease
    from breaker.ports import Account, Clock, Drills

LEASE = 30.0
"""Seconds after which the drill of a process that is gone is taken over, and its canary let go."""

_LISTEN = 0.5


class DrillUnderWayError(Exception):
    """Another process drills in this application just now."""


class DrillTakenOverError(Exception):
    """This process stood still for so long that another has let the canary go, and ended the drill."""


@dataclass(frozen=True, slots=True)
class DrillLimits:
    """How long a drill waits; seconds.

    Args:
        read_back: For the platform to be read back.
        refusal: For a stop, or a reset, that was read back to take effect.
        event: For the platform to tell what became of the accepted send; 0 to ask for nothing.
    """

    read_back: float
    refusal: float
    event: float


@dataclass(slots=True)
class _Run:
    """A drill that goes on."""

    drill: Drill
    account: Account
    mail: DrillMail
    limits: DrillLimits
    steps: list[StepResult] = field(default_factory=list)
    stop_epoch: int | None = None
    scope: RuleScope | None = None
    rule_left: bool = False


@dataclass(slots=True, kw_only=True)
class ConductDrill:
    """Conducts the drills of one application.

    Args:
        application_id: The application.
        drills: All drills.
        canary: Stops canaries and lets them go.
        find_scope: Finds out where rules hold.
        mail: Sends as the canary.
        lease: Lets one drill at a time go on.
        clock: The time.
        told: Told of each step when it is over.
    """

    application_id: str
    drills: Drills
    canary: HoldCanary
    find_scope: FindScope
    mail: TrySending
    lease: Lease
    clock: Clock
    told: Callable[[Drill, StepResult], None]

    async def __call__(  # noqa: PLR0913 - what a drill is asked for by, each named
        self, account: Account, recipient: str, limits: DrillLimits, *, by: str, nightly: bool, scope: bool
    ) -> Drill:
        """Drill once, and return what became of it.

        Args:
            account: The canary.
            recipient: Where its mail goes.
            limits: How long to wait.
            by: Who asks for it.
            nightly: Whether it is the nightly one.
            scope: Whether to find out where rules hold as well.

        Raises:
            DrillUnderWayError: Another process drills here just now; nothing was changed.
            DrillTakenOverError: This process stood still for too long; nothing of the drill is left.
            StoreError: The database can't be used now; the canary is let go by whoever can use it first.
        """
        if not await self.lease.ensure():
            raise DrillUnderWayError(f"another drill is under way in the application {self.application_id}")
        async with self.lease.kept():
            await self._recover()
            drill = await self.drills.begin(account.key, by, self.clock.now(), nightly=nightly)
            run = _Run(drill, account, DrillMail(drill, account.grant_id or "", recipient), limits)
            try:
                await self._conduct(run, scope=scope)
            except BaseException:
                await self._break_off(run)
                raise
            outcome = outcome_of(run.steps)
            await self.drills.conclude(drill.number, outcome, run.steps, run.scope)
            if not run.rule_left:
                await self.drills.end(drill.number, self.clock.now())
            return replace(drill, outcome=outcome, steps=tuple(run.steps), rule_scope=run.scope)

    async def recover(self) -> list[Drill]:
        """Take back what drills left behind whose processes are gone; return them.

        Raises:
            PlatformError: A drill's rule could not be taken back yet.
            StoreError: The database can't be used now.
        """
        if not await self.drills.unfinished(self.application_id) or not await self.lease.ensure():
            return []
        async with self.lease.kept():
            return await self._recover()

    async def _recover(self) -> list[Drill]:
        recovered: list[Drill] = []
        for left in await self.drills.unfinished(self.application_id):
            number = left.drill.number
            reason = "its process ended in the middle of it"
            await self.canary.let_go(number, left.account, left.stop_epoch, reason)
            if left.at_step is Step.SCOPE:
                await self.find_scope.take_back()
            drill = left.drill
            if drill.outcome is None:
                steps = (*drill.steps, StepResult(left.at_step, passed=False, seconds=0.0, says=_ENDED))
                drill = replace(drill, outcome=DrillOutcome.ABANDONED, steps=steps)
                await self.drills.conclude(number, DrillOutcome.ABANDONED, steps, None)
            await self.drills.end(number, self.clock.now())
            recovered.append(drill)
        return recovered

    async def _break_off(self, run: _Run) -> None:
        """Let the canary go at once, where the process is told to end, or something fails that should not."""
        with suppress(StoreError):  # else whoever finds the drill unfinished does it
            await self.canary.let_go(run.drill.number, run.account.key, run.stop_epoch, "it was broken off")

    async def _conduct(self, run: _Run, *, scope: bool) -> None:
        if not await self._stop(run):
            return
        stopped = await self._read_back(run, Step.STOP, Wanted.STOPPED)
        refused = stopped and await self._refused(run)
        free = await self._reset(run)
        if not (refused and free and await self._accepted(run)):
            return
        if scope:
            await self._scope(run)

    async def _stop(self, run: _Run) -> bool:
        begun = self.clock.now()
        problem: str | None = None
        fixtures = await known_fixtures(self.find_scope.inventory, self.application_id)
        if Made.RULE not in fixtures.ids or Made.LIST not in fixtures.ids:
            problem = "Breaker's list and rule are not set up on the platform: run `breaker setup`."
        else:
            problem, run.stop_epoch = await self.canary.stop(run.drill.number, run.account.key, run.drill.by)
        self._over(run, Step.CANARY, begun, problem, "It is free, and may be stopped.")
        return problem is None

    async def _read_back(self, run: _Run, step: Step, wanted: Wanted) -> bool:
        begun = await self._begin(run, step)
        missing = await self.canary.read_back(run.account.key, wanted, run.limits.read_back)
        problem = None if missing is None else f"Not read back within {run.limits.read_back:g} s: {missing}."
        self._over(run, step, begun, problem, f"The platform was read back: {wanted}.")
        return problem is None

    async def _refused(self, run: _Run) -> bool:
        begun = await self._begin(run, Step.REFUSED)
        tried = await self.mail(run.mail, Step.REFUSED, Sent.REFUSED, run.limits.refusal)
        says = f"Refused with {refused_for(tried.answer)}."
        if tried.accepted:
            says += f" {tried.accepted} sent before it were accepted: the platform took its time."
        problem: str | None
        if tried.became is Sent.ACCEPTED:
            times = f"{tried.accepted} of {tried.accepted} times"
            problem = f"The stopped canary sent mail, {times}: Breaker's rule does not hold."
        elif tried.became is not Sent.REFUSED:
            problem = f"Refused, but not by a rule ({refused_for(tried.answer)}), which says nothing of Breaker's."
        else:
            ours = (await known_fixtures(self.find_scope.inventory, self.application_id)).ids.get(Made.RULE)
            problem, receipt = await self.mail.receipt(run.mail, ours, begun)
            says += receipt
        self._over(run, Step.REFUSED, begun, problem, says)
        return problem is None

    async def _reset(self, run: _Run) -> bool:
        begun = await self._begin(run, Step.RESET)
        number, limit = run.drill.number, run.limits.read_back
        problem: str | None
        if not await self.canary.let_go(number, run.account.key, run.stop_epoch, "it is over"):
            problem = "Somebody else changed meanwhile what is wanted of the canary; it was left as they want it."
            self._over(run, Step.RESET, begun, problem, "")
            return False
        missing = await self.canary.read_back(run.account.key, Wanted.SENDING, limit)
        problem = f"Not read back within {limit:g} s, and still ordered: {missing}." if missing else None
        self._over(run, Step.RESET, begun, problem, "The platform was read back: sending.")
        return problem is None

    async def _accepted(self, run: _Run) -> bool:
        begun = await self._begin(run, Step.ACCEPTED)
        tried = await self.mail(run.mail, Step.ACCEPTED, Sent.ACCEPTED, run.limits.refusal)
        answer = tried.answer
        problem = None if tried.became is Sent.ACCEPTED else f"Not accepted: {refused_for(answer)}."
        if answer.message_id is not None:
            await self.drills.sent(run.drill.number, answer.message_id)
        self._over(run, Step.ACCEPTED, begun, problem, f"Accepted with {answer.status}.")
        if problem is None and answer.message_id is not None and run.limits.event > 0:
            await self._event(run)
        return problem is None

    async def _event(self, run: _Run) -> None:
        begun = await self._begin(run, Step.EVENT)
        while (heard := await self.drills.heard(run.drill.number)) is None:
            if self.clock.now() - begun >= run.limits.event:
                break
            await self.clock.sleep(_LISTEN)
        problem = None if heard else f"Nothing was heard of the accepted send within {run.limits.event:g} s."
        self._over(run, Step.EVENT, begun, problem, f"The webhook told of it: {heard.kind}." if heard else "")

    async def _scope(self, run: _Run) -> None:
        begun = await self._begin(run, Step.SCOPE)

        async def send() -> Sent:
            return (await self.mail(run.mail, Step.SCOPE, Sent.REFUSED, run.limits.refusal, attempts=2)).became

        try:
            run.scope, says = await self.find_scope(run.account.address or "", send)
        except PlatformError as error:
            run.rule_left = True
            problem = f"The drill's rule could not be taken back yet, which is tried again: {error}."
            self._over(run, Step.SCOPE, begun, problem, "")
            return
        step = StepResult(Step.SCOPE, True if run.scope else None, self.clock.now() - begun, says)
        run.steps.append(step)
        self.told(run.drill, step)

    async def _begin(self, run: _Run, step: Step) -> float:
        if not self.lease.held:  # else a canary that somebody has let go would be taken for one that is not stopped
            raise DrillTakenOverError(f"drill {run.drill.number} stood still for {self.lease.lasts:g} s and was ended")
        await self.drills.at_step(run.drill.number, step)
        return self.clock.now()

    def _over(self, run: _Run, step: Step, begun: float, problem: str | None, says: str) -> None:
        result = StepResult(step, problem is None, self.clock.now() - begun, problem or says)
        run.steps.append(result)
        self.told(run.drill, result)


_ENDED = "The process that drilled ended in the middle of this step; its canary is let go."


def advice(drill: Drill) -> str:
    """Return what to do about a drill that did not pass."""
    return WHAT_TO_DO[drill.failed_at] if drill.failed_at else ""
