"""Suppressed recipients at the command line: shown, erased, and never named in the audit trail."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.postgres.suppressions import keep_suppressed
from breaker.domain.platform.suppression import Reason, Suppressed
from tests.fleet import APPLICATION, NOW

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal
    from tests.fleet import Fleet


async def keep(fleet: Fleet) -> None:
    await fleet.know("agent@x.example", "grant-1")
    async with fleet.pool.acquire() as connection, connection.transaction():
        await keep_suppressed(
            connection,
            [
                Suppressed(APPLICATION, "gone@example.org", Reason.UNKNOWN_RECIPIENT, NOW - 60),
                Suppressed(APPLICATION, "angry@example.org", Reason.COMPLAINT, NOW),
            ],
        )


async def trail(fleet: Fleet) -> list[dict[str, Any]]:
    rows = await fleet.pool.fetch("SELECT scope, why, author, context::text AS context FROM verdicts ORDER BY id")
    return [dict(row) for row in rows]


def test_who_is_kept_is_shown_the_latest_first(shell: Terminal) -> None:
    shell.prepare(keep)

    said = shell.breaker("suppression", "list", "--json")
    complained = shell.breaker("suppression", "list", "--for", "complaint")

    assert (said.code, said.json["data"]) == (
        0,
        [
            {
                "application_id": APPLICATION,
                "address": address,
                "reason": reason,
                "first_at": at,
                "last_at": at,
                "times": 1,
                "listed": False,
            }
            for address, reason, at in (
                ("angry@example.org", "complaint", NOW),
                ("gone@example.org", "unknown_recipient", NOW - 60),
            )
        ],
    )
    assert ("angry@example.org" in complained.out, "gone@example.org" in complained.out) == (True, False)


def test_one_is_erased_and_the_audit_trail_has_no_address(shell: Terminal) -> None:
    shell.prepare(keep)

    erased = shell.breaker("suppression", "erase", "Gone@Example.org", "--reason", "asked us to", "--json")
    again = shell.breaker("suppression", "erase", "gone@example.org", "--reason", "asked us to")

    assert (erased.code, erased.json, again.code) == (0, {"erased": 1}, 3)
    assert "gone@example.org" not in again.err
    assert [one["address"] for one in shell.breaker("suppression", "list", "--json").json["data"]] == [
        "angry@example.org"
    ]
    entries = shell.prepare(trail)
    assert [(one["scope"], one["why"], one["author"]) for one in entries] == [
        ("suppression", "Suppressed recipients erased by a person: asked us to (1 in all)", "ada"),
        ("suppression", "Suppressed recipients erased by a person: asked us to (0 in all)", "ada"),
        ("suppression", "Suppressed recipients shown to a person (1 in all)", "ada"),
    ]
    assert "example.org" not in "".join(one["context"] for one in entries)
    assert entries[0]["context"] == entries[1]["context"]  # the same fingerprint, by which it is known again


def test_all_are_erased_at_once(shell: Terminal) -> None:
    shell.prepare(keep)

    erased = shell.breaker("suppression", "erase", "--all", "--yes", "--reason", "the contract ended")

    assert (erased.code, "2 recipients erased" in erased.err) == (0, True)
    assert shell.breaker("suppression", "list", "--json").json == {"data": []}


def test_recipients_are_read_from_standard_input_where_no_shell_keeps_them(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.prepare(keep)
    monkeypatch.setattr("sys.stdin", io.StringIO("gone@example.org\nangry@example.org\n"))

    assert shell.breaker("suppression", "erase", "-", "--reason", "asked us to", "--json").json == {"erased": 2}


@pytest.mark.parametrize(
    "arguments",
    [
        ("erase", "--reason", "x"),
        ("erase", "gone@example.org", "--all", "--reason", "x"),
        ("erase", "gone@example.org", "--reason", " "),
        ("list", "--for", "anything"),
    ],
)
def test_what_is_meant_has_to_be_said(shell: Terminal, arguments: tuple[str, ...]) -> None:
    assert shell.breaker("suppression", *arguments).code == 2
