"""What others do when mail goes bad, each with the constants that it has.

Read in their source or documentation in 2026; where something is not published, what is assumed in its place is said.
Hard bounces are those that Breaker counts, and complaints are held over delivered sends, so that all rules judge the
same outcomes. Steps before a stop (their warnings) are left out: what is compared is who stops whom, and when.

`posthog`: PostHog's workflows (`products/workflows/backend/services/workflow_email_health.py`, pull request 89879). A
sweep every hour; sends and what became of them belong to when they were sent (pull request 74762).

`plunk`: Plunk 2 (`apps/api/src/services/SecurityService.ts`). Looked at when something bad comes, from 100 e-mails on,
with an answer that is kept for five minutes. Absolute ceilings for projects younger than 30 days; here, an account is
as old as what was recorded of it.

`inbound`: inbound (inboundemail/inbound). Over 24 hours: its automatic suspension, and its path for extreme cases.

`ses-strict`: tenants of Amazon SES with the reputation policy Strict (docs.aws.amazon.com/ses/latest/dg/tenants.html):
more than 10 % bounces or .5 % complaints. Over how much is not published; taken for the 10,000 most recent sends, which
two notices of the service named, from 1,000 on.

`gc-notify`: GC Notify (cds-snc/notification-api, `app/delivery/bounce_rate.py`, and notifier-utils,
`clients/redis/bounce_rate.py`): over 24 hours by the time of processing, looked at with every outcome. Bounces only.

`nylas-alert`: the platform's own send alerts (developer.nylas.com, changelog 2026-10-30), set to its review lines: past
5 % bounces or .1 % complaints within 24 hours, checked every five minutes. They are made for a sending domain and only
notify; here they are taken for alerts on each account that stop it, with the least volume at 50.

`level-4-percent`: what one writes first: 4 % of the last 1,000 sends, from 100 on. Bounces only.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from breaker.domain.backtest.conditions import DAY, HOUR, WEEK, Ceiling, LastShare, Share
from breaker.domain.backtest.others import Preset
from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOUNCE, _COMPLAINT = Signal.BOUNCE, Signal.COMPLAINT
_MINUTE = 60.0
_MONTH = 30 * DAY

PRESETS: Sequence[Preset] = (
    Preset(
        "posthog",
        (
            Share(_BOUNCE, 0.10, HOUR, sends=200, bad=20, by_sending=True),
            Share(_BOUNCE, 0.05, DAY, sends=1_000, bad=50, by_sending=True),
            Share(_COMPLAINT, 0.01, HOUR, sends=200, bad=5, by_sending=True),
            Share(_COMPLAINT, 0.003, DAY, sends=1_000, bad=10, by_sending=True),
        ),
        every=HOUR,
    ),
    Preset(
        "plunk",
        (
            Share(_BOUNCE, 0.10, WEEK, sends=100, bad=10),
            Share(_BOUNCE, 0.08, inf, sends=100, bad=10),
            Share(_COMPLAINT, 0.0015, WEEK, sends=100, bad=5),
            Share(_COMPLAINT, 0.0012, inf, sends=100, bad=5),
            Ceiling(_BOUNCE, 25, DAY, youth=_MONTH),
            Ceiling(_BOUNCE, 50, WEEK, youth=_MONTH),
            Ceiling(_COMPLAINT, 7, DAY, youth=_MONTH),
            Ceiling(_COMPLAINT, 20, WEEK, youth=_MONTH),
        ),
        rests=5 * _MINUTE,
    ),
    Preset(
        "inbound",
        (
            Share(_BOUNCE, 0.05, DAY, sends=200, bad=5),
            Share(_BOUNCE, 0.15, DAY, sends=50, bad=10),
            Share(_COMPLAINT, 0.001, DAY, sends=1_000, bad=2),
            Share(_COMPLAINT, 0.01, DAY, sends=100, bad=2),
        ),
    ),
    Preset(
        "ses-strict",
        (
            LastShare(_BOUNCE, 0.10, size=10_000, sends=1_000, beyond=True),
            LastShare(_COMPLAINT, 0.005, size=10_000, sends=1_000, beyond=True),
        ),
    ),
    Preset("gc-notify", (Share(_BOUNCE, 0.10, DAY, sends=1_000),), any_outcome=True),
    Preset(
        "nylas-alert",
        tuple(
            Share(signal, PLATFORM_LINES[signal], DAY, sends=50, by_sending=True, beyond=True)
            for signal in (_BOUNCE, _COMPLAINT)
        ),
        every=5 * _MINUTE,
    ),
    Preset("level-4-percent", (LastShare(_BOUNCE, 0.04, size=1_000, sends=100),)),
)
"""All of them, in the order in which they are shown."""
