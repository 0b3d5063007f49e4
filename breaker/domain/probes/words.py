"""What is said of a probe."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from breaker.domain.probes.probe import DAY, RECIPIENTS, Outlook, Phase

if TYPE_CHECKING:
    from breaker.domain.probes.probe import Probe, ProbeRules

_HOUR, _MINUTE = 3_600.0, 60.0


NOT_ENFORCED = "Its mode is {}, in which nothing is let go by itself."


def outlook(probe: Probe, rules: ProbeRules, hindrance: str | None = None) -> Outlook:
    """Return a probe as people and programs read it.

    Args:
        probe: The probe.
        rules: The rules.
        hindrance: Why nothing is done by itself, as a sentence, or None.
    """
    needed = None if probe.phase in {Phase.ASKING, Phase.EASING} else stillneeded(probe, rules)
    return Outlook(
        phase=probe.phase,
        round=probe.round,
        sends=probe.all_sends,
        bad=probe.all_bad,
        overshoot=probe.overshoot(rules),
        still_needed_sends=needed,
        still_needed_days=None if needed is None or probe.pace <= 0 else needed / _pace(probe, rules),
        next_at=probe.next_at,
        asks=probe.asks,
        says=" ".join(filter(None, (hindrance, _says(probe, rules), _bound(probe, rules)))),
    )


def stillneeded(probe: Probe, rules: ProbeRules) -> int:
    """Return how many more sends the probe of a healthy account needs, on average, exactly."""
    return ceil(rules.trial.expect(rules.trial.sprt.p0, probe.all_bad, probe.all_sends).sends)


def _says(probe: Probe, rules: ProbeRules) -> str:
    number, permitted = probe.round, probe.permits(rules)
    return {
        Phase.COOLING: "It cools down, and is probed then.",
        Phase.ASKING: f"A person is asked: {probe.asks}",
        Phase.OPENING: f"Round {number} is opened, as soon as the platform was read back.",
        Phase.OPEN: f"Round {number} is open: {probe.seen.sends} of {permitted} sends are known.",
        Phase.CLOSING: f"Round {number} is closed, as soon as the platform was read back."
        if number
        else "The first round is opened soon.",
        Phase.SETTLING: f"Round {number} is over; late outcomes are waited for.",
        Phase.EASING: "It was approved after complaints, and may write new mail again in a while.",
    }[probe.phase]


def needed(probe: Probe, rules: ProbeRules) -> str:
    """Say how much more a healthy account needs."""
    sends = stillneeded(probe, rules)
    pace = _pace(probe, rules)
    at = "its pace of" if pace == probe.pace else "the quota's"
    days = f", {_days(sends / pace)} at {at} {pace:.3g} a day" if pace > 0 else ""
    return f"A {rules.words.healthy} needs some {sends:,} more{days}."


def _pace(probe: Probe, rules: ProbeRules) -> float:
    """Return the sends a day that may be expected: as many as a quota lets through, to one recipient each, or fewer."""
    return probe.pace if rules.quota is None else min(probe.pace, float(rules.quota))


def bounded(rules: ProbeRules) -> str:
    """Say what a quota is asked for, or nothing where there is none."""
    if rules.quota is None:
        return ""
    return (
        f"The platform is asked to let it send {many(rules.quota, 'message')} a day at most meanwhile: up to "
        f"{rules.quota * RECIPIENTS:,} sends, as a message may have {RECIPIENTS} recipients, and anew from 00:00 UTC."
    )


def _bound(probe: Probe, rules: ProbeRules) -> str:
    return bounded(rules) if probe.phase in {Phase.OPENING, Phase.OPEN} else ""


def found_bad(probe: Probe, rules: ProbeRules) -> str:
    """Say why a probe failed."""
    test = rules.trial.sprt
    return (
        f"The probe failed: {counted(probe)} {rules.words.bad}, which {_percent(test.p1)} explain far better than "
        f"{_percent(test.p0)}."
    )


def counted(probe: Probe) -> str:
    """Say how many of a probe's sends were bad."""
    return f"{probe.all_bad} of {many(probe.all_sends, 'send')}"


def many(count: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


def _days(days: float) -> str:
    return lasting(days * DAY)


def lasting(seconds: float) -> str:
    """Return a duration as people say it: in hours below two days, and in days beyond it."""
    if seconds >= 2 * DAY:
        return f"{seconds / DAY:.3g} days"
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.3g} h"
    return f"{seconds / _MINUTE:.2g} min" if seconds >= _MINUTE else f"{seconds:.2g} s"
