"""What the flows ask of the outside world, as protocols: one line per promise, no mechanics."""

from breaker.ports.accounts import Account, Sender, SendingDomain
from breaker.ports.adoption import Adoption, FoundBlocked
from breaker.ports.circuits import ActiveAccounts, CircuitChanges, Circuits, GroupCounts, Locked
from breaker.ports.clock import Clock
from breaker.ports.domain_probes import DomainHold, DomainProbes, LockedDomainProbes
from breaker.ports.domains import Domains, LockedDomains
from breaker.ports.drills import Drills, Heard, LockedDrills, SendPath, Unfinished
from breaker.ports.errors import (
    CredentialsRejectedError,
    GiveUpError,
    GoneError,
    PlatformError,
    StoreError,
    StoreUnavailableError,
    TryAgainError,
    TryTransactionAgainError,
)
from breaker.ports.exempted import Exempted, ExemptedAccounts
from breaker.ports.feed import FeedRecord, FeedRecords, Gap, HeardKey, HeardOf
from breaker.ports.feedback import Complaints, LearntDomain
from breaker.ports.inventory import Inventory, InventoryItem
from breaker.ports.leases import Leases
from breaker.ports.ledger import BadOutcome, Counted, Ledger, LedgerTransaction, Send, TallyKey
from breaker.ports.lookups import Looks, Lookups
from breaker.ports.lost import Lost, LostHolds
from breaker.ports.modes import Holds, ModeInForce, Modes, NoHolds
from breaker.ports.outbox import Backlog, Command, Outbox
from breaker.ports.placements import Misplaced, Placements
from breaker.ports.platform import (
    AGENT_PROVIDER,
    Condition,
    Evaluation,
    Grant,
    Platform,
    Rule,
    RuleContent,
    Urgency,
    ValueList,
    ValuesPage,
    Webhook,
    Workspace,
)
from breaker.ports.policies import DAILY_SENDS, UNLIMITED, Policies, Policy, PolicyContent
from breaker.ports.probes import Confirmation, Due, LockedProbes, Probes
from breaker.ports.standings import Announced, PlatformStandings, Refused, Unread
from breaker.ports.stops import ConfirmedStops
from breaker.ports.suppressions import SuppressedRow, SuppressionCounts, Suppressions
from breaker.ports.unheard import Unheard, UnheardTimes

__all__ = [
    "AGENT_PROVIDER",
    "DAILY_SENDS",
    "UNLIMITED",
    "Account",
    "ActiveAccounts",
    "Adoption",
    "Announced",
    "Backlog",
    "BadOutcome",
    "CircuitChanges",
    "Circuits",
    "Clock",
    "Command",
    "Complaints",
    "Condition",
    "Confirmation",
    "ConfirmedStops",
    "Counted",
    "CredentialsRejectedError",
    "DomainHold",
    "DomainProbes",
    "Domains",
    "Drills",
    "Due",
    "Evaluation",
    "Exempted",
    "ExemptedAccounts",
    "FeedRecord",
    "FeedRecords",
    "FoundBlocked",
    "Gap",
    "GiveUpError",
    "GoneError",
    "Grant",
    "GroupCounts",
    "Heard",
    "HeardKey",
    "HeardOf",
    "Holds",
    "Inventory",
    "InventoryItem",
    "LearntDomain",
    "Leases",
    "Ledger",
    "LedgerTransaction",
    "Locked",
    "LockedDomainProbes",
    "LockedDomains",
    "LockedDrills",
    "LockedProbes",
    "Looks",
    "Lookups",
    "Lost",
    "LostHolds",
    "Misplaced",
    "ModeInForce",
    "Modes",
    "NoHolds",
    "Outbox",
    "Placements",
    "Platform",
    "PlatformError",
    "PlatformStandings",
    "Policies",
    "Policy",
    "PolicyContent",
    "Probes",
    "Refused",
    "Rule",
    "RuleContent",
    "Send",
    "SendPath",
    "Sender",
    "SendingDomain",
    "StoreError",
    "StoreUnavailableError",
    "SuppressedRow",
    "SuppressionCounts",
    "Suppressions",
    "TallyKey",
    "TryAgainError",
    "TryTransactionAgainError",
    "Unfinished",
    "Unheard",
    "UnheardTimes",
    "Unread",
    "Urgency",
    "ValueList",
    "ValuesPage",
    "Webhook",
    "Workspace",
]
