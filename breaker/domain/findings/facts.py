"""The facts that are examined: what the platform shows, what the database knows, what is configured.

A fact that could not be learnt is None or empty, and then nothing is found in it: what can't be read is a finding of
its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.drill import Drill, RuleScope
    from breaker.domain.outcomes.signatures import Signing
    from breaker.domain.platform.protection import Unprotected


@dataclass(frozen=True, slots=True)
class AccountFact:
    """An account that something is wrong with.

    Args:
        id: Its grant.
        name: Its address, else its grant.
        belongs: The workspace, or the list, that it belongs to; None where that is not known.
    """

    id: str
    name: str
    belongs: str | None = None


@dataclass(frozen=True, slots=True)
class HeldFact:
    """An account that is not simply sending, or away from home, as the database has it.

    Args:
        grant_id: Its grant.
        address: Its address, or None where it is not known.
        workspace_id: Where it was last put or seen.
        home_workspace_id: Where it belongs while it is in quarantine, else None.
        confirmed: What the platform was read back to do; None while that is not known.
    """

    grant_id: str
    address: str | None
    workspace_id: str | None
    home_workspace_id: str | None
    confirmed: str | None

    @property
    def home(self) -> str | None:
        """The workspace that it belongs to, wherever it is now."""
        return self.home_workspace_id or self.workspace_id


@dataclass(frozen=True, slots=True)
class ListFact:
    """A list that the configured actuators need.

    Args:
        name: What it is called on the platform.
        there: Whether it is there.
        remembered: Whether Breaker made it once.
        actuators: The actuators that need it.
    """

    name: str
    there: bool
    remembered: bool
    actuators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A rule that the configured actuators need.

    Args:
        name: What it is called on the platform.
        problem: What is wrong with it by itself, or None.
        remembered: Whether Breaker made it once.
        actuators: The actuators that need it.
        not_referred: The lists, by name, that it should look up and does not.
    """

    name: str
    problem: Unprotected | None
    remembered: bool
    actuators: tuple[str, ...]
    not_referred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkspaceFact:
    """A workspace on the platform.

    Args:
        id: Its id.
        name: What people call it.
        accounts: How many Agent Accounts are in it.
        has_policy: Whether it has a policy; one without runs at the plan's maxima.
        default: Whether it is the one that accounts fall to.
        quarantine: Whether stopped accounts are moved to it.
        detached: The rules, by name, that it does not name and has to.
        stoppable: Whether `block` or `quarantine` is on for it.
    """

    id: str
    name: str
    accounts: int = 0
    has_policy: bool = True
    default: bool = False
    quarantine: bool = False
    detached: tuple[str, ...] = ()
    stoppable: bool = True


@dataclass(frozen=True, slots=True)
class WebhookFact:
    """The webhook that notifications come by.

    Args:
        url: Where it posts to.
        status: `active`, `pause`, `failing` or `failed`.
        wanted_url: Where it should post to, or None where that is not configured.
        missing: The triggers that it lacks.
        packed: Whether the platform compresses what it posts.
    """

    url: str
    status: str
    wanted_url: str | None
    missing: tuple[str, ...] = ()
    packed: bool = False


@dataclass(frozen=True, slots=True)
class SigningFact:
    """Requests that were alike in how they stood to their signature.

    Args:
        how: How.
        number: How many.
        last_at: When the last came, Unix seconds.
        packed: Whether the last one's body was gzip.
    """

    how: Signing
    number: int
    last_at: float
    packed: bool = False


