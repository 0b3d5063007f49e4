from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.config import changed
from breaker.domain.profiles.protected import May, Protected, parse_pattern
from tests.config.test_profiles import read, refused

if TYPE_CHECKING:
    from pathlib import Path


def test_a_table_says_whom_it_protects_who_answers_for_them_and_from_what(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        """
        [[protected]]
        pattern = "CEO@*"
        owner = " Board "
        may = "limit"
        reason = "contracts"
        [[protected]]
        pattern = "domain:News.example.com."
        owner = "Marketing"
        """,
    )

    assert [one.entry() for one in settings.protected] == [
        Protected(parse_pattern("ceo@*"), "Board", May.LIMIT, "contracts"),
        Protected(parse_pattern("domain:news.example.com"), "Marketing", May.NOTIFY),
    ]


def test_what_cannot_be_meant_is_refused_and_names_the_key(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        """
        [[protected]]
        pattern = "team:x"
        owner = "Board"
        [[protected]]
        pattern = "ceo@*"
        [[protected]]
        pattern = "ceo@*"
        owner = "Board"
        may = "warn"
        """,
    )

    assert [problem.partition(" ")[0] for problem in problems] == [
        "protected[0].pattern",
        "protected[1].owner",
        "protected[2].may",
    ]
    assert "it takes an address or grant id" in problems[0]


def test_a_pattern_that_is_said_twice_is_refused(tmp_path: Path) -> None:
    tables = '[[protected]]\npattern = "ceo@*"\nowner = "Board"\n[[protected]]\npattern = "CEO@*"\nowner = "Legal"\n'

    assert refused(tmp_path, tables) == ["protected[1].pattern (FILE): ceo@* is protected[0]'s too: keep one"]


def test_it_takes_effect_at_once(tmp_path: Path) -> None:
    before, after = read(tmp_path, ""), read(tmp_path, '[[protected]]\npattern = "ceo@*"\nowner = "Board"\n')

    merged, waiting = changed(before, after)

    assert (merged.protected, waiting) == (after.protected, ())
