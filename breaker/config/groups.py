"""Settings by what they are about, one class a group; each is a table of the TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from breaker.config.values import Domains, RegularExpression, Volumes
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import BounceClass

MOST_HEALTHY: Mapping[Signal, float] = {Signal.BOUNCE: 0.04, Signal.COMPLAINT: 0.0008}
"""The highest rates that may be called healthy: four fifths of what the platform reviews an account for."""

Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
FalseAlarms = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
BounceRate = Annotated[float, Field(gt=0, le=MOST_HEALTHY[Signal.BOUNCE])]
ComplaintRate = Annotated[float, Field(gt=0, le=MOST_HEALTHY[Signal.COMPLAINT])]
Step = Literal["stop", "limit", "warn"]


class Group(BaseModel):
    """What all groups share: they cannot be changed, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


def _rising_volumes(volumes: tuple[int, ...]) -> tuple[int, ...]:
    if not volumes or any(volume < 1 for volume in volumes):
        raise ValueError("must name at least one volume, each at least 1 send")
    return tuple(sorted(set(volumes)))


def _lowered(domains: frozenset[str]) -> frozenset[str]:
    return frozenset(domain.lower().strip(".") for domain in domains)


class CountingSettings(Group):
    """What is counted, and over how many sends."""

    counted_classes: Mapping[BounceClass, bool] = Field(default_factory=dict)
    """Bounce classes to count or not, against the defaults. Default: none. The platform counts addresses that do not
    exist; refusals (`policy`) and what can't be told (`undetermined`) are counted too, to err on the safe side."""

    simulator_domains: Annotated[Domains, AfterValidator(_lowered)] = frozenset({"simulator.amazonses.com"})
    """Recipient domains whose mail counts nowhere; a drill waits for what is told of its own all the same. Default:
    that of the transport's mailbox simulator, whose bounces are made on purpose."""

    feedback_domains: Annotated[Domains, AfterValidator(_lowered)] = frozenset(
        {
            "aol.com",
            "comcast.net",
            "cox.net",
            "fastmail.com",
            "hotmail.com",
            "live.com",
            "msn.com",
            "outlook.com",
            "rocketmail.com",
            "yahoo.com",
            "ymail.com",
        }
    )
    """Recipient domains that send complaint feedback; a rate of complaints is taken over deliveries to them alone, too.
    Default: those whose feedback loops are public knowledge; Gmail has none. Others are learnt from the complaints that
    they send."""

    representative_volumes: Annotated[Volumes, AfterValidator(_rising_volumes)] = (1_000, 3_000, 10_000)
    """Assumed sizes, in sends, of the platform's "recent representative send volume" for bounces; the worst of them is
    judged. Default: 1,000, 3,000 and 10,000, because the platform does not publish its own and the transport beneath it
    has been seen to use about 10,000."""

    complaint_volumes: Annotated[Volumes, AfterValidator(_rising_volumes)] = (10_000,)
    """The same for complaints, in delivered sends. Default: 10,000 alone: at one complaint in a thousand, a smaller
    window would hold too few to judge."""


class DetectionSettings(Group):
    """How early accounts are suspected: as early as the false alarms that you can bear allow.

    `breaker error-rates` prints what follows from these settings.
    """

    false_stops_per_week: FalseAlarms = 1.0
    """Accounts of the whole fleet that may be stopped in a week while they are healthy. Default: 1, which a person can
    look at and reset; thresholds follow from it and from what each account sends."""

    false_limits_per_week: FalseAlarms = 8.0
    """The same for accounts that are limited to replies. Default: 8, a third of them for complaints: it costs less
    than a stop, and a bad account is slowed while the evidence for one grows."""

    false_warnings_per_week: FalseAlarms = 50.0
    """The same for accounts that are warned. Default: 50: a warning changes nothing but what people see, and wakes
    nobody."""

    fleet_accounts: Count | None = None
    """Active accounts that share these numbers; fewer than 100 count as 100. Unset: as many as the database knows,
    counted at the start and every hour, and 1,000 until there are more, so that a fleet that is just being connected
    does not begin with thresholds that it soon outgrows. Said too high, accounts are suspected a little late: ten times
    as many accounts cost some 15 sends at 12 % bounces."""

    healthy_bounce_rate: BounceRate = 0.02
    """The hard bounces, as a fraction of sends, that a healthy account has at most. Default: 0.02; at most 0.04, since
    the platform reviews at 0.05."""

    healthy_complaint_rate: ComplaintRate = 0.0003
    """The complaints, as a fraction of delivered sends, that a healthy account has at most. Default: 0.0003; at most
    0.0008, since the platform reviews at 0.001."""

    level: Share = 0.8
    """The share of the platform's line (5 % bounces, 0.1 % complaints) below which no rate over a whole window is
    suspected, however much the budget would allow. Default: 0.8, which leaves a fifth of the way for what is still on
    its way when the stop comes."""

    bounces: Step = "stop"
    """The strongest step that bounces lead to: `stop`, `limit` or `warn`. Default: `stop`."""

    complaints: Step = "stop"
    """The same for complaints. Default: `stop`, which they lead to on strong evidence of the account's own only; alone
    they limit it."""