@dataclass(frozen=True, slots=True)
class DaemonFact:
    """A daemon, as it last told of itself.

    Args:
        name: Its name.
        silent: Seconds since it told.
        clock_difference: Seconds that its clock is ahead of the database's.
        observe_only: Whether it only observes, since its database is an embedded one that nobody meant.
        installation: The installation that it is of in this application; empty where it knows no application yet, None
            where it does not guard it.
        acts: Whether it has an API key for it.
        observing: Where its configuration says observe: `` for the application, else workspace ids.
    """

    name: str
    silent: float
    clock_difference: float = 0.0
    observe_only: bool = False
    installation: str | None = None
    acts: bool = True
    observing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ObservedFact:
    """A mode that a person set and that keeps automatic stops from being made.

    Args:
        selector: Whom it holds for, as it is typed.
        author: Who set it.
        reason: Why.
        accounts: Of how many accounts, where it is set on accounts.
    """

    selector: str
    author: str
    reason: str
    accounts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFacts:
    """One application.

    Args:
        id: Its id, or None where it could not be learnt.
        now: The time here, Unix seconds.
        api_url: The base address of the platform's API.
        api_problem: Why the platform could not be read, as a word of `breaker.domain.findings.fixtures`, or None.
        api_sentence: The same for people.
        installation: The installation's id.
        armed: Whether anything of Breaker's is on the platform or remembered.
        other_installations: Whose things are there too.
        twice: What is there more than once under one name of Breaker's.
        lists: The lists that are needed.
        rules: The rules that are needed.
        no_room: Sentences on plans that have no room for what is missing.
        workspaces: All workspaces.
        gone_workspaces: Configured workspaces that are not there, each with what it is configured for.
        no_workspace: Accounts in no workspace.
        in_quarantine: Accounts in a quarantine that should simply send.
        out_of_quarantine: Stopped accounts that were moved out of their quarantine.
        homeless: Accounts that are away from a home that is not there any more.
        not_listed: Accounts shown as stopped or limited whose address is not in the list.
        taken_out: Accounts and domains that somebody else took out of what held them, and that are left to people.
        leaking: Accounts whose mail of the last day left though the platform was read back as refusing it.
        unverified: Sending domains that the platform refused as not verified.
        webhook: The webhook, or None.
        secret_known: Whether a webhook secret is known here.
        signing: How requests stood to their signatures.
        platform_ahead: Seconds that the platform's clock is ahead of ours, or None.
        database_ahead: Seconds that the database's clock is ahead of ours.
        daemons: The daemons on the database, those that are gone for long left out.
        enforcing: Where the configuration says enforce: `` for the application, else workspace ids.
        observed: Modes that people set against that.
        hold: Who holds all automatic changes back and why, or None.
        blind: Why the feed is not to be trusted, or None.
        silent_since: Since when nothing was heard though the platform delivered, Unix seconds, or None.
        stuck: Seconds that the oldest command has waited, or None.
        drilled: Whether a canary of this application is configured.
        canary_unknown: Whether canaries are configured and none of them is known, in whatever application.
        nightly_drill: Whether the daemon drills at night.
        drill: The last drill, or None.
        rule_scope: Where rules hold, as a drill found out last, or None.
    """

    id: str | None
    now: float
    api_url: str
    installation: str
    api_problem: str | None = None
    api_sentence: str = ""
    armed: bool = True
    other_installations: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    lists: tuple[ListFact, ...] = ()
    rules: tuple[RuleFact, ...] = ()
    no_room: tuple[str, ...] = ()
    workspaces: tuple[WorkspaceFact, ...] = ()
    gone_workspaces: Mapping[str, str] = field(default_factory=dict)
    no_workspace: tuple[AccountFact, ...] = ()
    in_quarantine: tuple[AccountFact, ...] = ()
    out_of_quarantine: tuple[AccountFact, ...] = ()
    homeless: tuple[AccountFact, ...] = ()
    not_listed: tuple[AccountFact, ...] = ()
    taken_out: tuple[str, ...] = ()
    leaking: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    webhook: WebhookFact | None = None
    secret_known: bool = True
    signing: tuple[SigningFact, ...] = ()
    platform_ahead: float | None = None
    database_ahead: float = 0.0
    daemons: tuple[DaemonFact, ...] = ()
    enforcing: frozenset[str] = frozenset()
    observed: tuple[ObservedFact, ...] = ()
    hold: str | None = None
    blind: str | None = None
    silent_since: float | None = None
    stuck: float | None = None
    drilled: bool = False
    canary_unknown: bool = False
    nightly_drill: bool = False
    drill: Drill | None = None
    rule_scope: RuleScope | None = None

    @property
    def readable(self) -> bool:
        """Whether the platform could be read."""
        return self.api_problem is None
