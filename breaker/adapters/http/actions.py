"""What `POST /api/v1/actions` asks for, read strictly."""

from __future__ import annotations

from http import HTTPStatus
from math import inf
from typing import Literal

import msgspec
from aiohttp import web

from breaker.adapters.http.problems import Problem, bad_value
from breaker.domain.acts.acts import EXEMPT_LASTS, UNDONE_PER_SECOND, Act, ActKind, Automatic
from breaker.domain.acts.fleet_acts import RAISED_FOR, FleetAct, FleetActKind, parse_limit
from breaker.domain.acts.selectors import Selector, parse_selector
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.guard import GuardLimit

LARGEST_BODY = 1_048_576
"""Bytes of a body: some ten thousand accounts by name."""

_LONGEST_WAIT = 60.0
_TOO_LARGE = f"the body is larger than {LARGEST_BODY} bytes: name fewer accounts at once, or a group"


class Action(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The body of `POST /api/v1/actions`.

    Args:
        selector: Whom it is about, or several.
        action: What to do.
        reason: Why.
        plan: Whether only to say what would be done.
        mode: Of `mode`: which; null takes a setting away.
        lasts: Of `mode`: seconds after which it ends by itself; `exempt` lasts a day where nothing is said.
        until: Of `mode`, instead: the moment at which it ends by itself, Unix seconds.
        apply_pending: Of `mode`: whether pending verdicts are applied as well.
        wait: Seconds to wait for the platform to be read back.
        only_domain: Of `trip`, `reset` and `probe`, with `domain:X`: whether its own circuit is meant, and not its
            accounts.
        false_stop: Of `reset`: whether the stop was a mistake.
        automatic: Of `reset`: whether only what Breaker itself stopped or limited is meant.
        detector: Of `reset`: only what this detector stopped or limited; with it, `pace` is 1 unless it is said.
        since: Of `reset`: only what stands stopped or limited by Breaker since this moment, Unix seconds.
        pace: Of `reset`: accounts a second that the platform is told of.
        home: Of `reset`: the workspace that those go to which are away from theirs.
    """

    selector: str | list[str]
    action: ActKind
    reason: str
    plan: bool = False
    mode: Literal["observe", "enforce", "exempt", "stopped"] | msgspec.UnsetType | None = msgspec.UNSET
    lasts: float | None = None
    until: float | None = None
    apply_pending: bool = False
    wait: float = 0.0
    only_domain: bool = False
    false_stop: bool = False
    automatic: bool = False
    detector: str | None = None
    since: float | None = None
    pace: float | None = None
    home: str | None = None


class FleetAction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The body where it is about the whole fleet.

    Args:
        action: What to do.
        reason: Why.
        plan: Whether only to say what would be done.
        lasts: Of `hold_on` and `guard_raise`: seconds after which it ends by itself.
        to: Of `guard_raise`: a number of stops, or a share such as `20%`.
        limit: Of `guard_raise`: the limit that is meant; all where this is missing.
    """

    action: FleetActKind
    reason: str
    plan: bool = False
    lasts: float | None = None
    to: str | int | None = None
    limit: GuardLimit | None = None


class _Named(msgspec.Struct):
    action: str = ""


_read_action = msgspec.json.Decoder(Action)
_read_fleet_action = msgspec.json.Decoder(FleetAction)
_read_name = msgspec.json.Decoder(_Named)


async def read_action(request: web.Request) -> Action | FleetAction:
    """Read the body of a request.

    Raises:
        Problem: It is too large, no JSON, or has other fields or values than it may.
    """
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", _TOO_LARGE) from error
    try:
        if _read_name.decode(body).action in set(FleetActKind):
            return _read_fleet_action.decode(body)
        return _read_action.decode(body)
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", str(error)) from error
    except msgspec.DecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", "the body is not JSON") from error


def selectors_of(action: Action) -> list[Selector]:
    """Return whom it is about, each once.

    Raises:
        Problem: It is about nobody, or one of them has no known form.
    """
    texts = [action.selector] if isinstance(action.selector, str) else action.selector
    if not texts:
        raise bad_value("selector", "names nobody")
    try:
        return list(dict.fromkeys(parse_selector(text) for text in texts))
    except ValueError as error:
        raise bad_value("selector", str(error)) from error


def act_of(action: Action, author: str, now: float) -> Act:
    """Return the act of an author.

    Args:
        action: What is asked for.
        author: Who asks.
        now: Unix seconds.

    Raises:
        Problem: It has no reason, or a field that does not go with it.
    """
    if not action.reason.strip():
        raise bad_value("reason", "must say why")
    if not 0 <= action.wait <= _LONGEST_WAIT:
        raise bad_value("wait", f"must be from 0 to {_LONGEST_WAIT:g} seconds")
    about_mode = {
        "mode": action.mode is not msgspec.UNSET,
        "lasts": action.lasts is not None,
        "until": action.until is not None,
        "apply_pending": action.apply_pending,
    }
    about_reset = {
        "false_stop": action.false_stop,
        "automatic": action.automatic,
        "detector": action.detector is not None,
        "since": action.since is not None,
        "pace": action.pace is not None,
        "home": action.home is not None,
    }
    for kind, fields in ((ActKind.MODE, about_mode), (ActKind.RESET, about_reset)):
        for name, said in fields.items():
            if said and action.action is not kind:
                raise bad_value(name, f"goes with the action {kind}, not with {action.action}")
    if action.action is ActKind.MODE:
        return _act_on_modes(action, author, now)
    return _act_on_circuits(action, author)


def _act_on_modes(action: Action, author: str, now: float) -> Act:
    if action.only_domain:
        raise bad_value("only_domain", "goes with trip, reset and probe, not with mode")
    if action.mode is msgspec.UNSET:
        raise bad_value("mode", "is missing: observe, enforce, exempt, stopped, or null to take a setting away")
    if action.lasts is not None and not 0 < action.lasts < inf:
        raise bad_value("lasts", "must be a number of seconds")
    if action.until is not None and not now < action.until < inf:
        raise bad_value("until", "must be a moment to come, in Unix seconds")
    if action.lasts is not None and action.until is not None:
        raise bad_value("until", "does not go with lasts: say one of them")
    lasts = action.lasts if action.until is None else action.until - now
    mode = Mode(action.mode) if action.mode else None
    return Act(
        ActKind.MODE,
        action.reason.strip(),
        author,
        mode=mode,
        lasts=EXEMPT_LASTS if mode is Mode.EXEMPT and lasts is None else lasts,
        apply_pending=action.apply_pending,
    )


def _act_on_circuits(action: Action, author: str) -> Act:
    if action.pace is not None and not 0 < action.pace < inf:
        raise bad_value("pace", "must be a number of accounts a second")
    if action.since is not None and not 0 <= action.since < inf:
        raise bad_value("since", "must be a moment in Unix seconds")
    undoes = action.automatic or action.detector is not None or action.since is not None
    if undoes and action.only_domain:
        raise bad_value("only_domain", "does not go with automatic, detector or since")
    return Act(
        action.action,
        action.reason.strip(),
        author,
        only_domain=action.only_domain,
        false_stop=action.false_stop,
        automatic=Automatic(action.detector, action.since) if undoes else None,
        pace=UNDONE_PER_SECOND if action.detector is not None and action.pace is None else action.pace,
        home=action.home,
    )


def fleet_act_of(action: FleetAction, author: str) -> FleetAct:
    """Return the act of an author on the whole fleet.

    Raises:
        Problem: It has no reason, or a field that does not go with it.
    """
    if not action.reason.strip():
        raise bad_value("reason", "must say why")
    lasting = {FleetActKind.HOLD_ON, FleetActKind.GUARD_RAISE}
    if action.lasts is not None and (action.action not in lasting or not 0 < action.lasts < inf):
        raise bad_value("lasts", "must be a number of seconds, and goes with hold_on and guard_raise")
    raises = action.action is FleetActKind.GUARD_RAISE
    if not raises and (action.to is not None or action.limit is not None):
        raise bad_value("to", f"goes with guard_raise, as limit does, not with {action.action}")
    number, share = 0, 0.0
    if raises:
        try:
            number, share = parse_limit(str(action.to or ""))
        except ValueError as error:
            raise bad_value("to", str(error)) from error
    lasts = RAISED_FOR if raises and action.lasts is None else action.lasts
    return FleetAct(action.action, action.reason.strip(), author, lasts, number, share, action.limit)
