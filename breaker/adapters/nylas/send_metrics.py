"""The platform's own counts, by account; what its documentation leaves open is assumed here.

`GET /v3/metrics/send?group_by=agent_account` gives at most 100 rows, by sender address, and one more, `(others)`, for
what is beyond (https://developer.nylas.com/docs/reference/api/send-metrics/get-send-breakdown/). `start` and `end` are
documented for the summary as days in UTC, both included, and a message counts on the day on which it was sent; both are
taken to hold here. The names of the counts are those of the summary: `delivered`, `bounced` and `complaints`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.nylas.transport import Request
from breaker.adapters.nylas.wire import Answer
from breaker.domain.windows.comparison import OTHERS, Counts
from breaker.ports import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.adapters.nylas.transport import Transport

_DAY = 86_400
_MOST_ROWS = "100"


class _Row(msgspec.Struct):
    key: str
    delivered: int = 0
    bounced: int = 0
    complaints: int = 0


_ROWS = msgspec.json.Decoder(Answer[list[_Row] | None])


class NylasSendMetrics:
    """The send metrics of one application.

    Args:
        transport: Sends its requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def by_account(self, first_day: int, last_day: int) -> Mapping[str, Counts]:
        """Return what the platform counted by sender address, the busiest hundred and `(others)`.

        Args:
            first_day: The first day, counted from 1970-01-01, in UTC.
            last_day: The last day.

        Raises:
            PlatformError: It can't be read.
        """
        query = {
            "group_by": "agent_account",
            "sort": "sent:desc",
            "limit": _MOST_ROWS,
            "start": _date(first_day),
            "end": _date(last_day),
        }
        request = Request("GET", "/v3/metrics/send", query=query)
        answer = await self._transport.read(_ROWS, Urgency.SWEEP, request)
        return {
            row.key if row.key == OTHERS else row.key.lower(): Counts(row.delivered, row.bounced, row.complaints)
            for row in answer.data or []
        }


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
