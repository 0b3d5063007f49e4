"""Print the detection tables: `python -m tests.detection [--accounts 400] [--fleet 1000] [--only NAME] [--seed 4]`."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.progress import track

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from tests.detection.neighbours import gain
from tests.detection.peers import CHANGES, STEADY, cells
from tests.detection.replay import SIZES
from tests.detection.tables import (
    VOLUMES,
    WORKING_DAYS,
    bounce_changes,
    changed,
    complaint_change,
    profile_of,
    steady,
)

ERRORS = Console(stderr=True)
NINETY_DAYS = 90 / 7
_SENDS = 4_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection", description=__doc__)
    parser.add_argument("--accounts", type=int, default=400, help="accounts tried for each cell")
    parser.add_argument("--fleet", type=int, default=1_000, help="accounts of the fleet that the budget is for")
    parser.add_argument("--only", choices=sorted(TABLES), help="print one table alone")
    parser.add_argument("--seed", default="4")
    given = parser.parse_args()
    for name in [given.only] if given.only else TABLES:
        TABLES[name](given.accounts, given.fleet, given.seed)
        sys.stdout.write("\n")


def bounces(accounts: int, fleet: int, seed: str) -> None:
    """Bounces that change."""
    profile = profile_of(fleet)
    _say(
        f"Bounces: stopped after a change, {accounts} accounts a row, thresholds of a fleet of {fleet:,}.",
        "before | after | creeping | sends a day | before the line of R = 1,000 | 3,000 | 10,000 | median | 95 % |"
        " early",
    )
    for change, daily in track(list(bounce_changes()), "bounces", console=ERRORS):
        found = changed(profile, Signal.BOUNCE, change, daily=daily, accounts=accounts, step=State.STOPPED, seed=seed)
        _say(
            _row(
                f"{change.before:.0%}",
                f"{change.after:.0%}",
                change.creeping or "at once",
                f"{daily:,}",
                *(f"{100 * share:.1f} %" for share in found.before_the_line.values()),
                f"{found.median:.0f}",
                f"{found.late:.0f}",
                found.early,
            )
        )


def complaints(accounts: int, fleet: int, seed: str) -> None:
    """Complaints that change."""
    profile = profile_of(fleet)
    _say(
        f"Complaints .03 % to .3 %: limited or stopped, {accounts} accounts a row, thresholds of a fleet of {fleet:,}.",
        "sends a day | before the line of R = 10,000 | median | 95 % | early",
    )
    for daily in track(VOLUMES[1:], "complaints", console=ERRORS):
        found = changed(
            profile,
            Signal.COMPLAINT,
            complaint_change(),
            daily=daily,
            accounts=accounts,
            step=State.LIMITED,
            seed=seed,
        )
        [share] = found.before_the_line.values()
        _say(_row(f"{daily:,}", f"{100 * share:.1f} %", f"{found.median:.0f}", f"{found.late:.0f}", found.early))


def steady_bounces(accounts: int, fleet: int, seed: str) -> None:
    """Bounces that stay at 2 %: with the default budget, and with a hundred times as much, to see something happen."""
    _say(
        f"Bounces steady at 2 %: false stops a week in a fleet of {fleet:,}, {_SENDS:,} sends a row.",
        "budget | sends a day | stopped | a week | 95 % interval",
    )
    cells = [(budget, daily) for budget in (1.0, 100.0) for daily in VOLUMES]
    for budget, daily in track(cells, "steady", console=ERRORS):
        weeks = max(2.0, 1_000 / daily)
        found = steady(
            profile_of(fleet, budget),
            Signal.BOUNCE,
            0.02,
            daily=daily,
            accounts=round(_SENDS * accounts / 400 / daily / WORKING_DAYS / weeks),
            weeks=weeks,
            step=State.STOPPED,
            seed=seed,
        )
        low, high = found.interval
        _say(_row(f"{budget:g}", f"{daily:,}", found.acted, f"{found.per_week:.2f}", f"{low:.2f} to {high:.2f}"))


def steady_complaints(accounts: int, fleet: int, seed: str) -> None:
    """Complaints that stay at .03 %."""
    profile = profile_of(fleet)
    _say(
        f"Complaints steady at .03 % over 90 days, thresholds of a fleet of {fleet:,}.",
        "sends a day | accounts | limited or stopped | share | stopped",
    )
    for daily in track(VOLUMES[1:], "steady complaints", console=ERRORS):
        limited, stopped = (
            steady(
                profile,
                Signal.COMPLAINT,
                0.0003,
                daily=daily,
                accounts=accounts,
                weeks=NINETY_DAYS,
                step=step,
                seed=seed,
            )
            for step in (State.LIMITED, State.STOPPED)
        )
        _say(_row(f"{daily:,}", accounts, limited.acted, f"{limited.acted / accounts:.1%}", stopped.acted))


def neighbours(accounts: int, fleet: int, seed: str) -> None:
    """Complaints of ten accounts of one domain that change together."""
    profile = profile_of(fleet)
    domains = max(1, accounts // 40)
    _say(
        f"Complaints .03 % to .3 %, ten accounts of one domain together: limited, {10 * domains} accounts a row.",
        "sends a day | median alone | together | before the line alone | together | early for their neighbours' sake",
    )
    for daily in track(VOLUMES, "neighbours", console=ERRORS):
        found = gain(profile, daily=daily, domains=domains, seed=seed)
        shares = (f"{share:.1%}" for share in (found.before_alone, found.before_together))
        _say(_row(f"{daily:,}", f"{found.alone:.0f}", f"{found.together:.0f}", *shares, found.early))


def peers(accounts: int, fleet: int, seed: str) -> None:
    """Print ours beside the rules of others."""
    profile = profile_of(fleet)
    for signal in Signal:
        change = CHANGES[signal]
        _say(
            f"{signal.capitalize()}s, {change.before:.2%} to {change.after:.2%} at once, beside the rules of others "
            f"(those of `breaker backtest --compare`), {accounts} accounts a row, thresholds of a fleet of {fleet:,}; "
            f"falsely: of accounts steady at {STEADY[signal]:.2%} for 90 days.",
            "rule | sends a day | early | median | before the line of R = "
            + " | ".join(f"{size:,}" for size in _sizes(signal))
            + " | falsely",
        )
        found = {
            daily: cells(profile, signal, daily, accounts, seed)
            for daily in track(VOLUMES, f"peers, {signal}s", console=ERRORS)
        }
        for name in found[VOLUMES[0]]:
            for daily in VOLUMES:
                cell = found[daily][name]
                tried = accounts - cell.early
                in_time = [cell.before_the_line.get(size, 0) for size in _sizes(signal)]
                _say(
                    _row(
                        name,
                        f"{daily:,}",
                        f"{cell.early / accounts:.1%}",
                        _median(cell.median, tried),
                        *(f"{number / tried:.1%}" if tried else "-" for number in in_time),
                        f"{cell.falsely / accounts:.1%}",
                    )
                )


def _median(median: float | None, tried: int) -> str:
    if median is None:
        return "never" if tried else "-"
    return f"{median:,.0f}"


def _sizes(signal: Signal) -> tuple[int, ...]:
    return SIZES.bounce if signal is Signal.BOUNCE else SIZES.complaint


def _row(*columns: object) -> str:
    return " | ".join(map(str, columns))


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


TABLES = {
    "bounces": bounces,
    "complaints": complaints,
    "steady-bounces": steady_bounces,
    "steady-complaints": steady_complaints,
    "neighbours": neighbours,
    "peers": peers,
}

if __name__ == "__main__":
    main()
