"""Whom a pattern of protected accounts speaks of, and which entry counts."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breaker.domain.acts.selectors import Scope
from breaker.domain.circuits.circuit import Circuit, HeldBy, apply, judge
from breaker.domain.circuits.states import SEVERITY, WANTED, State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.profiles.profiles import expression
from breaker.domain.profiles.protected import (
    May,
    Pattern,
    Protected,
    ProtectedAccounts,
    Shadow,
    covers,
    parse_pattern,
    parted,
    shadows,
)
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.ports import Account

COUNTERS = Counters(WindowSizes())


def protected(pattern: str, may: May = May.NOTIFY, owner: str = "Board") -> Protected:
    return Protected(parse_pattern(pattern), owner, may)


def account(
    address: str | None,
    *,
    grant_id: str | None = "grant-1",
    application_id: str = "app-1",
    workspace_id: str | None = None,
    home_workspace_id: str | None = None,
) -> Account:
    return Account(1, application_id, grant_id, address, workspace_id, home_workspace_id)


@pytest.mark.parametrize(
    ("pattern", "whom", "fits"),
    [
        ("ceo@*", account("ceo@example.com"), True),
        ("CEO@Example.com", account("ceo@example.com"), True),
        ("ceo@*", account("deputy-ceo@example.com"), False),
        ("*@example.com", account("a@example.com"), True),
        ("*@example.com", account("a@mail.example.com"), False),
        ("domain:Example.com.", account("a@example.com"), True),
        ("domain:example.com", account("a@mail.example.com"), False),
        ("workspace:ws-1", account("a@x", workspace_id="ws-1"), True),
        ("workspace:ws-1", account("a@x", workspace_id="quarantine", home_workspace_id="ws-1"), True),
        ("workspace:ws-1", account("a@x"), False),
        ("application:app-1", account(None, grant_id=None), True),
        ("grant-?", account(None), True),
        ("grant-?", account(None, grant_id="grant-12"), False),
    ],
)
def test_a_pattern_speaks_of_its_accounts_and_no_other(pattern: str, whom: Account, fits: bool) -> None:
    found = ProtectedAccounts([protected(pattern)]).of(whom)

    assert (found is not None) is fits


def test_the_first_entry_that_speaks_of_an_account_counts() -> None:
    entries = ProtectedAccounts(
        [protected("news@*", May.STOP), protected("*@example.com", May.LIMIT), protected("domain:example.com")]
    )

    found = [entries.of(account(address)) for address in ("news@example.com", "a@example.com", "a@other.example")]

    assert [one and one.may for one in found] == [May.STOP, May.LIMIT, None]


@pytest.mark.parametrize(
    ("may", "barred"),
    [
        (May.NOTIFY, [State.LIMITED, State.STOPPED]),
        (May.LIMIT, [State.STOPPED]),
        (May.STOP, []),
    ],
)
def test_only_steps_beyond_what_may_happen_are_barred(may: May, barred: list[State]) -> None:
    entries, whom = ProtectedAccounts([protected("ceo@*", may)]), account("ceo@example.com")

    steps = (State.WARNED, State.LIMITED, State.STOPPED)
    assert [step for step in steps if entries.bars(whom, step)] == barred
    assert not any(entries.bars(account("other@example.com"), step) for step in steps)


@pytest.mark.parametrize(
    "text", ["", " ", "two words@x", "team:x", "domain:", "domain:*.example.com", "workspace:ws-?", "a\nb@x"]
)
def test_a_pattern_without_a_known_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it takes an address or grant id"):
        parse_pattern(text)


def test_it_says_by_what_it_is_protected_and_whose_it_is() -> None:
    one = Protected(parse_pattern("ceo@*"), "Board", May.LIMIT, "contracts")

    assert one.sentence == "It is protected by ceo@*, owner Board (contracts): automatically, it may only be limited."


LETTERS = "ab@"
SHORT = st.text("ab@*?", min_size=1, max_size=5)
NAMES = ["".join(name) for size in range(6) for name in product(f"{LETTERS}c", repeat=size)]
"""All short names; `c` is in no pattern, so it stands for every other character."""


@example("*", "a")
@example("?*", "*")
@example("*a", "**a")
@example("a*b", "a*a*b")
@given(SHORT, SHORT)
def test_one_pattern_covers_another_where_every_name_of_it_is_one_of_its_own(general: str, special: str) -> None:
    one, other = Pattern(Scope.ACCOUNT, general), Pattern(Scope.ACCOUNT, special)
    mine, theirs = expression(general), expression(special)

    left_over = [name for name in NAMES if theirs.fullmatch(name) and not mine.fullmatch(name)]
    assert covers(one, other) is not bool(left_over)


def test_a_domain_is_covered_by_a_pattern_of_all_of_its_addresses() -> None:
    every, domain = parse_pattern("*@*.com"), parse_pattern("domain:example.com")

    assert (covers(every, domain), covers(domain, every)) == (True, False)
    assert covers(domain, parse_pattern("ceo@example.com"))
    assert not covers(parse_pattern("*"), parse_pattern("workspace:ws-1"))


def test_what_an_earlier_entry_keeps_from_counting_is_named() -> None:
    entries = [
        protected("*@example.com", May.LIMIT),
        protected("ceo@example.com"),
        protected("ceo@*"),
        protected("ceo@*", May.STOP),
        protected("workspace:ws-1"),
    ]

    assert list(shadows(entries)) == [Shadow(1, 0, whole=True), Shadow(2, 0, whole=False), Shadow(3, 2, whole=True)]


def test_two_patterns_that_would_take_for_ever_to_compare_are_taken_for_different() -> None:
    hard = Pattern(Scope.ACCOUNT, "*a" + "?" * 40)

    assert not covers(hard, Pattern(Scope.ACCOUNT, "*b" + "*a?" * 30))


STEPS = st.sampled_from([State.WARNED, State.LIMITED, State.STOPPED])


@given(st.sampled_from(May), st.lists(st.tuples(STEPS, st.floats(0, 7_000.0)), max_size=12))
def test_whatever_is_asked_for_it_goes_as_far_as_it_may_and_the_rest_stands_pending(
    may: May, asked: list[tuple[State, float]]
) -> None:
    """Within a day: after that, what stands pending gives way to what is asked for then."""
    one, circuit, now = protected("ceo@*", may), Circuit(), 1_000_000.0
    worst = State.SENDING
    for number, (step, later) in enumerate(asked):
        now += later
        worst = max(worst, step, key=SEVERITY.__getitem__)
        for part, held_for in parted(step, None if one.allows(step) else one):
            suspicion = Suspicion("level", Signal.BOUNCE, part, 1_000, 40, 100, 0.04)
            verdict = judge(circuit, suspicion, COUNTERS, now, HeldBy.EXEMPT if held_for else None)
            circuit = circuit if verdict is None else apply(circuit, verdict, number)

    done = min(worst, one.at_most, key=SEVERITY.__getitem__)
    assert circuit.state is done
    assert (circuit.pending and circuit.pending.to) == (None if one.allows(worst) else worst)
    assert circuit.wanted is WANTED[done]
