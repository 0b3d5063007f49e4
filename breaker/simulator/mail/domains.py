"""Recipients' domains: how mail is shared among them, how they word a refusal, and who reports complaints back.

The shares are those of a sender whose recipients are partly consumers and partly businesses; they are an assumption,
as is each corporate domain's choice of host. That Gmail and iCloud send no individual complaint feedback while
Microsoft's and Yahoo's consumer services do is public (their feedback loop programmes).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Provider:
    """A mailbox provider.

    Attributes:
        name: By which its wording of refusals is found.
        domains: Its consumer domains; none of one that hosts corporate domains only.
        share: Which share of all recipients it has.
        feedback: Whether it reports complaints.
    """

    name: str
    domains: tuple[str, ...]
    share: float
    feedback: bool


PROVIDERS = (
    Provider("gmail", ("gmail.com",), 0.34, feedback=False),
    Provider("microsoft", ("outlook.com", "hotmail.com", "live.com"), 0.16, feedback=True),
    Provider("yahoo", ("yahoo.com", "aol.com"), 0.12, feedback=True),
    Provider("icloud", ("icloud.com", "me.com"), 0.05, feedback=False),
    Provider("cable", ("comcast.net", "cox.net"), 0.05, feedback=True),
    Provider("google workspace", (), 0.12, feedback=False),
    Provider("microsoft 365", (), 0.12, feedback=False),
    Provider("own server", (), 0.04, feedback=False),
)

_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}
_BY_NAME = {provider.name: provider for provider in PROVIDERS}
_CUMULATIVE_SHARES = tuple(accumulate(provider.share for provider in PROVIDERS))

#: Corporate recipients are at `company-17.microsoft-365.example`: the domain itself tells who hosts it.
_CORPORATE = ".example"
_COMPANIES = 400


def draw_domain(source: random.Random) -> str:
    """Return a recipient's domain, by the shares."""
    [provider] = source.choices(PROVIDERS, cum_weights=_CUMULATIVE_SHARES)
    if provider.domains:
        return source.choice(provider.domains)
    return f"company-{source.randrange(_COMPANIES)}.{provider.name.replace(' ', '-')}{_CORPORATE}"


def provider_of(domain: str) -> Provider | None:
    """Return who hosts a recipient's domain, or None if that is not known."""
    if domain in _BY_DOMAIN:
        return _BY_DOMAIN[domain]
    host = domain.removesuffix(_CORPORATE).rpartition(".")[2]
    return _BY_NAME.get(host.replace("-", " ")) if domain.endswith(_CORPORATE) else None


def sends_feedback(domain: str) -> bool:
    """Tell whether complaints of a domain are reported; of one that is not known, they are."""
    provider = provider_of(domain)
    return provider is None or provider.feedback
