"""A replay decides what the daemon decides: the same lines through a real database and through the domain alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.nylas.notifications import GrantEvent
from breaker.adapters.nylas.recorded import decode_line, read_line
from breaker.adapters.postgres.guard import Limits
from breaker.domain.backtest.domains import Domains
from breaker.domain.circuits.circuit import Mode
from breaker.domain.outcomes.outcomes import DeliveryEvent, OutcomeKind
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.simulator.alone import Alone
from breaker.simulator.fleets.scenarios import FleetSize
from breaker.simulator.mail.world import MailOptions
from breaker.simulator.webhooks.feed import Feed
from breaker.simulator.webhooks.notifications import Family
from tests.backtest.records import RULES, profile, replay
from tests.counting.daemons import daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from breaker.domain.backtest.account import Replayed
    from breaker.domain.backtest.replay import Replay
    from tests.counting.daemons import Daemon

SIZES = WindowSizes((100, 300, 1_000), (500,))
"""Small, so that a short record fills them, and bursts crowd them."""
FEEDBACK = frozenset({"outlook.com", "hotmail.com", "live.com", "yahoo.com", "aol.com"})
EVERYBODY = Limits(in_window=(10**6, 1.0), in_all=(10**6, 1.0), in_group=(10**6, 1.0))
FRESH = 60.0


@dataclass
class Listener:
    """Hands what lines say to a replay."""

    made: Replay

    @property
    def delivered(self) -> Callable[..., None]:
        return self.made.delivered

    def other(self, event: object, received_at: float) -> None:
        if isinstance(event, DeliveryEvent):
            self.made.take(event, received_at)


def read(lines: Sequence[bytes], made: Replay) -> None:
    """Replay lines as the command does, by the short way for what is usual."""
    listener = Listener(made)
    for line in lines:
        read_line(line, listener)
    made.end()


async def recorded(folder: Path, *, scenario: str, seed: int, families: tuple[Family, ...]) -> list[bytes]:
    path = folder / "record.jsonl"
    alone = Alone(
        scenario=scenario,
        seed=seed,
        size=FleetSize(8, 4.0, 1.0),
        mail_options=MailOptions(families),
        feed=Feed(repeated=0.1, late=0.1),
    )
    await alone.record(path, lambda _days, _lines: None)
    with path.open("rb") as file:
        return [line for line in file if not isinstance(decode_line(line)[0], GrantEvent)]


async def served(one: Daemon, batches: Sequence[Sequence[tuple[Any, float]]]) -> None:
    """Let a daemon count events in batches; a batch has the moment of its last event."""
    for batch in batches:
        now = batch[-1][1]
        events = [event for event, _ in batch if isinstance(event, DeliveryEvent)]
        if any(event.kind is OutcomeKind.COMPLAINT for event in events) and now - one.evidence.current.at >= FRESH:
            one.clock.time = now
            await one.evidence()
        await one.take(*events, now=now)


async def as_served(one: Daemon, account: Replayed, *, moments: bool) -> dict[str, Any]:
    """Return what the daemon knows of an account, as `as_replayed` tells it."""
    row = await one.row(grant=account.grant_id, address=None if account.grant_id else account.address)
    verdicts = await one.pool.fetch(
        "SELECT at, signal, detector, to_state, count, of FROM verdicts WHERE account = $1 ORDER BY id", row["account"]
    )
    counters = Counters.from_bytes(one.sizes, row["counters"])
    return told(counters, row["state"], [tuple(verdict) for verdict in verdicts], moments=moments)


def as_replayed(account: Replayed, *, moments: bool) -> dict[str, Any]:
    verdicts = [(one.at, one.signal, one.detector, one.to, one.bad, one.sends) for one in account.steps]
    return told(account.counters, account.circuit.state, verdicts, moments=moments)


def told(counters: Counters, state: str, verdicts: list[Any], *, moments: bool) -> dict[str, Any]:
    series = (counters.bounces, counters.complaints, counters.feedback)
    return {
        "totals": counters.totals,
        "classes": counters.by_class,
        "windows": [one.windows() for one in series],
        "buckets": [tuple(map(list, one.buckets())) for one in series],
        "evidence": counters.evidence,
        "state": state,
        "verdicts": verdicts if moments else [verdict[1:] for verdict in verdicts],
    }


@pytest.mark.parametrize(
    ("scenario", "seed", "families", "most"),
    [
        ("mixed", 3, (Family.AGENT,), 1),
        ("mixed", 4, (Family.AGENT, Family.TRANSACTIONAL), 40),
        ("bought-list", 5, (Family.TRANSACTIONAL,), 7),
        ("complaints", 6, (Family.AGENT,), 1),
    ],
)
async def test_the_same_lines_give_the_counts_and_verdicts_that_the_daemon_gives(  # noqa: PLR0913, PLR0917 - a case
    database_url: str, tmp_path: Path, scenario: str, seed: int, families: tuple[Family, ...], most: int
) -> None:
    lines = (await recorded(tmp_path, scenario=scenario, seed=seed, families=families))[:2_500]
    rules = replace(RULES, feedback_domains=FEEDBACK)
    domains = Domains(can_block=False)  # there is no platform here that a domain could be blocked on
    made = replay(sizes=SIZES, profile=profile(SIZES, 100), rules=rules, domains=domains)
    read(lines, made)
    batches, source, rest = [], Random(seed), [decode_line(line) for line in lines]
    while rest:
        cut = source.randint(1, most)
        batches.append(rest[:cut])
        rest = rest[cut:]

    async with daemon(
        database_url,
        mode=Mode.ENFORCE,
        profile=profile(SIZES, 100),
        rules=rules,
        sizes=SIZES,
        limits=EVERYBODY,
        budget=profile(SIZES, 100).budget,
    ) as one:
        await served(one, batches)
        accounts = [account for account in made.accounts if account.kept.sends]
        of_domains = await one.pool.fetch(
            "SELECT at, to_state, count, of FROM verdicts WHERE account IS NULL ORDER BY id"
        )
        as_daemon = {account.name: await as_served(one, account, moments=most == 1) for account in accounts}

    assert as_daemon == {account.name: as_replayed(account, moments=most == 1) for account in accounts}
    verdicts = [(one.at, one.to, one.count, one.of) for domain in domains.all.values() for one in domain.verdicts]
    if most == 1:  # a batch shows its domains at once what it brings
        assert [tuple(one) for one in of_domains] == sorted(verdicts)
    assert sum(len(account.steps) for account in accounts) >= 2


@pytest.mark.parametrize("seed", [11, 12])
async def test_the_short_way_for_what_is_usual_leads_to_the_same(tmp_path: Path, seed: int) -> None:
    lines = await recorded(tmp_path, scenario="mixed", seed=seed, families=(Family.AGENT, Family.TRANSACTIONAL))
    short, long = (replay(sizes=SIZES, profile=profile(SIZES, 100)) for _ in range(2))

    read(lines, short)
    for event, received_at in map(decode_line, lines):
        assert isinstance(event, DeliveryEvent)
        long.take(event, received_at)

    assert (short.counted, short.outcomes, short.latest) == (long.counted, long.outcomes, long.latest)
    assert [as_replayed(one, moments=True) for one in short.accounts] == [
        as_replayed(one, moments=True) for one in long.accounts
    ]
    assert [line.reached for one in short.accounts for line in one.lines] == [
        line.reached for one in long.accounts for line in one.lines
    ]
