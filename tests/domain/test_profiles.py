"""Which profile applies to which account."""

from __future__ import annotations

import pytest

from breaker.domain.budget import Budget
from breaker.domain.profile import Profile
from breaker.domain.profiles import Assigned, Claim, Kind, Profiles
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
