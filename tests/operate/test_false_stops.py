from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.reading.report import PostgresReport
from breaker.app import counting
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State
from breaker.domain.standing.readiness import FalseStop
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from tests.fleet import Fleet

_STOPPED = """
    INSERT INTO verdicts (application, account, at, from_state, to_state, detector, epoch, why)
    SELECT application, account, $2, 'sending', 'stopped', 'cusum', 1, 'because' FROM accounts WHERE account = $1
"""


async def do(known: Fleet, kind: ActKind, selector: str, **more: bool) -> None:
    act = Act(kind, "the list was fine", "ada", **more)  # type: ignore[arg-type] # only_domain and false_stop
    await known.operations.operator.carry_out(act, [parse_selector(selector)])


async def test_what_people_took_back_as_mistakes_is_reported_with_the_detector_and_who_said_so(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")
    await known.pool.execute(_STOPPED, key, known.clock.now())
    await known.set_state(key, State.STOPPED)
    await do(known, ActKind.RESET, "grant-1", false_stop=True)
    await do(known, ActKind.RESET, "grant-2", false_stop=True)  # was never stopped
    await do(known, ActKind.TRIP, "domain:x.example", only_domain=True)
    known.clock.time += 60
    await do(known, ActKind.RESET, "domain:x.example", only_domain=True, false_stop=True)
    report = PostgresReport(known.pool, counting(known.settings))
    now = known.clock.now()

    found = await report.false_stops([APPLICATION], 0.0)

    why = "Reset by a person as a false stop: the list was fine"
    assert found == [
        FalseStop("grant-1", "a@x.example", APPLICATION, now - 60, "cusum", "ada", why),
        FalseStop("domain:x.example", None, APPLICATION, now, "operator", "ada", why),
    ]
    assert await report.false_stops([APPLICATION], now) == found[1:]
    assert await report.false_stops(["another"], 0.0) == []
    assert await known.operations.fleet.false_stops() == 2
