from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.config import ConfigurationError, ResolvedProfile, Settings, load
from breaker.domain.profiles.profiles import Claim, Kind

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str) -> Settings:
    path = folder / "breaker.toml"
    path.write_text(f'data_dir = "{folder}"\n{text}')
    return load(path, {}, {})


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    return [problem.replace(str(folder / "breaker.toml"), "FILE") for problem in caught.value.problems]


BASE = ResolvedProfile("standard", 0.02, 0.0003, 0.8, 1.0, "stop", "stop")


def test_without_profiles_there_is_the_base_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "").resolved_profiles() == (BASE,)


def test_a_profile_says_what_differs_from_what_it_extends(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        """
        [detection]
        level = 0.9
        complaints = "limit"
        [[profiles]]
        name = "transactional"
        extends = "careful"
        healthy_complaint_rate = 0.0001
        bounces = "limit"
        accounts = ["*@Notify.example.com", "grant-A"]
        domains = ["Receipts.example.com."]
        workspaces = ["ws-1"]
        applications = ["app-1"]
        owner = "Payments"
        labels = ["tier 1", "do not call at night"]
        [[profiles]]
        name = "careful"
        preset = "strict"
        level = 0.6
        """,
    )

    base, transactional, careful = settings.resolved_profiles()
    assert base == ResolvedProfile("standard", 0.02, 0.0003, 0.9, 1.0, "stop", "limit")
    assert careful == ResolvedProfile("careful", 0.015, 0.000225, 0.6, 3.0, "stop", "limit")
    assert transactional == ResolvedProfile(
        "transactional",
        0.015,
        0.0001,
        0.6,
        3.0,
        "limit",
        "limit",
        (
            Claim(Kind.ACCOUNT, "*@notify.example.com"),
            Claim(Kind.ACCOUNT, "grant-A"),
            Claim(Kind.DOMAIN, "receipts.example.com"),
            Claim(Kind.WORKSPACE, "ws-1"),
            Claim(Kind.APPLICATION, "app-1"),
        ),
        "Payments",
        ("tier 1", "do not call at night"),
    )


def test_no_preset_calls_healthy_what_is_close_to_the_platforms_line(tmp_path: Path) -> None:
    settings = read(tmp_path, "[detection]\nhealthy_bounce_rate = 0.04\nhealthy_complaint_rate = 0.0008\nlevel = 0.95")

    lenient = settings.presets()[2]
    assert lenient == ResolvedProfile("lenient", 0.04, 0.0008, 1.0, 1 / 3, "stop", "stop")


ONE = '[[profiles]]\nname = "one"\n'
TWO = '[[profiles]]\nname = "two"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            ONE + 'preset = "strickt"\ndomains = ["a.example"]',
            "profiles[0].preset (FILE): there is no preset strickt; the nearest one is strict",
        ),
        (
            ONE + 'extends = "tow"\ndomains = ["a.example"]\n' + TWO + 'domains = ["b.example"]',
            "profiles[0].extends (FILE): there is no profile tow; the nearest one is two",
        ),
        (
            ONE + 'extends = "strict"\ndomains = ["a.example"]',
            "profiles[0].extends (FILE): there is no profile strict; for a preset, say preset",
        ),
        (
            ONE + 'extends = "two"\npreset = "strict"\ndomains = ["a.example"]\n' + TWO,
            "profiles[0].extends (FILE): one has a preset too: keep one",
        ),
        (
            ONE + 'domains = ["a.example"]\n[[profiles]]\nname = "one"\nworkspaces = ["ws-1"]',
            "profiles[1].name (FILE): one is the name of 2 profiles",
        ),
        (
            '[[profiles]]\nname = "strict"\ndomains = ["a.example"]',
            "profiles[0].name (FILE): strict is a preset's name: choose another",
        ),
        (
            ONE + "level = 0.9",
            "profiles[0] (FILE): one applies to nobody, and none extends it: say accounts, domains, ...",
        ),
        (
            ONE + "domains = []",
            "profiles[0].domains (FILE): names nobody: leave it out, or say who is meant",
        ),
        (
            ONE + 'domains = ["a.example"]\nhealthy_bounce_rate = 0.05',
            "profiles[0].healthy_bounce_rate (FILE): must be less than or equal to 0.04",
        ),
        (
            ONE + 'domains = ["a.example"]\nlevl = 0.01',
            "profiles[0].levl (FILE): unknown key; the nearest known one is profiles[0].level",
        ),
        (
            ONE + 'domains = ["a.example"]\ncomplaints = "ignore"',
            "profiles[0].complaints (FILE): must be one of stop, limit, warn",
        ),
        (
            ONE + 'domains = ["a.example"]\n' + TWO + 'domains = ["A.example"]',
            "profiles[1].domains (FILE): one claims a.example, and two claims it too",
        ),
        (
            ONE + 'accounts = ["grant-1"]\n' + TWO + 'accounts = ["grant-1"]',
            "profiles[1].accounts (FILE): one claims grant-1, and two claims it too",
        ),
        (
            ONE + 'accounts = ["a*@x.example"]\n' + TWO + 'accounts = ["*b@x.example"]',
            "profiles[1].accounts (FILE): one claims a*@x.example, and two claims *b@x.example, just as exactly",
        ),
    ],
)
def test_a_profile_that_leaves_something_open_is_refused_by_its_key(tmp_path: Path, text: str, problem: str) -> None:
    assert refused(tmp_path, text) == [problem]


def test_profiles_that_extend_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    text = ONE + 'extends = "two"\ndomains = ["a.example"]\n' + TWO + 'extends = "one"'

    assert refused(tmp_path, text) == [
        "profiles[0].extends (FILE): one extends two extends one: a circle",
        "profiles[1].extends (FILE): two extends one extends two: a circle",
    ]


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = ONE + 'preset = "lenent"\n' + TWO + 'extends = "three"\nworkspaces = ["ws-1"]'

    assert [problem.partition(":")[0] for problem in refused(tmp_path, text)] == [
        "profiles[0].preset (FILE)",
        "profiles[0] (FILE)",
        "profiles[1].extends (FILE)",
    ]


def test_a_more_exact_pattern_contradicts_no_wider_one(tmp_path: Path) -> None:
    text = ONE + 'accounts = ["*@x.example"]\n' + TWO + 'accounts = ["agent-*@x.example", "agent-7@x.example"]'

    assert len(read(tmp_path, text).resolved_profiles()) == 3
