"""What is wrong with what Breaker made on the platform: lists, rules, workspaces, policies, plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.drill import RuleScope
from breaker.domain.findings.finding import Finding, Severity, api_call, many
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.protection import Unprotected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.findings.facts import ApplicationFacts, ListFact, RuleFact, WorkspaceFact

SET_UP = "breaker setup"

_FIXES = {
    "no_api_key": "set BREAKER_NYLAS_API_KEY, or write the key to the file nylas_api_key in BREAKER_SECRETS_DIR",
    "key_rejected": "make a new API key in the platform's dashboard, set BREAKER_NYLAS_API_KEY, and restart the daemon",
    "other_application": "set BREAKER_NYLAS_API_KEY to a key of that application, or correct BREAKER_APPLICATION_ID",
    "platform_unreadable": "breaker doctor (again); if it stays so, look at BREAKER_NYLAS_API_URL and at the network",
}


def fixture_findings(facts: ApplicationFacts) -> Iterator[Finding]:
    """Return what is wrong with what was made on the platform."""
    if facts.api_problem is not None:
        fix = _FIXES[facts.api_problem]
        yield Finding(facts.api_problem, Severity.CRITICAL, facts.api_sentence, fix, facts.id)
        return
    yield from _collisions(facts)
    if not facts.armed:
        sentence = "Breaker is unarmed: nothing of it is on the platform, so it can stop nobody there and hears nothing"
        yield Finding("unarmed", Severity.CRITICAL, sentence, SET_UP, facts.id)
    else:
        for one in facts.lists:
            yield from _list(facts, one)
        for rule in facts.rules:
            yield from _rule(facts, rule)
        for workspace in facts.workspaces:
            yield from _attachment(facts, workspace)
    for workspace in facts.workspaces:
        yield from _policy(facts, workspace)
    yield from _configured(facts)


def _collisions(facts: ApplicationFacts) -> Iterator[Finding]:
    for other in facts.other_installations:
        sentence = (
            f"things of another installation of Breaker ({other}) are in this application, and two undo each other's "
            f"work"
        )
        fix = f"BREAKER_INSTALLATION={other}, or `breaker setup --take-over` where that one is gone for good"
        yield Finding("other_installation", Severity.CRITICAL, sentence, fix, facts.id)
    for name in facts.twice:
        sentence = (
            f"{name!r} is there more than once: two installations have the same id, or somebody made a copy, and what "
            f"one of them writes the other does not see"
        )
        fix = "set another BREAKER_INSTALLATION for one of the two, or delete the copy, then `breaker setup`"
        yield Finding("made_twice", Severity.CRITICAL, sentence, fix, facts.id)


def _configured(facts: ApplicationFacts) -> Iterator[Finding]:
    for sentence in facts.no_room:
        fix = "delete a list or rule that is not needed, choose a larger plan, or leave an actuator out"
        yield Finding("no_room", Severity.CRITICAL, sentence, fix, facts.id)
    for number, purpose in facts.gone_workspaces.items():
        sentence = f"the workspace {number} is configured as {purpose}, and is not on the platform"
        fix = f"take {number} out of the configuration, or name one that is there; then `breaker check-config`"
        yield Finding("workspace_gone", Severity.CRITICAL, sentence, fix, facts.id)


def _list(facts: ApplicationFacts, one: ListFact) -> Iterator[Finding]:
    if one.there:
        return
    on = _actuators(one.actuators)
    if one.remembered:
        sentence = f"the list {one.name!r} is gone from the platform: {on} can do nothing, and whom it held can send"
        yield Finding("list_missing", Severity.CRITICAL, sentence, SET_UP, facts.id)
    else:
        sentence = f"{on} configured, and never set up: there is no list {one.name!r} on the platform"
        yield Finding("never_set_up", Severity.CRITICAL, sentence, SET_UP, facts.id)


def _rule(facts: ApplicationFacts, rule: RuleFact) -> Iterator[Finding]:
    on = _actuators(rule.actuators)
    sentences = {
        Unprotected.RULE_DISABLED: f"the rule {rule.name!r} is disabled on the platform: {on} can do nothing",
        Unprotected.RULE_CHANGED: f"the rule {rule.name!r} was changed on the platform: it does not do what {on} needs",
    }
    if rule.not_referred:
        lists = " and ".join(repr(name) for name in rule.not_referred)
        sentence = f"the rule {rule.name!r} does not refer to its list {lists}: who is put there goes on sending"
        yield Finding("rule_without_list", Severity.CRITICAL, sentence, SET_UP, facts.id)
    elif rule.problem in sentences:
        yield Finding(rule.problem.value, Severity.CRITICAL, sentences[rule.problem], SET_UP, facts.id)
    elif rule.problem is Unprotected.RULE_MISSING and rule.remembered:
        sentence = f"the rule {rule.name!r} is gone from the platform: its lists stop nobody"
        yield Finding("rule_missing", Severity.CRITICAL, sentence, SET_UP, facts.id)
    elif rule.problem is Unprotected.RULE_MISSING:
        sentence = f"{on} configured, and never set up: there is no rule {rule.name!r} on the platform"
        yield Finding("never_set_up", Severity.CRITICAL, sentence, SET_UP, facts.id)


def _attachment(facts: ApplicationFacts, workspace: WorkspaceFact) -> Iterator[Finding]:
    if workspace.detached:
        rules = "Breaker's rules" if len(workspace.detached) > 1 else f"the rule {workspace.detached[0]!r}"
        accounts = many(workspace.accounts, "account")
        sentence = f"the workspace {workspace.name!r} does not name {rules}: {accounts} in it unprotected"
        if facts.rule_scope is RuleScope.APPLICATION:
            sentence += ", but for the platform's running rules for the whole application, as the last drill found"
        yield Finding("unprotected", Severity.CRITICAL, sentence, SET_UP, facts.id)
    if not workspace.stoppable:
        sentence = (
            f"neither `block` nor `quarantine` is on for the workspace {workspace.name!r}: "
            f"{many(workspace.accounts, 'account')} in it can't be stopped"
        )
        fix = "put block into BREAKER_ACTUATORS, or into the actuators of that workspace; then `breaker setup`"
        yield Finding("no_actuator", Severity.CRITICAL, sentence, fix, facts.id)


def _policy(facts: ApplicationFacts, workspace: WorkspaceFact) -> Iterator[Finding]:
    if workspace.has_policy or not (workspace.quarantine or workspace.default):
        return
    fix = api_call(facts.api_url, "PATCH", f"/v3/workspaces/{workspace.id}", '{"policy_id": "POLICY"}')
    if workspace.quarantine:
        sentence = (
            f"the quarantine {workspace.name!r} has no policy: it runs at the plan's maxima, looser than any other "
            f"workspace, for exactly the accounts that are stopped"
        )
        yield Finding("quarantine_without_policy", Severity.CRITICAL, sentence, fix, facts.id)
    else:
        sentence = (
            f"the default workspace {workspace.name!r} has no policy: every account that nobody placed runs at the "
            f"plan's maxima there"
        )
        yield Finding("default_without_policy", Severity.WARNING, sentence, fix, facts.id)


def _actuators(names: tuple[str, ...]) -> str:
    if names == (Actuator.SUPPRESS,):
        return "`[suppression]`"
    listed = " and ".join(f"`{name}`" for name in names)
    return f"{'actuators' if len(names) > 1 else 'actuator'} {listed}"
