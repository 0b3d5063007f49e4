"""What outbound rules see of a send, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.simulator.state.base import Json


@dataclass(frozen=True, slots=True)
class OutboundInput:
    """What rules are matched against, lowercased: one sender, all recipients, and the kind of send."""

    from_address: str
    recipient_addresses: tuple[str, ...]
    outbound_type: str

    @property
    def from_domain(self) -> str:
        """The domain of the sender."""
        return _domain(self.from_address)

    def as_json(self) -> Json:
        """Return it as an evaluation shows it."""
        domains = [_domain(address) for address in self.recipient_addresses]
        return {
            "from_address": self.from_address,
            "from_domain": self.from_domain,
            "from_tld": _top_level(self.from_domain),
            "recipient_addresses": list(self.recipient_addresses),
            "recipient_domains": list(dict.fromkeys(domains)),
            "recipient_tlds": list(dict.fromkeys(map(_top_level, domains))),
            "outbound_type": self.outbound_type,
        }

    def values(self, field: str) -> list[str]:
        """Return what a condition's field stands for; `recipient.*` has one value a recipient."""
        owner, _, part = field.partition(".")
        if owner == "outbound":
            return [self.outbound_type]
        addresses = (self.from_address,) if owner == "from" else self.recipient_addresses
        match part:
            case "address":
                return list(addresses)
            case "domain":
                return [_domain(address) for address in addresses]
            case _:
                return [_top_level(_domain(address)) for address in addresses]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of one send.

    Attributes:
        ran: Whether there was any rule to run.
        matched: The ids of the rules that matched, by priority; a blocking one is the last.
        blocked: Whether one of them blocks.
    """

    ran: bool
    matched: tuple[str, ...]
    blocked: bool


#: What is recorded where rules could not be run: blocked, and none matched.
FAILED_CLOSED = Decision(ran=True, matched=(), blocked=True)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _top_level(domain: str) -> str:
    return domain.rpartition(".")[2]
