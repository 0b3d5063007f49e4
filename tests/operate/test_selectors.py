from __future__ import annotations

import pytest

from breaker.domain.acts.selectors import Scope, Selector, parse_selector


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("Agent@X.example", Selector(Scope.ACCOUNT, "agent@x.example")),
        (" 0d5a-GRANT ", Selector(Scope.ACCOUNT, "0d5a-GRANT")),
        ("domain:X.example", Selector(Scope.DOMAIN, "x.example")),
        ("workspace:Wsp-1", Selector(Scope.WORKSPACE, "Wsp-1")),
        ("application:App-1", Selector(Scope.APPLICATION, "App-1")),
        ("--all", Selector(Scope.ALL)),
    ],
)
def test_a_selector_is_read_as_people_type_it(text: str, selector: Selector) -> None:
    assert parse_selector(text) == selector


@pytest.mark.parametrize("text", ["", " ", "domain:", "team:x", "--everything", "two words", "x\0y", "a" * 400])
def test_what_is_no_selector_is_refused_with_the_known_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no selector: it takes an address, a grant id, domain:X"):
        parse_selector(text)


@pytest.mark.parametrize("text", ["agent@x.example", "grant-1", "domain:x.example", "--all"])
def test_a_selector_is_shown_as_it_is_typed(text: str) -> None:
    assert str(parse_selector(text)) == text
