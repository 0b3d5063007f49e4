"""Whom an act is about: selectors, and what of them an act of its kind concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.acts.acts import ActKind, NobodyError, RefusedError, Report
from breaker.domain.acts.selectors import Scope
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Level
from breaker.flows.operate_domains import GROUPS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.domain.acts.acts import Act, Automatic
    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.circuit import Circuit
    from breaker.flows.operate_domains import DomainOperator
    from breaker.ports import Account, SendingDomain

_NAMED = 5
OF_PENDING = (ActKind.MODE, ActKind.GUARD_APPROVE)
"""The acts that are about those with a held verdict."""

Place = tuple[str, Level, str]
"""Where a mode is set, as `(application, level, name)`; an account's name is Breaker's own number of it."""


class Directory(Protocol):
    """Who is meant by a selector, and how they stand."""

    async def keys(self, selector: Selector, *, pending: bool = False) -> Sequence[int]:
        """Return the accounts that a selector speaks of, ascending; `pending`: only those with a held verdict."""
        ...

    async def nearest(self, selector: Selector) -> str | None:
        """Return what is known and most like a selector that speaks of nobody, as people type it, or None."""
        ...

    async def automatic(self, selector: Selector, only: Automatic) -> Sequence[int]:
        """Return those that stand stopped or limited by Breaker's own verdicts, ascending."""
        ...

    async def automatic_domains(self, only: Automatic) -> Collection[tuple[str, str]]:
        """Return the sending domains that stand so, as `(application, name)`."""
        ...

    async def applications(self, selector: Selector) -> Sequence[str]:
        """Return the ids of the applications that a selector touches."""
        ...

    async def circuits(self, accounts: Sequence[int]) -> Sequence[tuple[Account, Circuit]]:
        """Return accounts as they are, unlocked, in ascending order."""
        ...

    async def held_for_complaints(self, accounts: Sequence[int]) -> Collection[int]:
        """Return those that are stopped or limited, and came to be so by complaints."""
        ...

    async def unconfirmed(self, accounts: Sequence[int]) -> Sequence[int]:
        """Return those whose wanted state the platform was not read back for."""
        ...


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom an act is about.

    Args:
        report: What it did so far: nothing, to how many.
        places: Where a mode is to be set.
        domains: The sending domains to decide about.
        accounts: The accounts to decide about, ascending.
    """

    report: Report
    places: Sequence[Place]
    domains: Sequence[SendingDomain]
    accounts: Sequence[int]


async def meant_by(act: Act, selectors: Sequence[Selector], directory: Directory, domains: DomainOperator) -> Meant:
    """Return whom an act is about.

    Args:
        act: The act.
        selectors: Whom it names.
        directory: Who is meant by a selector.
        domains: Acts on the circuits of sending domains.

    Raises:
        RefusedError: A selector speaks of nobody, or the act contradicts itself.
    """
    if act.apply_pending and act.mode is not Mode.ENFORCE:
        raise RefusedError("pending verdicts are applied with the mode enforce only: nothing was changed")
    covered: set[int] = set()
    pending: set[int] = set()
    places: dict[Place, None] = {}
    circuits: set[SendingDomain] = set()
    nobody: list[Selector] = []
    for selector in selectors:
        keys = await directory.keys(selector)
        covered.update(await directory.automatic(selector, act.automatic) if act.automatic else keys)
        set_at: Sequence[Place] = ()
        if act.kind is ActKind.MODE:
            set_at = await _places(selector, keys, directory)
            places.update(dict.fromkeys(set_at))
        if act.kind in OF_PENDING:
            pending.update(await directory.keys(selector, pending=True))
        meant: Sequence[SendingDomain] = ()
        if act.only_domain or selector.scope in GROUPS:
            meant = await domains.meant(act, selector, await directory.applications(selector))
            circuits.update(await _undoable(act, meant, directory))
        if not keys and not set_at and not meant:
            nobody.append(selector)
    if nobody:
        raise NobodyError(await _no_account(nobody, directory))
    groups = [f"{level}:{name}" for _, level, name in places if level is not Level.ACCOUNT]
    if act.only_domain:
        accounts: set[int] = set()
    elif act.kind in OF_PENDING and act.mode is not Mode.STOPPED:
        accounts = pending
    else:
        accounts = covered
    return Meant(Report(covered=len(covered), settings=groups), list(places), sorted(circuits), sorted(accounts))


async def nobody(selector: Selector, directory: Directory) -> NobodyError:
    """Return the error that a selector speaks of nobody, which names what is most like it."""
    known = await directory.nearest(selector)
    hint = f" (the nearest known is {known})" if known else ""
    return NobodyError(f"no account is known by {selector}{hint}; `breaker status` lists those that are")


async def _undoable(act: Act, domains: Sequence[SendingDomain], directory: Directory) -> Collection[SendingDomain]:
    """Return the domains that an act is about, of those that are meant."""
    if act.automatic is None:
        return domains
    standing = await directory.automatic_domains(act.automatic)
    return [domain for domain in domains if (domain.application_id, domain.name) in standing]


async def _places(selector: Selector, keys: Sequence[int], directory: Directory) -> Sequence[Place]:
    """Return where the mode of a selector is set."""
    if selector.scope is Scope.ACCOUNT:
        return [
            (account.application_id, Level.ACCOUNT, str(account.key)) for account, _ in await directory.circuits(keys)
        ]
    applications = await directory.applications(selector)
    if selector.scope in (Scope.APPLICATION, Scope.ALL):
        return [(application, Level.APPLICATION, application) for application in applications]
    return [(application, Level(selector.scope), selector.name) for application in applications]


async def _no_account(selectors: Sequence[Selector], directory: Directory) -> str:
    shown = []
    for selector in selectors[:_NAMED]:
        known = await directory.nearest(selector)
        shown.append(f"{selector} (the nearest known is {known})" if known else str(selector))
    more = f" and {len(selectors) - _NAMED:,} more" if len(selectors) > _NAMED else ""
    return (
        f"no account is known by {', '.join(shown)}{more}; nothing was changed. `breaker status` lists those that are"
    )
