"""What is wrong with single accounts on the platform: where they are, and whether what holds them is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.findings.finding import Finding, Severity, api_call, many, some_of
from breaker.domain.findings.fixtures import SET_UP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.findings.facts import AccountFact, ApplicationFacts

_STUCK = 600.0
"""Seconds after which a command should long be confirmed: far beyond one failure of the platform."""


def account_findings(facts: ApplicationFacts) -> Iterator[Finding]:
    """Return what is wrong with accounts."""
    if facts.no_workspace:
        sentence = f"{_of(facts.no_workspace)} in no workspace, where no rule holds"
        yield Finding("unprotected", Severity.CRITICAL, sentence, _move(facts, facts.no_workspace), facts.id)
    if facts.in_quarantine:
        sentence = f"{_of(facts.in_quarantine)} in the wrong workspace: in a quarantine, though not stopped"
        yield Finding("wrong_workspace", Severity.WARNING, sentence, _move(facts, facts.in_quarantine), facts.id)
    if facts.out_of_quarantine:
        sentence = f"{_of(facts.out_of_quarantine)} in the wrong workspace: stopped, and moved out of its quarantine"
        yield Finding("wrong_workspace", Severity.WARNING, sentence, _move(facts, facts.out_of_quarantine), facts.id)
    if facts.homeless:
        sentence = (
            f"{_of(facts.homeless)} away from a home workspace that is gone: a reset moves them to the default "
            f"workspace, whose policy and rules may be others"
        )
        fix = f"breaker reset {facts.homeless[0].name} --home WORKSPACE --reason ..., once it may send again"
        yield Finding("home_gone", Severity.WARNING, sentence, fix, facts.id)
    if facts.not_listed:
        sentence = f"{_of(facts.not_listed)} shown as held, and not in the list on the platform, so free to send"
        first = facts.not_listed[0]
        body = f'{{"items": ["{first.name}"]}}'
        fix = api_call(facts.api_url, "POST", f"/v3/lists/{first.belongs}/items", body)
        yield Finding("not_listed", Severity.CRITICAL, sentence, fix, facts.id)
    if facts.taken_out:
        sentence = (
            f"somebody else took out what held them on the platform, and Breaker leaves it to you, so they are free to "
            f"send: {some_of(facts.taken_out)}"
        )
        fix = f"find out who; then `breaker reset {facts.taken_out[0]}`, and `breaker trip` it to have it stopped anew"
        yield Finding("taken_out", Severity.CRITICAL, sentence, fix, facts.id)
    if facts.leaking:
        sentence = f"stops that don't stop: mail left though the platform was read back: {some_of(facts.leaking)}"
        fix = f"breaker explain {facts.leaking[0]}; what else is found here says why, else run `breaker drill`"
        yield Finding("stop_leaks", Severity.CRITICAL, sentence, fix, facts.id)
    if facts.unverified:
        sentence = f"sending domains not verified, so that the platform refuses their mail: {some_of(facts.unverified)}"
        fix = "set the DNS records that the platform's dashboard shows for the domain, and have it verified there"
        yield Finding("domain_not_verified", Severity.WARNING, sentence, fix, facts.id)
    if facts.stuck is not None and facts.stuck > _STUCK:
        sentence = f"a change is wanted on the platform for {facts.stuck / 60:,.0f} minutes, and not confirmed yet"
        fix = f"breaker status (the error stands beside the account); then `{SET_UP}`, and look at the daemon's log"
        yield Finding("not_confirmed", Severity.CRITICAL, sentence, fix, facts.id)


def _of(accounts: tuple[AccountFact, ...]) -> str:
    return f"{many(len(accounts), 'account')} ({some_of(tuple(one.name for one in accounts))})"


def _move(facts: ApplicationFacts, accounts: tuple[AccountFact, ...]) -> str:
    first = accounts[0]
    body = f'{{"workspace_id": "{first.belongs or "WORKSPACE"}"}}'
    return api_call(facts.api_url, "PATCH", f"/v3/grants/{first.id}", body)
