from __future__ import annotations

from dataclasses import dataclass

import pytest

from breaker.domain.circuits.states import State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.gate import Answer, GateMemory, Held, HeldDomain, SendKind

NOW = 1_763_640_000.0
APP = "app-1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A memory, and the moment at which it is asked."""

    memory: GateMemory
    now: float = NOW

    def about(
        self, name: str, kind: SendKind = SendKind.COMPOSE, application: str | None = None, stale_for: float = 0.0
    ) -> Answer:
        return self.memory.answer(name, kind, self.now, application_id=application, stale_for=stale_for)


def held(  # noqa: PLR0913 - a whole account, said by name
    key: int,
    state: State,
    wanted: Wanted,
    *,
    grant: str | None = "grant-1",
    address: str | None = "agent@x.example",
    application: str = APP,
    until: float | None = None,
    detector: str | None = "cusum",
    signal: Signal | None = Signal.BOUNCE,
) -> Held:
    return Held(key, application, grant, address, state, wanted, NOW - 720, until, detector, signal)


def memory(*accounts: Held) -> GateMemory:
    made = GateMemory()
    made.replace(accounts)
    return made


STOPPED = held(1, State.STOPPED, Wanted.STOPPED)
LIMITED = held(1, State.LIMITED, Wanted.LIMITED, signal=Signal.COMPLAINT, detector="operator")


def test_who_is_not_kept_may_send() -> None:
    answer = Asked(memory(STOPPED)).about("grant-2")

    assert answer == Answer(allow=True, state=State.SENDING, reason="Nothing is known against it.", retry_after=None)


@pytest.mark.parametrize("name", ["grant-1", "agent@x.example"])
@pytest.mark.parametrize("kind", SendKind)
def test_a_stopped_account_sends_nothing_by_either_name(name: str, kind: SendKind) -> None:
    reason = "It is stopped for 12 minutes (for bounces, by the detector cusum)."

    assert Asked(memory(STOPPED)).about(name, kind) == Answer(
        allow=False, state=State.STOPPED, reason=reason, retry_after=300.0
    )


def test_a_limited_account_replies_and_begins_no_conversation() -> None:
    asked = Asked(memory(LIMITED))
    reason = "It is limited for 12 minutes (for complaints, by a person): it may reply, and begin no conversation."

    assert [asked.about("grant-1", kind) for kind in (SendKind.COMPOSE, SendKind.REPLY)] == [
        Answer(allow=False, state=State.LIMITED, reason=reason, retry_after=300.0),
        Answer(allow=True, state=State.LIMITED, reason=reason, retry_after=None),
    ]


def test_a_warned_account_may_send() -> None:
    answer = Asked(memory(held(1, State.WARNED, Wanted.SENDING, detector=None, signal=None))).about("grant-1")

    assert answer == Answer(
        allow=True, state=State.WARNED, reason="It is warned for 12 minutes, and may send.", retry_after=None
    )


@pytest.mark.parametrize(
    ("wanted", "allow", "retry_after"),
    [(Wanted.SENDING, True, None), (Wanted.LIMITED, False, 30.0), (Wanted.STOPPED, False, 30.0)],
)
def test_a_probed_account_may_send_while_its_round_is_open(
    wanted: Wanted, allow: bool, retry_after: float | None
) -> None:
    answer = Asked(memory(held(1, State.PROBING, wanted))).about("grant-1")

    assert (answer.allow, answer.state, answer.retry_after) == (allow, State.PROBING, retry_after)


@pytest.mark.parametrize(("until", "retry_after"), [(NOW + 21_600, 300.0), (NOW + 41.7, 42.0), (NOW - 5, 1.0)])
def test_one_asks_again_when_the_cool_down_is_over_and_within_five_minutes(until: float, retry_after: float) -> None:
    answer = Asked(memory(held(1, State.STOPPED, Wanted.STOPPED, until=until))).about("grant-1")

    assert answer.retry_after == retry_after


def test_of_one_address_in_two_applications_the_strictest_answer_holds_unless_one_is_named() -> None:
    other = held(2, State.STOPPED, Wanted.STOPPED, grant="grant-2", application="app-2")
    asked = Asked(memory(other, LIMITED))

    states = [asked.about("agent@x.example", application=name).state for name in (None, "app-1", "app-2", "app-3")]

    assert states == [State.STOPPED, State.LIMITED, State.STOPPED, State.SENDING]


