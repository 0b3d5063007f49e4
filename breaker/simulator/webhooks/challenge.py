"""The challenge: an endpoint proves itself by echoing a value within ten seconds (ASYNC, SPEC)."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp

from breaker.simulator.errors import ApiError

_TIMEOUT = 10.0


async def challenge(session: aiohttp.ClientSession, webhook_url: str, value: str) -> None:
    """Ask an endpoint to echo `value`, once.

    Raises:
        ApiError: 400 with type 70005, if it does not answer 200 with exactly `value`.
    """
    try:
        async with session.get(
            webhook_url,
            params={"challenge": value},
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
            allow_redirects=False,
        ) as answer:
            if answer.status != HTTPStatus.OK:
                raise _failed(f"status is not ok, got {answer.status}")
            if await answer.read() != value.encode():
                raise _failed("challenge does not match")
    except TimeoutError:
        raise _failed("request timed out") from None
    except (aiohttp.ClientError, OSError):
        raise _failed("connection failed") from None


def _failed(reason: str) -> ApiError:
    return ApiError(400, "70005", f"unable.verify.webhook_url : {reason}")
