"""Agents: how much they send and when, and what they do when a send is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from breaker.simulator.errors import ApiError
from breaker.simulator.fleets.audience import Audience
from breaker.simulator.state.messages import Outgoing

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from breaker.simulator.application import Application

HOUR = 3600.0
DAY = 24 * HOUR
_WEEK_START = 4 * DAY  # 1970-01-05 was the first Monday
_SATURDAY = 5


class Reaction(StrEnum):
    """What an agent does when a send is refused; the real ones are not all well written."""

    GIVE_UP = "give up"
    """It drops the message."""
    RETRY = "retry"
    """It tries once more after ten minutes."""
    LOOP = "loop"
    """It tries again every half minute, ten times."""

    def waits(self) -> list[float]:
        """Return the seconds before each further try."""
        match self:
            case Reaction.GIVE_UP:
                return []
            case Reaction.RETRY:
                return [600.0]
            case Reaction.LOOP:
                return [30.0] * 10


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an agent sends.

    Attributes:
        daily_sends: Messages on a working day, on average.
        audience: Who it writes to.
        replies: Which share of its messages answers others.
        hours: From and to which hour of the UTC day it works.
        weekends: Whether it works on weekends.
        reaction: What it does when a send is refused.
    """

    daily_sends: float
    audience: Audience = field(default_factory=Audience)
    replies: float = 0.3
    hours: tuple[float, float] = (7.0, 19.0)
    weekends: bool = False
    reaction: Reaction = Reaction.GIVE_UP

    def next_send(self, now: float, source: random.Random) -> float:
        """Return when the next message is due (Unix seconds): at random, as often as `daily_sends` says, at work."""
        start, end = (hour * HOUR for hour in self.hours)
        return _at_work(now, source.expovariate(self.daily_sends / (end - start)), self)


def _at_work(now: float, wait: float, behaviour: Behaviour) -> float:
    """Return the moment that lies `wait` seconds of working time after `now`."""
    start, end = (hour * HOUR for hour in behaviour.hours)
    moment = now
    while True:
        midnight = moment - moment % DAY
        weekday = (midnight - _WEEK_START) // DAY % 7
        opens, closes = midnight + start, midnight + end
        if (weekday >= _SATURDAY and not behaviour.weekends) or moment >= closes:
            moment = midnight + DAY
            continue
        moment = max(moment, opens)
        if moment + wait < closes:
            return moment + wait
        wait -= closes - moment
        moment = midnight + DAY


@dataclass(frozen=True, slots=True)
class Phase:
    """How an agent behaves from some moment on; `behaviour` None means that it is silent."""

    start: float
    behaviour: Behaviour | None


class Agent:
    """One agent with its mailbox, driven by the agenda of its application.

    Args:
        application: Where it sends.
        grant_id: Its mailbox.
        phases: How it behaves, by the time (Unix seconds) from which on; in order.
        source: Its own randomness.

    Attributes:
        accepted: How many messages were taken.
        refused: How many tries were refused, by HTTP status.
    """

    def __init__(
        self, application: Application, grant_id: str, phases: tuple[Phase, ...], source: random.Random
    ) -> None:
        self._application = application
        self._grant_id = grant_id
        self._phases = phases
        self._source = source
        self.accepted = 0
        self.refused: Counter[int] = Counter()

    def start(self) -> None:
        """Begin to send with the first phase."""
        for index, phase in enumerate(self._phases):
            self._application.surroundings.agenda.at(phase.start, partial(self._enter, index))

    def _enter(self, index: int) -> None:
        self._plan(index, self._phases[index].start)

    def _plan(self, index: int, after: float) -> None:
        behaviour = self._phases[index].behaviour
        if behaviour is None:
            return
        due = behaviour.next_send(after, self._source)
        following = self._phases[index + 1].start if index + 1 < len(self._phases) else None
        if following is None or due < following:
            self._application.surroundings.agenda.at(due, partial(self._compose, index, behaviour, due))

    def _compose(self, index: int, behaviour: Behaviour, due: float) -> None:
        recipient = behaviour.audience.draw(self._source)
        reply = self._source.random() < behaviour.replies
        outgoing = Outgoing(to=(recipient,), subject="Hello", in_reply=reply)
        self._send(outgoing, behaviour.reaction.waits(), partial(self._plan, index), due)

    def _send(self, outgoing: Outgoing, waits: list[float], proceed: Callable[[float], None], at: float) -> None:
        """Send, try again where the agent does, and only then proceed to its next message: an agent is sequential."""
        try:
            self._application.submit(self._grant_id, outgoing)
        except ApiError as error:
            self.refused[error.status] += 1
            if waits:
                again = partial(self._send, outgoing, waits[1:], proceed, at + waits[0])
                self._application.surroundings.agenda.at(at + waits[0], again)
                return
        else:
            self.accepted += 1
        proceed(at)
