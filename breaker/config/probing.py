"""How stopped accounts come back."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from breaker.config.groups import Count, Group, Seconds

Probability = Annotated[float, Field(gt=0, lt=0.5)]
Rate = Annotated[float, Field(gt=0, lt=1)]


class ProbingSettings(Group):
    """How accounts that were stopped or limited for bounces come back: a cool-down, then rounds of a few sends."""

    enabled: bool = True
    """Whether accounts are probed at all, in the mode `enforce`. Without, a stopped account waits for a reset. Default:
    true: a stop that never ends by itself is a support ticket."""

    cool_down_seconds: Seconds = 21_600.0
    """Seconds from a stop to the first round. Default: 21,600 (6 h): long enough for the campaign that went wrong to be
    over, and short enough to be back the same day."""

    cool_down_growth: Annotated[float, Field(ge=1, le=10)] = 2.0
    """By what the cool-down is multiplied with each further automatic stop within a week, and each failed probe.
    Default: 2."""

    longest_cool_down_seconds: Seconds = 604_800.0
    """The longest cool-down, in seconds. Default: 604,800 (7 days)."""

    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of a cool-down that chance may add to it. Default: 0.1, so that accounts which stopped together do not
    return together."""

    automatic_stops: Annotated[int, Field(ge=0, le=100)] = 1
    """Automatic stops or limits within 7 days that are probed without asking a person; 0 asks each time. Default: 1:
    what has come back and fails again has a cause that waiting does not remove."""

    automatic_probes: Count = 3
    """Probes that may fail after one stop before a person is asked. Default: 3, which a bad account spends some 170
    sends on."""

    round_sends: Annotated[int, Field(ge=1, le=100)] = 10
    """Sends of one round. Default: 10: a sixth of a probe, so that one that is plainly bad is found out within the
    first, and what a round goes beyond it stays small."""

    healthy_rate: Rate = 0.02
    """The hard bounces, as a fraction of sends, of an account that may come back. Default: 0.02."""

    bad_rate: Rate = 0.10
    """Those of one that may not. Default: 0.10, where the platform pauses."""

    false_failures: Probability = 0.01
    """The probability with which a healthy account is called bad. Default: 0.01 (0.006 in rounds of 10, and another
    0.036 that are cut off undecided)."""

    false_returns: Probability = 0.05
    """The probability with which a bad account is let go. Default: 0.05 (0.031 in rounds of 10): it would be stopped
    again, and then asks a person."""

    most_sends: Count = 150
    """Sends after which a probe that is still undecided has failed. Default: 150, more than twice what a healthy
    account needs on average (64)."""

    settle_seconds: Seconds = 900.0
    """Seconds that late outcomes of a round are waited for. Default: 900: most servers refuse an unknown address at
    once, and no round is judged by those alone. What comes later still counts in the account's windows."""

    silence_seconds: Seconds = 604_800.0
    """Seconds without a send in an open round after which the account is stopped again and a person asked. Default:
    604,800 (7 days)."""

    limited_seconds: Seconds = 604_800.0
    """Seconds that an account which was stopped for complaints stays limited once a person has approved it. Default:
    604,800 (7 days): complaints come in days late, and are too rare to be tested."""

    watched_seconds: Seconds = 604_800.0
    """Seconds that it is warned after that, at least. Default: 604,800, which makes 14 days in all."""

    quota: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Messages a UTC day that the platform itself lets an account send while a round is open, in a copy of its
    workspace whose policy says so. A message may have 50 recipients, and the count begins anew at 00:00 UTC. Where the
    platform shows another limit than was written, the round goes on without. Default: none, since it moves accounts, as
    `quarantine` does; 5 would keep what gets out while no daemon looks to 250 sends a day. Never 0, which the platform
    may take for no limit."""

    @model_validator(mode="after")
    def _rates_and_times_fit(self) -> Self:
        if self.bad_rate <= self.healthy_rate:
            raise ValueError("bad_rate must be more than healthy_rate")
        if self.longest_cool_down_seconds < self.cool_down_seconds:
            raise ValueError("longest_cool_down_seconds must not be less than cool_down_seconds")
        if self.most_sends < self.round_sends:
            raise ValueError("most_sends must not be less than round_sends")
        return self
