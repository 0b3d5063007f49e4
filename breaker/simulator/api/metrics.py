"""`/v3/metrics/send`: by sender or domain, as a summary, and over time (DOC get-send-breakdown, -summary, -timeseries).

What is not in what could be read of the documentation is left out: the findings behind a grade, and comparisons.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, number
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.metrics import ASSESSED_FROM, DAY, MetricKey, SendCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.simulator.state.base import Json

_ERRORS = ErrorFamily.RESOURCE
_DEFAULT_DAYS = 7
_LONGEST_DAYS = 365
_DEFAULT_ROWS, _MOST_ROWS = 25, 100
_OTHERS = "(others)"
_DAILY_UP_TO, _WEEKLY_UP_TO = 21, 92
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; weeks start on Monday

_GROUPS: dict[str, Callable[[MetricKey], str]] = {
    "sending_domain": lambda key: key.sending_domain,
    "agent_account": lambda key: key.sender,
    "recipient_domain": lambda key: key.recipient_domain,
}
_SORTS: dict[str, Callable[[tuple[str, SendCounts]], object]] = {
    "key": lambda row: row[0],
    "sent": lambda row: row[1].sent,
    "delivery_rate": lambda row: row[1].delivery_rate,
    "bounce_rate": lambda row: row[1].bounce_rate,
    "complaint_rate": lambda row: row[1].complaint_rate,
}


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.get("/v3/metrics/send", _breakdown),
        web.get("/v3/metrics/send/summary", _summary),
        web.get("/v3/metrics/send/timeseries", _timeseries),
    ]


async def _breakdown(request: web.Request) -> web.Response:
    group = _GROUPS.get(request.query.get("group_by", "sending_domain"))
    name, _, direction = request.query.get("sort", "sent:desc").partition(":")
    if group is None or name not in _SORTS or direction not in {"asc", "desc"}:
        raise _ERRORS.bad_request("group_by or sort is invalid")
    limit = number(request, "limit", _DEFAULT_ROWS, _MOST_ROWS, _ERRORS) or _DEFAULT_ROWS
    found = request[APPLICATION].metrics.grouped(_days(request), group, sending_domain=_domain(request))
    rows = sorted(found.items(), key=_SORTS[name], reverse=direction == "desc")  # type: ignore[arg-type]  # by name, each key is of one comparable type
    shown = [{"key": key, **counts.as_json()} for key, counts in rows[:limit]]
    if len(rows) > limit:
        others = SendCounts()
        for _, counts in rows[limit:]:
            others.add(counts)
        shown.append({"key": _OTHERS, **others.as_json()})
    return answer(request, shown)


async def _summary(request: web.Request) -> web.Response:
    metrics, days, domain = request[APPLICATION].metrics, _days(request), _domain(request)
    today = _today(request)
    last_week = metrics.total(range(today - _DEFAULT_DAYS + 1, today + 1), sending_domain=domain)
    previous = range(days.start - len(days), days.start)
    health: Json = {"state": last_week.health, "min_assess_volume": ASSESSED_FROM, "findings": []}
    return answer(
        request,
        {
            "health": health,
            "current": metrics.total(days, sending_domain=domain).as_json(),
            "previous": metrics.total(previous, sending_domain=domain).as_json(),
        },
    )


async def _timeseries(request: web.Request) -> web.Response:
    days = _days(request)
    granularity = request.query.get("granularity", "auto")
    if granularity == "auto":
        granularity = "day" if len(days) <= _DAILY_UP_TO else "week" if len(days) <= _WEEKLY_UP_TO else "month"
    if granularity not in {"day", "week", "month"}:
        raise _ERRORS.bad_request("granularity is invalid")
    buckets = {_bucket(day, granularity): SendCounts() for day in days}
    found = request[APPLICATION].metrics.grouped(
        days, lambda key: _bucket(key.day, granularity), sending_domain=_domain(request)
    )
    series = [{"date": bucket, **found.get(bucket, empty).as_json()} for bucket, empty in buckets.items()]
    return answer(request, {"granularity": granularity, "series": series})


def _today(request: web.Request) -> int:
    return request[APPLICATION].surroundings.now() // DAY


def _days(request: web.Request) -> range:
    end = _day(request, "end", _today(request))
    start = _day(request, "start", end - _DEFAULT_DAYS + 1)
    if start > end or end - start >= _LONGEST_DAYS:
        raise _ERRORS.bad_request(f"the window must cover 1 to {_LONGEST_DAYS} days")
    return range(start, end + 1)


def _day(request: web.Request, name: str, default: int) -> int:
    given = request.query.get(name)
    if given is None:
        return default
    try:
        return (date.fromisoformat(given) - date(1970, 1, 1)).days
    except ValueError:
        raise _ERRORS.bad_request(f"{name} must be a date like 2026-10-30") from None


def _bucket(day: int, granularity: str) -> str:
    if granularity == "week":
        day -= (day + _EPOCH_WEEKDAY) % 7
    first = datetime.fromtimestamp(day * DAY, UTC).date()
    return (first.replace(day=1) if granularity == "month" else first).isoformat()


def _domain(request: web.Request) -> str | None:
    return request.query.get("sending_domain")
