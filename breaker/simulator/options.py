"""What of the platform can be set: where its sources disagree, where it is unknown, and how harsh it is.

Each option names the reading and its source: SPEC is the platform's OpenAPI file of 2026-08, DOC its documentation
pages, SDK the source of an official client library, SKILL and ASYNC its published agent skills and AsyncAPI files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus


class RuleScope(StrEnum):
    """Which outbound rules a send is checked against; the platform's own texts disagree."""

    WORKSPACE = "workspace"
    """The enabled ones that the sender's workspace names in `rule_ids` (DOC policies-rules-lists, SKILL)."""
    APPLICATION = "application"
    """All enabled outbound rules of the application, attached or not (SPEC, "Create a rule")."""


class ListEnvelope(StrEnum):
    """The shape of the answer to `GET /v3/rules`; the sources disagree."""

    FLAT = "flat"
    """`{"data": [...], "next_cursor"}` (SPEC)."""
    NESTED = "nested"
    """`{"data": {"items": [...] or null, "next_cursor"}}` (SDK: Ruby and Node unwrap it)."""


class WorkspaceGeneration(StrEnum):
    """Which generation of the workspace endpoints answers."""

    DOMAIN_OPTIONAL = "domain_optional"
    """Only `name` is needed, `auto_group` is false unless given (DOC changelog 2026-09-24)."""
    DOMAIN_REQUIRED = "domain_required"
    """`name` and `domain` are needed, one workspace a domain, `auto_group` true unless given (SPEC)."""


class RetriedAnswers(StrEnum):
    """Which answers of a webhook endpoint are tried again; an answer that does not come in time always is."""

    SKILL = "skill"
    """408, 429, 502, 503, 504 and 507 (SKILL)."""
    ASYNC = "async"
    """408, 429, 502 and 503 (ASYNC)."""
    ALL = "all"
    """Everything but 200 (DOC, cookbook "retry failed webhooks")."""

    def includes(self, status: int) -> bool:
        """Tell whether an answer with this HTTP status is tried again."""
        match self:
            case RetriedAnswers.SKILL:
                return status in {408, 429, 502, 503, 504, 507}
            case RetriedAnswers.ASYNC:
                return status in {408, 429, 502, 503}
            case RetriedAnswers.ALL:
                return status != HTTPStatus.OK


@dataclass(frozen=True, slots=True)
class Plan:
    """The quotas of a billing plan (DOC send-limits, "Agent Account usage limits").

    Attributes:
        name: What the plan is called.
        rules: How many rules an application may have.
        lists: How many lists an application may have.
        daily_sends: Messages an account may send in a UTC day; None means without limit.
        sends_per_second: Sends of all accounts together in a second (SKILL).
        inbox_retention_days: The longest inbox retention a policy may ask for.
        spam_retention_days: The longest spam retention a policy may ask for.
    """

    name: str
    rules: int
    lists: int
    daily_sends: int | None
    sends_per_second: int
    inbox_retention_days: int
    spam_retention_days: int


FREE = Plan("free", 5, 10, 200, 1, 30, 7)
FULL = Plan("full", 30, 50, None, 5, 365, 30)
PLANS = {plan.name: plan for plan in (FREE, FULL)}


