"""Which profile applies to which account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.detectors.budget import Budget
from breaker.domain.profiles.profile import Profile
from breaker.domain.profiles.profiles import (
    Assigned,
    Claim,
    Contradiction,
    Kind,
    Profiles,
    contradictions,
    expression,
    overlap,
)
from breaker.ports import Account


def named(name: str) -> Profile:
    return Profile(name, Budget(), ())


def assigned(name: str, kind: Kind, *names: str) -> Assigned:
    return Assigned(named(name), tuple(Claim(kind, one) for one in names))


def account(
    address: str | None,
    application_id: str = "app-1",
    grant_id: str | None = "grant-1",
    workspace_id: str | None = None,
    home_workspace_id: str | None = None,
) -> Account:
    return Account(1, application_id, grant_id, address, workspace_id, home_workspace_id)


SHAPES = st.sampled_from(["=", "?", "*", "*=", "=*", "**"])
"""What stands in a pattern for one character of a name, `=` for itself."""

FLEET = Profiles(
    named("standard"),
    (
        assigned("mailbox", Kind.ACCOUNT, "vip@notify.example.com", "grant-9"),
        assigned("agents", Kind.ACCOUNT, "agent-*@notify.example.com"),
        assigned("all of it", Kind.ACCOUNT, "*@notify.example.com"),
        assigned("domain", Kind.DOMAIN, "news.example.com"),
        assigned("workspace", Kind.WORKSPACE, "ws-1"),
        assigned("application", Kind.APPLICATION, "app-2"),
    ),
)


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        (account("vip@notify.example.com", workspace_id="ws-1"), "mailbox"),
        (account("other@elsewhere.example", grant_id="grant-9"), "mailbox"),
        (account("agent-7@notify.example.com"), "agents"),
        (account("seven@notify.example.com"), "all of it"),
        (account("a@news.example.com", workspace_id="ws-1", application_id="app-2"), "domain"),
        (account("a@elsewhere.example", workspace_id="ws-1", application_id="app-2"), "workspace"),
        (account("a@elsewhere.example", workspace_id="away", home_workspace_id="ws-1"), "workspace"),
        (account(None, application_id="app-2"), "application"),
        (account("a@elsewhere.example", workspace_id="ws-2"), "standard"),
        (account(None, grant_id=None), "standard"),
    ],
)
def test_the_most_specific_profile_wins(whom: Account, expected: str) -> None:
    assert FLEET.of(whom).name == expected


def test_an_account_that_moves_has_the_profile_of_where_it_belongs_now() -> None:
    before, after = account("a@elsewhere.example"), account("a@elsewhere.example", workspace_id="ws-1")

    assert [FLEET.of(one).name for one in (before, after, before)] == ["standard", "workspace", "standard"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a*@x", "*b@x", True),
        ("a*@x", "b*@x", False),
        ("*@x", "*@y", False),
        ("??@x", "a*@x", True),
        ("??@x", "abc*@x", False),
        ("*", "", True),
        ("a", "a", True),
        ("*a*", "*b*", True),
        ("?", "", False),
    ],
)
def test_two_patterns_overlap_where_some_name_fits_both(one: str, other: str, *, expected: bool) -> None:
    assert (overlap(one, other), overlap(other, one)) == (expected, expected)


@given(st.lists(st.tuples(st.sampled_from("ab"), SHAPES, SHAPES), max_size=6))
def test_patterns_that_fit_one_name_overlap(drawn: list[tuple[str, str, str]]) -> None:
    name = "".join(character for character, _, _ in drawn)
    one, other = ("".join(made[place].replace("=", made[0]) for made in drawn) for place in (1, 2))

    assert expression(one).fullmatch(name)
    assert expression(other).fullmatch(name)
    assert overlap(one, other)


def test_an_account_that_two_profiles_would_have_is_a_contradiction() -> None:
    wide, narrow = Claim(Kind.ACCOUNT, "*@x.example"), Claim(Kind.ACCOUNT, "a*@x.example")
    same, other = Claim(Kind.ACCOUNT, "*a@x.example"), Claim(Kind.DOMAIN, "x.example")

    assert list(contradictions([("one", [wide, narrow]), ("two", [same, other]), ("three", [other])])) == [
        Contradiction("one", narrow, "two", same),
        Contradiction("two", other, "three", other),
    ]
