"""What is wrong with how Breaker hears of events: webhook, secrets, silence. Who hears nothing stops nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.findings.finding import Finding, Severity, many
from breaker.domain.findings.fixtures import SET_UP
from breaker.domain.outcomes.signatures import Signing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.findings.facts import ApplicationFacts, SigningFact, WebhookFact

_RECENT = 3_600.0
"""Seconds that a wrong signature is worth telling of, though right ones came after it: of two destinations, one may be
wrong all the time."""

_STRANGERS = 86_400.0
"""Seconds that a wrong signature is worth telling of at all: whatever is on the internet is posted to."""


def feed_findings(facts: ApplicationFacts) -> Iterator[Finding]:
    """Return what is wrong with the feed."""
    if facts.readable and facts.armed:
        yield from _webhook(facts)
    if not facts.secret_known and facts.armed:
        sentence = "no webhook secret is known here, so every notification is answered 503 and none is counted"
        fix = f"{SET_UP} (rotates the secret), or set BREAKER_WEBHOOK_SECRETS"
        yield Finding("no_secret", Severity.CRITICAL, sentence, fix, facts.id)
    yield from _signatures(facts)
    if facts.blind is not None:
        sentence = f"the feed is not to be trusted, so that nothing is stopped by itself: {facts.blind}"
        fix = "breaker status; is the webhook reached (see the findings beside)? then `breaker backfill --since 24h`"
        yield Finding("feed_blind", Severity.CRITICAL, sentence, fix, facts.id)
    if facts.silent_since is not None:
        minutes = (facts.now - facts.silent_since) / 60
        sentence = f"the platform delivered mail, and no event of it came for {minutes:,.0f} minutes"
        fix = "is the webhook's address reached from outside, and `breaker serve` behind it? then `breaker backfill`"
        yield Finding("feed_stale", Severity.CRITICAL, sentence, fix, facts.id)


def _webhook(facts: ApplicationFacts) -> Iterator[Finding]:
    webhook = facts.webhook
    if webhook is None:
        sentence = "no webhook of the application posts to Breaker, so that it hears of nothing and stops nobody"
        yield Finding("webhook_missing", Severity.CRITICAL, sentence, SET_UP, facts.id)
        return
    yield from _status(facts, webhook)
    if webhook.wanted_url is not None and webhook.url != webhook.wanted_url:
        sentence = f"the webhook posts to {webhook.url}, and {webhook.wanted_url} is configured"
        fix = f"{SET_UP}, or set BREAKER_PUBLIC_URL to where the daemon is reached"
        yield Finding("webhook_url", Severity.CRITICAL, sentence, fix, facts.id)
    if webhook.missing:
        sentence = f"the webhook lacks {many(len(webhook.missing), 'trigger')}: {', '.join(webhook.missing)}"
        fix = SET_UP if webhook.wanted_url is not None else "BREAKER_PUBLIC_URL=https://… breaker setup"
        yield Finding("webhook_triggers", Severity.CRITICAL, sentence, fix, facts.id)


def _status(facts: ApplicationFacts, webhook: WebhookFact) -> Iterator[Finding]:
    again = f"{SET_UP} (makes it active), then `breaker backfill --since 72h` for what was never sent"
    if webhook.status == "failing":
        sentence = (
            "the platform calls the webhook failing: nearly everything it posted within 15 minutes was not answered "
            "200; in 72 hours it gives up"
        )
        fix = f"is {webhook.url} reached from outside, and `breaker serve` behind it? See its log for the answers"
        yield Finding("webhook_failing", Severity.CRITICAL, sentence, fix, facts.id)
    elif webhook.status == "failed":
        sentence = "the platform calls the webhook failed: it sends nothing any more, and nothing of it later"
        yield Finding("webhook_failed", Severity.CRITICAL, sentence, again, facts.id)
    elif webhook.status != "active":
        sentence = f"the webhook is not active, but {webhook.status}: nothing is sent to Breaker"
        yield Finding("webhook_inactive", Severity.CRITICAL, sentence, again, facts.id)


def _signatures(facts: ApplicationFacts) -> Iterator[Finding]:
    right = max((one.last_at for one in facts.signing if one.how is Signing.RIGHT), default=0.0)
    told: dict[Signing, tuple[int, float]] = {}
    for one in facts.signing:
        age = facts.now - one.last_at
        how = _mistake(facts, one)
        if how in _MISTAKES and age < _STRANGERS and (one.last_at >= right or age < _RECENT):
            number, last_at = told.get(how, (0, 0.0))
            told[how] = (number + one.number, max(last_at, one.last_at))
    for how, (number, last_at) in told.items():
        if how is Signing.MISSING and last_at < right:
            continue  # somebody else, since the platform's own come with one
        sentence, fix = _MISTAKES[how]
        minutes = round(max(0.0, facts.now - last_at) / 60)
        came = f"{many(number, 'notification')} refused, the last {many(minutes, 'minute')} ago"
        yield Finding(f"signature_{how}", Severity.CRITICAL, f"{sentence} ({came})", fix, facts.id)


def _mistake(facts: ApplicationFacts, one: SigningFact) -> Signing:
    """Return the mistake; a body that came plain where the platform packs was unpacked, whatever else was tried."""
    packs = facts.webhook is not None and facts.webhook.packed
    return Signing.UNPACKED if one.how is Signing.WRONG_SECRET and packs and not one.packed else one.how


_MISTAKES = {
    Signing.WRONG_SECRET: (
        "wrong secret: signatures fit none of the webhook secrets that are known here",
        (
            "put the webhook's secret into BREAKER_WEBHOOK_SECRETS, or have a new one made: remove the file "
            "webhook_secrets from BREAKER_SECRETS_DIR, then `breaker setup`"
        ),
    ),
    Signing.RESERIALISED: (
        (
            "re-serialised body: something in front of Breaker parses notifications and writes them anew, and the "
            "signature covers the bytes as sent"
        ),
        "have the proxy pass /webhooks/nylas through byte for byte (no JSON transformation, no rewriting firewall)",
    ),
    Signing.UNPACKED: (
        (
            "unpacked body: something in front of Breaker unpacks compressed notifications, and the signature covers "
            "the compressed bytes"
        ),
        "have the proxy pass /webhooks/nylas through without unpacking gzip",
    ),
    Signing.MISSING: (
        "no signature: notifications come without the header X-Nylas-Signature",
        "have the proxy pass the header X-Nylas-Signature through",
    ),
}