@dataclass(frozen=True, slots=True)
class EnforcementOptions:
    """How the platform judges its senders.

    Attributes:
        enabled: Whether it does.
        representative_volume: R; drawn between 1,000 and 10,000 by the seed if None.
        assessed_volume: The least volume that an account is judged over.
        restrict_application_share: Which share of an application's accounts, once paused, restricts all of it.
        restrict_application_least: How many paused accounts that takes at least.
    """

    enabled: bool = True
    representative_volume: int | None = None
    assessed_volume: int = 1000
    restrict_application_share: float = 0.1
    restrict_application_least: int = 5


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """How the simulated platform behaves where the real one can be read in more than one way.

    Attributes:
        plan: The billing plan, which limits rules, lists and sends.
        rule_scope: Which outbound rules a send is checked against.
        rules_envelope: The shape of the answer to `GET /v3/rules`.
        workspaces: Which generation of the workspace endpoints answers.
        missing_domain: How the domain of a workspace without one is shown: null (DOC changelog 2026-09-24) or the empty
            string (SDK, Python).
        manual_assign_needs_auto_group_off: Whether `manual-assign` refuses a target workspace with `auto_group`
            (SPEC tag text, SKILL; the CLI's later code does not).
        requests_per_second: Requests of one application in a second before 429 (DOC rate-limits).
        rate_limit_error: The error type of such a 429: `rate_limit_error` (SPEC) or `nylas_rate_limit_exceeded` (DOC).
        rate_limit_retry_after: Seconds in the `Retry-After` of such a 429; None, as the real one sends none.
        grant_patch_moves: Whether `PATCH /v3/grants/{id}` takes `workspace_id` (DOC changelog 2026-09-24) or ignores
            it (SPEC lists only `settings` and `scope`).
        rule_block_message: The text of the 403 for a send that an outbound rule blocks; the real one is unknown.
        pause_message: The text of the 400 for a paused account; the real one is not published beyond its sense.
        trigger_suffix: What stands behind the triggers of delivery events: nothing, or for instance `.transformed`,
            should the dashboard's choice of fields touch them (unknown).
        retried_answers: Which answers of a webhook endpoint are tried again.
        retry_all_destinations: Whether a retry goes to all destinations of the trigger (SPEC) or to the failed one.
        challenge_on_update: Whether a changed `webhook_url` is challenged again; unknown of the real one.
        delivery_timeout: Real seconds that a webhook endpoint has to answer (DOC, cookbook).
        delivery_concurrency: How many notifications are under way at once.
        journal_limit: How many API calls the journal keeps.
        enforcement: How the platform judges its senders.
        send_queue: Whether sends beyond the plan's rate wait in a queue of up to 90 s (202, then 429; DOC changelog
            2026-10-09). Off unless asked for: hundreds of sends in one instant of a clock that stands still would meet
            it where a real fleet's do not.
        outbound_size_limit: Bytes that a send may have: 40 MB by the older text, 25 MB by the newer (DOC send-limits).
        send_requests_per_second: Send requests of one grant in a second (DOC rate-limits).
        multipart_requests_per_second: The same for multipart ones.
        dropped_limits: Limits that a policy's body may name and that are dropped, so that the plan's maximum holds and
            is answered. None as far as is published, but a 0 may be (INFER), and answers are to be read back (SDK).
    """

    plan: Plan = FULL
    rule_scope: RuleScope = RuleScope.WORKSPACE
    rules_envelope: ListEnvelope = ListEnvelope.FLAT
    workspaces: WorkspaceGeneration = WorkspaceGeneration.DOMAIN_OPTIONAL
    missing_domain: str | None = None
    manual_assign_needs_auto_group_off: bool = True
    requests_per_second: int = 50
    rate_limit_error: str = "rate_limit_error"
    rate_limit_retry_after: int | None = None
    grant_patch_moves: bool = True
    rule_block_message: str = "message blocked by an outbound rule"
    pause_message: str = "Sending paused for this account. The account is suspended from sending email."
    trigger_suffix: str = ""
    retried_answers: RetriedAnswers = RetriedAnswers.SKILL
    retry_all_destinations: bool = True
    challenge_on_update: bool = True
    delivery_timeout: float = 10.0
    delivery_concurrency: int = 64
    journal_limit: int = 200_000
    enforcement: EnforcementOptions = field(default_factory=EnforcementOptions)
    send_queue: bool = False
    outbound_size_limit: int = 40 * 1024 * 1024
    send_requests_per_second: int = 200
    multipart_requests_per_second: int = 10
    dropped_limits: frozenset[str] = frozenset()
