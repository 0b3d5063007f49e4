"""How accounts of each kind behave, drawn with some variety; the rates are fractions of sends.

A healthy sender's hard bounces are below 1.5 % and its complaints below 0.05 %; a bought list bounces at a third and
more; a creeping one loses a little more of its list every day. What goes wrong has a size of its own, whatever healthy
accounts send: it takes some hundred bounces to be paused. These are assumptions in the range of what senders and
providers publish, not measurements.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.simulator.fleets.agents import DAY, HOUR, Behaviour, Reaction
from breaker.simulator.fleets.audience import Audience
from breaker.simulator.fleets.plan import Step

if TYPE_CHECKING:
    import random

#: Messages on a working day, and how common accounts of that volume are.
_VOLUMES = ((8.0, 3), (30.0, 4), (80.0, 2), (200.0, 1))
_REACTIONS = ((Reaction.GIVE_UP, 5), (Reaction.RETRY, 3), (Reaction.LOOP, 2))
_CREEP_DAYS = 8
#: Which share of agents works on weekends.
_ON_WEEKENDS = 0.3
_ALL_DAY = (0.0, 24.0)

Steps = tuple[Step, ...]


def steady(source: random.Random, volume: float) -> Behaviour:
    """Return a healthy account's behaviour; `volume` scales how much it sends, and only healthy accounts'."""
    [daily] = source.choices([one for one, _ in _VOLUMES], [weight for _, weight in _VOLUMES])
    [reaction] = source.choices([one for one, _ in _REACTIONS], [weight for _, weight in _REACTIONS])
    audience = Audience(
        gone=source.uniform(0.002, 0.012),
        full=source.uniform(0.002, 0.008),
        angry=source.uniform(0.00005, 0.0002),
        slow=source.uniform(0.01, 0.05),
    )
    start = source.choice((6.0, 7.0, 8.0, 13.0))
    return Behaviour(
        daily_sends=daily * source.uniform(0.7, 1.3) * volume,
        audience=audience,
        replies=source.uniform(0.1, 0.6),
        hours=(start, start + source.choice((9.0, 10.0, 11.0))),
        weekends=source.random() < _ON_WEEKENDS,
        reaction=reaction,
    )


def busy(source: random.Random, volume: float) -> Behaviour:
    """Return the behaviour of a healthy account that sends a good deal every day."""
    return replace(steady(source, volume), daily_sends=source.uniform(30, 80), weekends=True)


def replies_only(source: random.Random, volume: float) -> Steps:
    """An account that only answers: everybody it writes to has just written to it."""
    behaviour = steady(source, volume)
    audience = replace(behaviour.audience, gone=0.0005, late=0.0, angry=0.00002)
    return (Step(0.0, replace(behaviour, replies=1.0, audience=audience)),)


def new_mailbox(source: random.Random, volume: float, after: float) -> Steps:
    """A healthy account that begins `after` seconds and sends more from day to day."""
    behaviour = steady(source, volume)
    ramp = (0.1, 0.2, 0.35, 0.6, 1.0)
    days = (replace(behaviour, daily_sends=max(behaviour.daily_sends * share, 1.0)) for share in ramp)
    return tuple(Step(after + day * DAY, one) for day, one in enumerate(days))


def bought_list(source: random.Random, volume: float, after: float) -> Steps:
    """A healthy account that is given a bought list to write to, all of it within some hours."""
    behaviour = steady(source, volume)
    audience = replace(behaviour.audience, gone=source.uniform(0.25, 0.6), late=0.03, full=0.03, angry=0.004)
    blast = Behaviour(source.uniform(2500, 6000), audience, 0.0, _ALL_DAY, weekends=True)
    blast = replace(blast, reaction=behaviour.reaction)
    return (Step(0.0, behaviour), Step(after, blast), Step(after + source.uniform(4, 9) * HOUR, behaviour))


def runaway_agent(source: random.Random, volume: float, after: float) -> Steps:
    """An agent that loops: it writes without pause, to addresses that it partly makes up."""
    behaviour = steady(source, volume)
    audience = replace(behaviour.audience, gone=source.uniform(0.12, 0.3), angry=source.uniform(0.004, 0.01))
    loop = Behaviour(source.uniform(3000, 8000), audience, 0.0, _ALL_DAY, weekends=True)
    loop = replace(loop, reaction=Reaction.LOOP)
    return (Step(0.0, behaviour), Step(after, loop), Step(after + source.uniform(8, 20) * HOUR, behaviour))


def slow_creep(source: random.Random, volume: float, after: float) -> Steps:
    """An account whose list ages: its bounces grow from day to day until one in seven comes back."""
    behaviour = replace(steady(source, volume), daily_sends=source.uniform(120, 260), weekends=True)
    last = source.uniform(0.12, 0.18)
    first = behaviour.audience.gone
    steps = [Step(0.0, behaviour)]
    for day in range(_CREEP_DAYS):
        gone = first + (last - first) * (day + 1) / _CREEP_DAYS
        steps.append(Step(after + day * DAY, replace(behaviour, audience=replace(behaviour.audience, gone=gone))))
    return tuple(steps)


def complaints(source: random.Random, volume: float, after: float) -> Steps:
    """An account that annoys: its addresses are good, and many of their owners mark its mail as spam."""
    behaviour = replace(steady(source, volume), daily_sends=source.uniform(150, 300))
    annoying = replace(behaviour, audience=replace(behaviour.audience, angry=source.uniform(0.01, 0.025)), replies=0.0)
    return (Step(0.0, behaviour), Step(after, annoying))
