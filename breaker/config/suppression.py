"""Recipients that mail is not sent to any more."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from breaker.config.groups import Group
from breaker.config.values import split_list
from breaker.domain.platform.suppression import Reason

Outcomes = Annotated[
    frozenset[Literal[Reason.UNKNOWN_RECIPIENT, Reason.COMPLAINT]],
    NoDecode,
    BeforeValidator(split_list),
    Field(min_length=1),
]


class SuppressionSettings(Group):
    """Recipients that bounced as unknown or complained: kept, and refused on the platform, whoever writes to them.

    Their addresses are kept as they are, in the database and in a List on the platform, since they have to be matched.
    """

    enabled: bool = False
    """Whether recipients are kept and refused; in every mode, since no account is stopped by it. After switching it on,
    run `breaker setup`, which makes the List and the rule. Switched off, nobody more is kept and the List is emptied.
    Default: false: whose addresses are kept, and for how long, is for you to decide."""

    outcomes: Outcomes = frozenset({Reason.UNKNOWN_RECIPIENT, Reason.COMPLAINT})
    """Which outcomes suppress a recipient: `unknown_recipient`, `complaint`, comma separated. Default: both. No other
    bounce says anything of the address: a full mailbox, a policy or a size is the day's, the sender's or the mail's."""

    retention_days: Annotated[int, Field(ge=1, le=3_650)] = 365
    """Days after a recipient's last bounce or complaint after which it is forgotten and may be written to again.
    Default: 365: long enough that one list, sold or imported again, is not paid for twice, and no one's address is kept
    for ever."""

    most_addresses: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Recipients of one application that are put into the List at most; of more, those that bounced or complained last.
    All are kept. Default: 10,000, which are read back with 50 requests; the platform publishes no limit of its own."""
