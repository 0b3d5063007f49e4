"""How a backtest is told: for people, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.cli.output import Column, print_table, remark, results
from breaker.domain.backtest.quality import breaker, other, quality
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from breaker.app import Backtest
    from breaker.domain.backtest.account import Replayed, Step
    from breaker.domain.backtest.line import PlatformLine
    from breaker.domain.backtest.quality import Quality
    from breaker.domain.circuits.circuit import Verdict

_OWN = {"stopped": State.STOPPED, "limited_or_stopped": State.LIMITED}
_MOST_ROWS = 40


def _qualities(found: Backtest) -> tuple[dict[str, Quality], dict[str, Quality]]:
    """Return how good Breaker was, by the step that counts, and the others, by preset."""
    replay = found.replay
    sizes = sorted({*replay.sizes.bounce, *replay.sizes.complaint})

    own = {name: quality(replay.accounts, breaker(step), sizes, truth=found.truth) for name, step in _OWN.items()}
    others = {
        preset.name: quality(replay.accounts, other(preset.name), sizes, truth=found.truth) for preset in replay.presets
    }
    return own, others


def as_json(found: Backtest) -> dict[str, object]:
    """Return a backtest as programs read it."""
    own, others = _qualities(found)
    replay = found.replay
    names = [account.name for account in replay.accounts]
    return {
        "accounts": {
            account.name if names.count(account.name) == 1 else f"{account.application_id}/{account.name}": (
                _account_as_json(account)
            )
            for account in replay.accounts
        },
        "compared": {name: _quality_as_json(one) for name, one in others.items()},
        "breaker": {name: _quality_as_json(one) for name, one in own.items()},
        "domains": {
            name.domain: [_verdict_of_domain(one) for one in domain.verdicts]
            for name, domain in replay.domains.all.items()
            if domain.verdicts
        },
        "truth": "file" if found.truth else "line",
        "guard_held": replay.guard.held if replay.guard else 0,
        "lines": {"read": found.lines, "not_understood": found.unread, "ignored": found.ignored},
        "outcomes": {"counted": replay.counted, **replay.outcomes},
        "outcomes_per_second": round(found.outcomes_per_second),
    }


def _account_as_json(account: Replayed) -> dict[str, object]:
    totals, stopped = account.counters.totals, account.domain_stopped
    sizes = sorted({size for line in account.lines for size in line.sizes})
    return {
        "address": account.address,
        "sends": totals.sends,
        "hard_bounces": totals.hard_bounces,
        "complaints": totals.complaints,
        "verdicts": [_step_as_json(step) for step in account.steps],
        "domain_stopped": None if stopped is None else {"at": stopped[0], "after_sends": stopped[1]},
        "platform": {
            str(size): {line.signal: _line_as_json(line, size) for line in account.lines if size in line.sizes}
            for size in sizes
        },
    }


def _step_as_json(step: Step) -> dict[str, object]:
    return {
        "at": step.at,
        "after_sends": step.after_sends,
        "signal": step.signal,
        "detector": step.detector,
        "to": step.to,
        "count": step.bad,
        "of": step.sends,
    }


def _verdict_of_domain(verdict: Verdict) -> dict[str, object]:
    return {"at": verdict.at, "to": verdict.to, "cause": verdict.cause, "count": verdict.count, "of": verdict.of}


def _line_as_json(line: PlatformLine, size: int) -> dict[str, object]:
    reached = line.reached.get(size)
    return {
        "review_after_sends": reached.after_sends if reached else None,
        "review_at": reached.at if reached else None,
    }


def _quality_as_json(one: Quality) -> dict[str, object]:
    return {
        "precision": one.precision,
        "recall": one.recall,
        "median_delay_sends": one.median_delay_sends,
        "median_delay_hours": one.median_delay_hours,
        "median_reset_hours": one.median_reset_hours,
        "before_the_line": {str(size): share for size, share in one.before_the_line.items()},
        "stopped": one.stopped,
        "right": one.right,
        "bad": one.bad,
    }


def show(found: Backtest) -> None:
    """Print a backtest for people."""
    console = results()
    replay = found.replay
    own, others = _qualities(found)
    bad = own["stopped"].bad
    console.print(
        f"{replay.counted:,} outcomes of {len(replay.accounts):,} accounts, {bad:,} of them bad "
        f"({'by the truth' if found.truth else 'they reached the line of the platform'}); "
        f"{found.outcomes_per_second:,.0f} a second."
    )
    if left_out := {name: number for name, number in replay.outcomes.items() if number}:
        console.print("Not counted: " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in left_out.items()))
    if replay.guard:
        console.print(f"The fleet guard would have held {replay.guard.held:,} stops.")
    for name, domain in replay.domains.all.items():
        for verdict in domain.verdicts:
            console.print(f"{name.domain} {verdict.to}: {verdict.why}", soft_wrap=True)
    console.print()
    _print_accounts(found)
    sizes = list(own["stopped"].before_the_line)
    columns = [
        Column("rule"),
        *(Column(title, "right") for title in ("stops", "precision", "recall", "sends", "hours", "reset")),
        *(Column(f"before R={size:,}", "right", wide=True) for size in sizes),
    ]
    rows = [
        _quality_row("breaker, stopped", own["stopped"]),
        _quality_row("breaker, limited or stopped", own["limited_or_stopped"]),
        *(_quality_row(name, one) for name, one in others.items()),
    ]
    print_table(columns, rows)
    remark(
        "sends and hours: the median until a bad account is stopped; reset: the median in hours; before R: the share"
    )
    remark("of the accounts that reached the platform's line for this R that were stopped no later.")


def _print_accounts(found: Backtest) -> None:
    """Print every account that something would have been done about, or that reached the platform's line."""
    affected = [
        one
        for one in found.replay.accounts
        if one.steps or one.domain_stopped or any(line.reached for line in one.lines)
    ]
    if not affected:
        results().print("Nothing would have been done, and nobody reached the platform's line.\n")
        return
    rows = []
    for account in affected[:_MOST_ROWS]:
        totals = account.counters.totals
        reached = [
            f"{line.signal} {size:,}: {one.after_sends:,}"
            for line in account.lines
            for size, one in sorted(line.reached.items())
        ]
        of_domain = [f"domain stopped at {account.domain_stopped[1]:,}"] if account.domain_stopped else []
        steps = [f"{step.to} at {step.after_sends:,} ({step.detector})" for step in account.steps]
        rows.append(
            (
                account.address or account.name,
                f"{totals.sends:,}",
                f"{totals.hard_bounces:,}",
                f"{totals.complaints:,}",
                "; ".join([*steps, *of_domain]) or "-",
                "; ".join(reached) or "-",
            )
        )
    titles = ("sends", "bounces", "complaints")
    print_table(
        [
            Column("account", shrinks=True),
            *(Column(title, "right") for title in titles),
            Column("breaker, after sends", shrinks=True),
            Column("platform's line, after sends", shrinks=True, wide=True),
        ],
        rows,
    )
    if more := len(affected) - len(rows):
        remark(f"... and {more:,} more (--json has them all)")
    results().print()


def _quality_row(name: str, one: Quality) -> tuple[str, ...]:
    return (
        name,
        f"{one.stopped:,}",
        _percent(one.precision),
        _percent(one.recall),
        _number(one.median_delay_sends),
        _number(one.median_delay_hours, 1),
        _number(one.median_reset_hours, 1),
        *(_percent(share) for share in one.before_the_line.values()),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
