"""Laws of a sending domain's way back, whatever happens in which order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from breaker.domain.acts.acts import ActKind
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State, Wanted
from tests.probing.remembered_domain import RememberedDomain

HOUR = 3_600.0
SOMEBODY = st.integers(1, 5)


class Lives(RuleBasedStateMachine):
    """A domain that fails, is probed, is acted upon by people, and whose sender dies at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.domain: RememberedDomain
        self.shown = False

    @initialize()
    def begins(self) -> None:
        self.domain = RememberedDomain(5)

    def teardown(self) -> None:
        """Let everything under way end, and compare."""
        domain = self.domain
        domain.mode, domain.blind = Mode.ENFORCE, False
        for _ in range(3):
            domain.obey_all()
            domain.look()
        domain.obey_all()
        circuit = domain.circuit.circuit
        if circuit.state is State.SENDING:
            assert (domain.blocked, domain.listed, domain.rows) == (False, domain.stopped_alone, {})
        elif circuit.state is State.STOPPED:
            assert (domain.blocked, domain.listed, domain.rows) == (True, domain.stopped_alone, {})
        elif circuit.wanted is Wanted.STOPPED:
            assert domain.blocked
        else:
            assert domain.all_free == domain.probed_by
        assert domain.confirmed is circuit.wanted
        domain.loop.close()

    @rule()
    def the_domain_fails(self) -> None:
        self.domain.broken = True
        self.domain.fail()

    @rule()
    def it_is_repaired(self) -> None:
        self.domain.broken = False

    @rule()
    def the_prober_looks(self) -> None:
        self.domain.look()

    @rule()
    def another_daemon_takes_over(self) -> None:
        self.domain.prober = self.domain.another_prober()
        self.domain.look()

    @rule(crash=st.booleans())
    def the_platform_is_told_one_thing(self, *, crash: bool) -> None:
        self.domain.obey(crash=crash)

    @rule()
    def the_platform_is_told_everything(self) -> None:
        self.domain.obey_all()

    @rule(hours=st.sampled_from([0.01, 0.3, 6.0, 24.0]))
    def time_passes(self, hours: float) -> None:
        self.domain.now_ += hours * HOUR

    @rule(many=st.integers(1, 12))
    def all_try_to_send(self, many: int) -> None:
        for _ in range(many):
            self.domain.now_ += 60
            for number in self.domain.known:
                self.domain.send(number)

    @rule()
    def a_round_passes(self) -> None:
        """Let what takes many steps happen in one, so that later rounds are seen too."""
        self.domain.round()

    @rule(number=SOMEBODY)
    def one_is_stopped_by_itself(self, number: int) -> None:
        self.domain.stop_alone(number)

    @rule(number=SOMEBODY)
    def one_is_reset_by_itself(self, number: int) -> None:
        if self.domain.known[number].state is State.STOPPED:
            self.domain.reset_alone(number)

    @precondition(lambda self: len(self.domain.known) < 8)
    @rule()
    def an_account_joins(self) -> None:
        self.domain.join()

    @rule(kind=st.sampled_from([ActKind.TRIP, ActKind.RESET, ActKind.PROBE]))
    def a_person_acts(self, kind: ActKind) -> None:
        self.domain.act(kind)

    @rule(mode=st.sampled_from([Mode.ENFORCE, Mode.OBSERVE]))
    def the_mode_is_set(self, mode: Mode) -> None:
        self.domain.mode = mode

    @rule(blind=st.booleans())
    def the_feed_comes_and_goes(self, *, blind: bool) -> None:
        self.domain.blind = blind

    @invariant()
    def one_account_of_a_stopped_domain_sends_at_most(self) -> None:
        domain = self.domain
        if domain.state not in {State.STOPPED, State.PROBING}:
            self.shown = False
        elif domain.blocked:
            self.shown = True
        if self.shown:
            assert domain.all_free - domain.newcomers <= domain.probed_by

    @invariant()
    def what_is_confirmed_is_so(self) -> None:
        domain = self.domain
        if domain.confirmed is Wanted.STOPPED:
            assert domain.blocked
        elif domain.confirmed is Wanted.SENDING:
            assert not domain.blocked

    @invariant()
    def who_is_stopped_by_itself_is_free_at_no_time(self) -> None:
        assert not self.domain.all_free & self.domain.stopped_alone


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_after_a_probe_is_accepted_all_are_free() -> None:
    domain = RememberedDomain(80)
    domain.fail()
    domain.obey_all()
    domain.look()
    domain.now_ += 6 * HOUR
    free: list[int] = []
    while domain.state is not State.SENDING:
        domain.look()
        domain.obey_all()
        domain.look()
        free.append(len(domain.all_free))
        for number in domain.known:
            domain.send(number)
        domain.now_ += 60
    domain.obey_all()

    assert set(free[:-1]) <= {0, 1}
    assert 1 in free
    assert len(domain.all_free) == 80
    assert [one.detector for one in domain.verdicts] == ["probe"] * len(domain.verdicts)
    assert len(domain.verdicts) <= 7
    domain.loop.close()


def test_after_a_probe_has_failed_nobody_is_free() -> None:
    domain = RememberedDomain(80)
    domain.broken = True
    domain.fail()
    domain.obey_all()
    domain.look()
    domain.now_ += 6 * HOUR
    domain.look()
    domain.obey_all()
    domain.look()
    [probing] = domain.all_free
    for _ in range(2):
        domain.send(next(number for number, one in domain.known.items() if one.address == probing))
    domain.look()
    domain.obey_all()

    assert (domain.state, domain.all_free, domain.listed, domain.rows) == (State.STOPPED, set(), set(), {})
    domain.loop.close()


def test_a_probe_that_stays_undecided_has_failed_and_nobody_stands_in_any_more() -> None:
    domain = RememberedDomain(5)
    domain.fail()
    domain.obey_all()
    domain.look()
    domain.now_ += 6 * HOUR
    for refused in (1, 1, 0, 1, 0, 1):
        domain.round(refused=refused)
    domain.look()
    domain.obey_all()

    assert domain.verdicts[-1].why.startswith(
        "The probe is undecided after as many sends as it may have: 4 of 60 sends"
    )
    assert (domain.state, domain.blocked, domain.listed, domain.rows) == (State.STOPPED, True, set(), {})
    domain.loop.close()


def test_another_account_goes_on_where_the_first_one_falls_out() -> None:
    domain = RememberedDomain(5)
    domain.fail()
    domain.obey_all()
    domain.look()
    domain.now_ += 6 * HOUR
    domain.round()
    [first] = domain.probed_by
    domain.stop_alone(next(number for number, one in domain.known.items() if one.address == first))
    domain.look()
    domain.obey_all()
    domain.look()

    [second] = domain.all_free
    assert (second != first, domain.all_free) == (True, domain.probed_by)
    assert domain.listed == {one.address for one in domain.known.values()} - {second}
    domain.loop.close()
