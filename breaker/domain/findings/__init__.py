"""What can make a stop not stop: facts in, findings out, each with what to type."""

from __future__ import annotations

from breaker.domain.findings.accounts import account_findings
from breaker.domain.findings.daemons import daemon_findings
from breaker.domain.findings.drills import drill_findings
from breaker.domain.findings.facts import ApplicationFacts
from breaker.domain.findings.feed import feed_findings
from breaker.domain.findings.finding import Finding, Severity
from breaker.domain.findings.fixtures import fixture_findings

__all__ = ["ApplicationFacts", "Finding", "Severity", "findings"]


def findings(facts: ApplicationFacts) -> list[Finding]:
    """Return all that is wrong with one application, what is critical first."""
    found = [
        *fixture_findings(facts),
        *account_findings(facts),
        *feed_findings(facts),
        *daemon_findings(facts),
        *drill_findings(facts),
    ]
    return sorted(found, key=lambda one: one.severity is not Severity.CRITICAL)