class DomainSettings(Group):
    """When a sending domain fails as a whole: its accounts' mail refused for its authentication, or by a blocklist.

    A domain is stopped where its accounts are enforced and `block_domain` is among their actuators.
    """

    window_seconds: Seconds = 3_600.0
    """The time, in seconds, within which refused sends were sent. Default: 3,600: a broken record shows within minutes,
    and an hour of mail of a quiet domain is enough to tell."""

    accounts: Annotated[int, Field(ge=2)] = 3
    """Accounts that must have been refused; two where the domain has no more. Default: 3: one account's trouble is its
    own, and two may share a list of recipients."""

    refusals: Annotated[int, Field(ge=2)] = 3
    """Refusals that there must be. Default: 3: two that are alike are no pattern, however little else was sent."""

    lone_share: Share = 0.2
    """The share of the domain's sends that must be refused where a single recipient domain refuses them all, for failed
    authentication. Default: 0.2: a large provider may be the only one that checks, and a company's gateway that
    misreads a domain seldom gets a fifth of its mail."""

    chance: Annotated[float, Field(gt=0, le=0.01)] = 1e-6
    """The probability, at most, with which a healthy domain shows as many refusals. Default: 0.000001: a domain of
    1,000 sends an hour is then stopped for nothing less often than once in a hundred years."""

    healthy_authentication_rate: Annotated[float, Field(gt=0, le=0.05)] = 0.0005
    """The share of sends, a fraction, that a healthy domain has refused for failed authentication. Default: 0.0005:
    forwarders break it now and then."""

    healthy_blocklist_rate: Annotated[float, Field(gt=0, le=0.05)] = 0.002
    """The same for blocklists and reputation. Default: 0.002: shared addresses of the transport are listed now and
    then, by somebody."""


class GuardSettings(Group):
    """How many automatic stops are let through; what is beyond waits for a person."""

    window_seconds: Seconds = 600.0
    """The time, in seconds, over which fresh stops are counted. Default: 600, long enough to notice a page."""

    window_minimum: Count = 5
    """Stops within the window that are always let through. Default: 5, so that small fleets are guarded at all."""

    window_share: Share = 0.01
    """The share of active accounts that may be stopped within the window, where that is more. Default: 0.01: a hundred
    times the failures of a bad day; more at once is likelier an error of ours or of the feed."""

    total_minimum: Count = 5
    """Accounts stopped at one time that are always let through. Default: 5, as above."""

    total_share: Share = 0.05
    """The share of active accounts that may be stopped at one time, where that is more. Default: 0.05."""

    group_minimum: Count = 3
    """Accounts of one workspace or domain stopped at one time that are always let through. Default: 3."""

    group_share: Share = 0.25
    """The share of one workspace's or domain's accounts that may be stopped at one time, where that is more.
    Default: 0.25: beyond a quarter the cause is shared, and a person should name it."""


class LedgerSettings(Group):
    """How long single sends are remembered."""

    retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days, by time of sending, that sends are kept and outcomes accepted. Default: 90, as long as the platform's own
    send events, so that either can be checked against the other."""

    partitions_ahead_days: Annotated[int, Field(ge=2, le=365)] = 3
    """Days for which the ledger's partitions are made ahead. Default: 3: a weekend without maintenance loses nothing.
    At least 2, because sends up to a day ahead are accepted."""


class PlatformSettings(Group):
    """How the platform's API is used."""

    requests_per_second: Annotated[float, Field(gt=0, le=50)] = 20.0
    """Requests a second and application, over all daemons. Default: 20 of the platform's 50, which leaves the larger
    part to your own programs."""

    timeout_seconds: Seconds = 10.0
    """Seconds until a request without an answer counts as failed. Default: 10; it is tried again later."""

    first_retry_seconds: Seconds = 0.5
    """Seconds until a failed command is tried again the first time; doubled, with jitter, at every further failure.
    Default: 0.5, so that a stop is hardly late after one lost packet."""

    longest_retry_seconds: Seconds = 60.0
    """The longest delay, in seconds, between two tries. Default: 60: a platform that comes back obeys within a minute.
    `Retry-After` is honoured where it is longer."""

    sweep_seconds: Seconds = 60.0
    """Seconds between two sweeps that compare the platform's lists with what is wanted. Default: 60: what is blocked
    there and unknown here, or the other way round, is shown wrongly until the next one, and a sweep that finds nothing
    costs two or three requests. All grants are compared every five minutes."""

    paused_text: RegularExpression = "suspend|paus"
    """What the text of a refused send (status 400) speaks of where the platform has paused the account: a regular
    expression, upper and lower case alike. Default: `suspend|paus`, since the exact words are not published."""

    @model_validator(mode="after")
    def _retries_grow(self) -> Self:
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise ValueError("longest_retry_seconds must not be less than first_retry_seconds")
        return self


class IntakeSettings(Group):
    """What a webhook may bring, and how it is written down."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    """The largest body accepted, in bytes as received. Default: 1 MiB, the most that the platform itself puts in a
    notification; a delivery event is below 4 KB."""

    max_unpacked_bytes: Annotated[int, Field(ge=1024)] = 4_194_304
    """The largest compressed body once unpacked, in bytes. Default: 4 MiB: honest JSON shrinks to a quarter or less,
    and a bomb is cut off here."""

    max_recipients: Count = 1_000
    """The most recipients in one notification. Default: 1,000, twenty times what one message may have on the platform;
    beyond it the notification is kept undecoded instead of holding a transaction up."""

    batch_size: Count = 256
    """The most notifications that share one transaction. Default: 256: beyond it the shared commit saves little more,
    and a poisonous event costs more halvings."""

    writers: Annotated[int, Field(ge=1, le=64)] = 2
    """Transactions that are written at the same time. Default: 2: one prepares while the other waits for the disk."""

    answer_within_seconds: Annotated[float, Field(gt=0, lt=10)] = 8.0
    """Seconds within which a notification is committed or answered 503. Default: 8, because the platform gives up after
    10 and a late 200 would only bring a repetition."""


class LogSettings(Group):
    """What is logged, and how."""

    format: Literal["auto", "json", "console"] = "auto"
    """`json` for machines, `console` for people, `auto` to choose by whether standard error is a terminal (default)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged. Default: `info`, which has one line per verdict and act and none per event."""
