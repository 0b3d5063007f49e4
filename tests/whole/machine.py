"""Accounts driven through stops, probes, resets, modes, holds, faults and crashes in any order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from breaker.domain.acts.acts import Act, ActKind, Automatic, RefusedError
from breaker.domain.acts.fleet_acts import FleetAct, FleetActKind
from breaker.domain.circuits.circuit import Mode
from breaker.simulator.faults import FaultKind
from tests.whole.expectations import Expectations
from tests.whole.world import DAY, DOMAINS, FLEET, HOUR, MINUTE, SELLERS, World

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.whole.daemon import Daemon
    from tests.whole.stage import Stage

ACCOUNTS = st.sampled_from((*FLEET[:4], *SELLERS))
SELECTORS = st.one_of(ACCOUNTS, st.sampled_from([f"domain:{name}" for name in DOMAINS]), st.just("--all"))
SPANS = st.sampled_from((1.0, 20.0, MINUTE, 3 * MINUTE, 20 * MINUTE, HOUR, 7 * HOUR, DAY, 8 * DAY))
MOMENTS = st.one_of(st.integers(1, 25), st.integers(1, 150))
PATHS = st.sampled_from(("/v3/", "/v3/lists/", "/v3/grants/", "/v3/workspaces"))
WEATHER: dict[str, dict[str, Any]] = {
    "429": {"kind": FaultKind.STATUS, "status": 429},
    "429 with Retry-After": {"kind": FaultKind.STATUS, "status": 429, "retry_after": 40},
    "500": {"kind": FaultKind.STATUS, "status": 500},
    "503, carried out": {"kind": FaultKind.STATUS, "status": 503, "executes": True},
    "no answer": {"kind": FaultKind.SILENCE},
    "no connection": {"kind": FaultKind.DISCONNECT},
    "no connection, carried out": {"kind": FaultKind.DISCONNECT, "executes": True},
    "HTML": {"kind": FaultKind.HTML, "status": 200},
    "HTML for 404": {"kind": FaultKind.HTML, "status": 404},
    "the old state": {"kind": FaultKind.STALE},
    "as if it were done": {"kind": FaultKind.LOST, "path": "/v3/lists/"},
    "a revoked key": {"kind": FaultKind.STATUS, "status": 401},
}
_FOUND = 14
"""Looks after which daemons have found what strangers did: an old answer of the platform would be over."""
_LAST = 40
"""Looks after which nothing is in the way of anything any more, half a minute apart."""


class AnyOrder(RuleBasedStateMachine):
    """The machine; a subclass names the stage.

    Attributes:
        stage: Where it is played.
    """

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.world: World = self.stage.world()
        self.expectations = Expectations.new()

    def teardown(self) -> None:
        """See how it ends, and end the world."""
        try:
            if sys.exc_info()[0] is None:
                self.run(self._settle())
        finally:
            self.stage.end(self.world)

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Do something to its end."""
        self.stage.run(work)

    @initialize()
    def a_daemon_runs(self) -> None:
        async def work() -> None:
            await self.world.start_daemon()
            await self.world.everybody()

        self.run(work())

    @invariant()
    def nothing_is_told_wrongly_and_nobody_let_go(self) -> None:
        self.run(self.expectations.after_a_step(self.world))

    # Accounts

    @rule(address=ACCOUNTS, good=st.sampled_from((0, 9, 25)), bad=st.sampled_from((0, 0, 2, 20)))
    def an_account_sends(self, address: str, good: int, bad: int) -> None:
        async def work() -> None:
            if good + bad:
                await self.world.send(address, good, bad)

        self.run(work())

    @rule(address=ACCOUNTS, complaints=st.sampled_from((1, 4)))
    def an_account_draws_complaints(self, address: str, complaints: int) -> None:
        async def work() -> None:
            await self.world.send(address, 20, 0, complaints=complaints)

        self.run(work())

    @rule(domain=st.sampled_from(DOMAINS))
    def the_dkim_record_of_a_domain_breaks(self, domain: str) -> None:
        self.world.broken.add(domain)

        async def work() -> None:
            for address in (*FLEET, *SELLERS):
                if address.endswith(f"@{domain}"):
                    await self.world.send(address, 6, 0)

        self.run(work())

    @rule()
    def all_dkim_records_are_mended(self) -> None:
        self.world.broken.clear()

    @rule(address=ACCOUNTS)
    def a_grant_is_deleted_or_made_again(self, address: str) -> None:
        async def work() -> None:
            grant = self.world.application.grants.by_address(address)
            if grant is None:
                self.world.application.add_grant(address)
            else:
                self.world.application.remove_grant(grant.id)
            await self.world.hear()

        self.run(work())

    # Time and daemons

    @rule(seconds=SPANS)
    def time_passes(self, seconds: float) -> None:
        self.run(self.world.later(seconds))

    @rule(seconds=st.sampled_from((0.0, 1.0, 20.0)))
    def everybody_looks(self, seconds: float) -> None:
        async def work() -> None:
            await self.world.pass_time(seconds)
            await self.world.everybody()

        self.run(work())

    @rule(which=st.integers(0, 1), data=st.data())
    def a_daemon_does_one_thing(self, which: int, data: st.DataObject) -> None:
        daemon = self._daemon(which)
        if daemon is not None:
            name = data.draw(st.sampled_from(("carry out", *sorted(daemon.works))))
            self.run(self._of(daemon, daemon.carry_out() if name == "carry out" else daemon.once(name)))

    @precondition(lambda self: len(self.world.daemons) < 2)
    @rule()
    def a_daemon_starts(self) -> None:
        async def work() -> None:
            await self.world.start_daemon()

        self.run(work())

    @rule(which=st.integers(0, 1), moments=MOMENTS)
    def a_daemon_is_killed_while_it_works(self, which: int, moments: int) -> None:
        daemon = self._daemon(which)
        if daemon is not None:
            daemon.moments.kill_after(moments)
            self.run(self._of(daemon, daemon.look()))

    @rule(address=ACCOUNTS, bad=st.sampled_from((5, 20)), moments=MOMENTS)
    def a_daemon_is_killed_while_it_hears(self, address: str, bad: int, moments: int) -> None:
        daemon = self._daemon(0)

        async def work() -> None:
            if daemon is not None:
                daemon.moments.kill_after(moments)
            await self.world.send(address, 10, bad)

        self.run(work())

    @rule(which=st.integers(0, 1))
    def a_daemon_stops_in_good_order(self, which: int) -> None:
        daemon = self._daemon(which)
        if daemon is not None:
            self.run(self.world.leave(daemon))

    @rule(
        address=ACCOUNTS,
        first=st.sampled_from((ActKind.RESET, ActKind.RESET, ActKind.TRIP)),
        moments=st.integers(14, 34),
    )
    def a_person_thinks_again_while_a_daemon_works(self, address: str, first: ActKind, moments: int) -> None:
        second = ActKind.TRIP if first is ActKind.RESET else ActKind.RESET

        async def work() -> None:
            self.world.platform.faults.clear()
            await self._act(Act(second, "why", "ann"), address)
            await self.world.pass_time(30.0)
            await self.world.everybody()
            await self._act(Act(first, "why", "ann"), address)
            daemon = self._daemon(0)
            if daemon is not None:
                daemon.moments.interrupt_after(moments, lambda: self._act(Act(second, "no", "ann"), address))
                await self.world.of(daemon, daemon.carry_out())

        self.run(work())

    @rule(
        kind=st.sampled_from((ActKind.TRIP, ActKind.RESET)), address=ACCOUNTS, weather=st.sampled_from(sorted(WEATHER))
    )
    def a_person_acts_in_bad_weather(self, kind: ActKind, address: str, weather: str) -> None:
        async def work() -> None:
            other = ActKind.TRIP if kind is ActKind.RESET else ActKind.RESET
            await self._act(Act(other, "why", "ann"), address)
            await self.world.everybody()
            self.world.fault(**{"path": "/v3/", **WEATHER[weather]})
            await self._act(Act(kind, "why", "ann"), address)
            daemon = self._daemon(0)
            if daemon is not None:
                await self.world.of(daemon, daemon.carry_out())
            await self.expectations.after_a_step(self.world)
            self.world.platform.faults.clear()

        self.run(work())

    @rule(kind=st.sampled_from((ActKind.TRIP, ActKind.RESET, ActKind.PROBE)), selector=SELECTORS, moments=MOMENTS)
    def a_person_acts_while_a_daemon_works(self, kind: ActKind, selector: str, moments: int) -> None:
        daemon = self._daemon(0)

        async def act() -> None:
            await self._act(Act(kind, "in between", "ann"), selector)

        if daemon is not None:
            daemon.moments.interrupt_after(moments, act)
            self.run(self._of(daemon, daemon.look()))

    @precondition(lambda self: len(self.world.daemons) == 2)
    @rule(seconds=st.sampled_from((0.0, 5.0, 20.0, 5 * MINUTE)), moments=MOMENTS)
    def a_daemon_is_paused_while_the_other_works(self, seconds: float, moments: int) -> None:
        first, second = self.world.daemons.values()

        async def meanwhile() -> None:
            await self.world.pass_time(seconds)
            await self.world.of(second, second.look())

        first.moments.interrupt_after(moments, meanwhile)
        self.run(self._of(first, first.look()))

    # People

    @rule(
        kind=st.sampled_from((ActKind.TRIP, ActKind.RESET, ActKind.RESET, ActKind.PROBE, ActKind.GUARD_APPROVE)),
        selector=SELECTORS,
        false_stop=st.booleans(),
    )
    def a_person_acts(self, kind: ActKind, selector: str, false_stop: bool) -> None:
        self.run(self._act(Act(kind, "why", "ann", false_stop=false_stop and kind is ActKind.RESET), selector))

    @rule(kind=st.sampled_from((ActKind.TRIP, ActKind.RESET)), domain=st.sampled_from(DOMAINS))
    def a_person_acts_on_a_domain_alone(self, kind: ActKind, domain: str) -> None:
        self.run(self._act(Act(kind, "why", "ann", only_domain=True), f"domain:{domain}"))

    @rule(pace=st.sampled_from((None, 0.1)))
    def a_person_releases_everything(self, pace: float | None) -> None:
        self.run(self._act(Act(ActKind.RESET, "why", "ann", automatic=Automatic(), pace=pace), "--all"))

    @rule(
        mode=st.sampled_from((Mode.OBSERVE, Mode.ENFORCE, Mode.EXEMPT, None)),
        selector=SELECTORS,
        lasts=st.sampled_from((None, 5 * MINUTE, DAY)),
        apply_pending=st.booleans(),
    )
    def a_person_sets_a_mode(self, mode: Mode | None, selector: str, lasts: float | None, apply_pending: bool) -> None:
        act = Act(
            ActKind.MODE,
            "why",
            "ann",
            mode=mode,
            lasts=lasts if mode else None,
            apply_pending=apply_pending and mode is Mode.ENFORCE,
        )
        self.run(self._act(act, selector))

    @rule(kind=st.sampled_from(FleetActKind), lasts=st.sampled_from((HOUR, DAY)))
    def a_person_acts_on_the_fleet(self, kind: FleetActKind, lasts: float) -> None:
        async def work() -> None:
            await self.world.act_on_fleet(FleetAct(kind, "why", "ann", lasts=lasts, number=50))
            await self._minds_are_made_up()

        self.run(work())

    # Weather and strangers

    @rule(weather=st.sampled_from(sorted(WEATHER)), path=PATHS, times=st.sampled_from((1, 2, 5, None)))
    def the_platform_answers_badly(self, weather: str, path: str, times: int | None) -> None:
        lasts = None if WEATHER[weather]["kind"] in {FaultKind.SILENCE, FaultKind.STALE} else times
        # Of the rest, Breaker has to believe that what was made is there.
        self.world.fault(**{"path": path, **WEATHER[weather]}, times=lasts)

    @rule()
    def the_platform_answers_well_again(self) -> None:
        self.world.platform.faults.clear()

    @rule(address=ACCOUNTS, purpose=st.sampled_from(("stopped accounts", "limited accounts")))
    def a_stranger_lists_an_account(self, address: str, purpose: str) -> None:
        self.run(self.world.list_by_hand(purpose, address))

    @rule(address=ACCOUNTS)
    def a_stranger_takes_an_account_off_all_lists(self, address: str) -> None:
        async def work() -> None:
            for purpose in ("stopped accounts", "limited accounts"):
                await self.world.unlist_by_hand(purpose, address)

        self.run(work())

    @rule(domain=st.sampled_from(DOMAINS), takes_off=st.booleans())
    def a_stranger_changes_the_list_of_domains(self, domain: str, takes_off: bool) -> None:
        by_hand = self.world.unlist_by_hand if takes_off else self.world.list_by_hand
        self.run(by_hand("stopped domains", domain))

    # And in the end

    @rule()
    def all_is_well_in_the_end(self) -> None:
        self.run(self._settle())

    async def _settle(self) -> None:
        world = self.world
        world.platform.faults.clear()
        if not world.daemons:
            await world.start_daemon()
        for look in range(_LAST):
            await world.pass_time(30.0)
            await world.everybody()
            found = look >= _FOUND or not world.touched
            if found and not await self.expectations.unsettled(world):
                break
        await self.expectations.in_the_end(world)

    def _daemon(self, which: int) -> Daemon | None:
        living = list(self.world.daemons.values())
        return living[which % len(living)] if living else None

    async def _act(self, act: Act, selector: str) -> None:
        await self.world.pass_time(1.0)
        try:
            await self.world.act(act, selector)
        except RefusedError:
            return
        if act.kind is ActKind.MODE:
            await self._minds_are_made_up()

    async def _minds_are_made_up(self) -> None:
        """Let pass the second or two in which a daemon may not know yet how far it may go."""
        await self.world.pass_time(2.5)

    async def _of(self, daemon: Daemon, work: Coroutine[object, object, object]) -> None:
        await self.world.of(daemon, work)


def played_on(stage: Stage) -> type[AnyOrder]:
    """Return the machine for a stage."""
    return type("AnyOrderOnAStage", (AnyOrder,), {"stage": stage})