def test_a_stopped_domain_stops_its_accounts_by_address_and_by_grant_and_nobody_else() -> None:
    known = memory()
    known.stop_domains([HeldDomain.of(APP, "x.example", NOW - 7_200, "authentication 5.7.26", ["grant-2", "grant-1"])])
    asked = Asked(known)
    reason = "Its sending domain x.example is stopped for 2 hours (authentication 5.7.26)."
    denied = Answer(allow=False, state=State.STOPPED, reason=reason, retry_after=300.0)

    answers = {name: asked.about(name) for name in ("grant-1", "grant-2", "new@x.example", "grant-3", "a@y.example")}

    assert {name: answer.allow for name, answer in answers.items()} == {
        "grant-1": False,
        "grant-2": False,
        "new@x.example": False,
        "grant-3": True,
        "a@y.example": True,
    }
    assert answers["grant-1"] == answers["new@x.example"] == denied
    assert asked.about("grant-1", application="app-2").allow


def test_while_a_domain_is_probed_that_account_alone_may_send_whose_round_is_open() -> None:
    known = memory(held(1, State.LIMITED, Wanted.LIMITED, grant="grant-3", address="c@x.example"))
    probed = HeldDomain.of(APP, "x.example", NOW - 7_200, "authentication 5.7.26", ["grant-1", "grant-2", "grant-3"])
    probed = probed._replace(state=State.PROBING, let_go=frozenset({"grant-1", "a@x.example"}))
    known.stop_domains([probed])
    asked = Asked(known)

    assert asked.about("grant-1") == asked.about("a@x.example")
    assert asked.about("grant-1") == Answer(
        allow=True,
        state=State.PROBING,
        reason="It may send, to probe its sending domain x.example, of which all others are held.",
        retry_after=None,
    )
    assert asked.about("grant-2") == Answer(
        allow=False,
        state=State.PROBING,
        reason=(
            "Its sending domain x.example is being probed by one of its accounts for 2 hours (authentication 5.7.26)."
        ),
        retry_after=300.0,
    )

    known.stop_domains([probed._replace(let_go=frozenset({"grant-3", "c@x.example"}))])
    answer = asked.about("c@x.example")
    assert (answer.allow, answer.state) == (False, State.LIMITED)
    assert asked.about("c@x.example", SendKind.REPLY).allow

    known.distrust()
    assert not asked.about("grant-3", SendKind.REPLY).allow


def test_what_is_let_go_of_is_forgotten_with_all_its_names() -> None:
    known = memory(STOPPED)

    known.change({1: STOPPED._replace(state=State.SENDING, wanted=Wanted.SENDING)})

    assert (len(known), Asked(known).about("grant-1").allow, Asked(known).about("agent@x.example").allow) == (
        0,
        True,
        True,
    )


def test_an_account_that_takes_another_name_is_known_by_that_one_alone() -> None:
    known = memory(STOPPED)

    known.change({1: STOPPED._replace(grant_id="grant-9")})

    answers = [Asked(known).about(name).allow for name in ("grant-1", "grant-9", "agent@x.example")]
    assert answers == [True, False, False]


def test_an_account_that_is_merged_into_another_leaves_the_other_its_name() -> None:
    alone = held(1, State.STOPPED, Wanted.STOPPED, grant=None)
    known = memory(alone)

    known.change({1: None, 2: held(2, State.STOPPED, Wanted.STOPPED)})

    assert (len(known), Asked(known).about("agent@x.example").state) == (1, State.STOPPED)


def test_an_old_answer_says_that_it_is_old() -> None:
    asked = Asked(memory(STOPPED))

    fresh, old, unknown = (
        asked.about("grant-1", stale_for=5.0),
        asked.about("grant-1", stale_for=75.0),
        asked.about("grant-2", stale_for=12.0),
    )

    stale = " Breaker has not reached its database for 1 minute; this is what it knew last."
    assert old == fresh._replace(reason=fresh.reason + stale)
    assert (unknown.allow, unknown.reason) == (
        True,
        "Nothing is known against it. Breaker has not reached its database for 12 seconds; this is what it knew last.",
    )


def test_a_database_that_was_lost_lets_nobody_go_until_the_next_one_tells_of_them() -> None:
    known = memory(STOPPED, held(2, State.WARNED, Wanted.SENDING, grant="grant-2", address="b@x.example"))
    known.stop_domains([HeldDomain.of(APP, "y.example", NOW - 60, None, ["grant-3"])])

    known.distrust()
    known.replace([])
    known.stop_domains([])
    asked = Asked(known)

    assert [asked.about(name).allow for name in ("grant-1", "agent@x.example", "grant-2", "grant-3")] == [
        False,
        False,
        True,
        False,
    ]
    known.change({7: held(7, State.SENDING, Wanted.SENDING)})
    known.let_go_of(APP, "y.example")
    assert [asked.about(name).allow for name in ("grant-1", "agent@x.example", "grant-3")] == [True, True, True]
