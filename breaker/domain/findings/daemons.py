"""What is wrong with the daemons: whether any runs, acts, is meant to, and what time it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.findings.finding import Finding, Severity, many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.findings.facts import ApplicationFacts, DaemonFact

ALIVE_WITHIN = 60.0
"""Seconds within which a daemon that runs has told of itself; it does so every ten."""

_CLOCKS_APART = 30.0
"""Seconds that clocks may differ. A reset, a probe and the platform's queue of 90 s are told apart by times of sending,
and the platform gives times in whole seconds."""


def daemon_findings(facts: ApplicationFacts) -> Iterator[Finding]:
    """Return what is wrong with the daemons."""
    alive = [one for one in facts.daemons if one.silent <= ALIVE_WITHIN]
    if not alive:
        last = min((one.silent for one in facts.daemons), default=None)
        ago = "" if last is None else f" (the last one was heard of {last / 60:,.0f} minutes ago)"
        sentence = f"no daemon runs on this database{ago}: nothing is counted, judged or stopped"
        yield Finding("daemon_not_running", Severity.CRITICAL, sentence, "breaker serve", facts.id)
    for one in alive:
        yield from _daemon(facts, one)
    yield from _clocks(facts)
    if facts.hold is not None:
        sentence = f"all automatic changes are on hold: {facts.hold}"
        yield Finding("on_hold", Severity.WARNING, sentence, 'breaker hold off --reason "…"', facts.id)
    for observed in facts.observed:
        whom = many(observed.accounts, "account") if observed.accounts else observed.selector
        sentence = (
            f"the configuration says enforce, and {observed.author} set observe for {whom} ({observed.reason}): "
            f"nobody there is stopped"
        )
        fix = f'breaker mode {observed.selector} inherit --reason "…"'
        yield Finding("observed_by_hand", Severity.WARNING, sentence, fix, facts.id)


def _daemon(facts: ApplicationFacts, one: DaemonFact) -> Iterator[Finding]:
    if one.installation is None:
        sentence = f"the daemon {one.name} runs on this database, and does not guard this application"
        fix = "give it the configuration that this command has, and restart it"
        yield Finding("daemon_guards_another", Severity.WARNING, sentence, fix, facts.id)
        return
    if not one.installation:
        sentence = (
            f"the daemon {one.name} has not learnt its application from the platform yet, so it can stop nobody: its "
            f"API key is not accepted, or the platform does not answer it"
        )
        fix = "look at its log, set BREAKER_NYLAS_API_KEY where it runs, and restart it"
        yield Finding("daemon_knows_no_application", Severity.CRITICAL, sentence, fix, facts.id)
    elif one.installation != facts.installation:
        sentence = (
            f"the daemon {one.name} is of the installation {one.installation}, and {facts.installation} is configured "
            f"here: each takes the other's things for a stranger's"
        )
        fix = f"BREAKER_INSTALLATION={one.installation} here, or the other way round and restart it"
        yield Finding("other_installation", Severity.CRITICAL, sentence, fix, facts.id)
    if not one.acts:
        sentence = f"the daemon {one.name} has no API key for this application: it counts, and can stop nobody"
        fix = "set BREAKER_NYLAS_API_KEY where it runs, and restart it"
        yield Finding("daemon_cannot_act", Severity.CRITICAL, sentence, fix, facts.id)
    if one.observe_only:
        sentence = (
            f"the daemon {one.name} only observes, since its database is the embedded one and nobody said that this is "
            f"meant"
        )
        severity = Severity.CRITICAL if facts.enforcing else Severity.WARNING
        yield Finding(
            "embedded_only_observes",
            severity,
            sentence,
            "BREAKER_DATABASE_URL=…, or breaker serve --embedded",
            facts.id,
        )
        return
    for where in sorted(facts.enforcing & one.observing):
        what = f"the workspace {where}" if where else "the application"
        sentence = f"the configuration says enforce for {what}, and the daemon {one.name} observes there"
        fix = "kill -HUP the daemon, which reads its configuration again; is it the same file?"
        yield Finding("mode_not_in_force", Severity.CRITICAL, sentence, fix, facts.id)


def _clocks(facts: ApplicationFacts) -> Iterator[Finding]:
    apart = [
        ("the platform's clock", facts.platform_ahead or 0.0),
        ("the database's clock", facts.database_ahead),
        *(
            (f"the clock of the daemon {one.name}", one.clock_difference + facts.database_ahead)
            for one in facts.daemons
        ),
    ]
    for whose, ahead in apart:
        if abs(ahead) > _CLOCKS_APART:
            direction = "ahead of" if ahead > 0 else "behind"
            sentence = (
                f"{whose} is {abs(ahead):,.0f} s {direction} this machine's: sends are counted for the wrong time, and "
                f"those around a reset for the wrong epoch"
            )
            fix = "have all machines set their clocks by NTP (`timedatectl set-ntp true`)"
            yield Finding("clocks_differ", Severity.WARNING, sentence, fix, facts.id)
