"""Quotas: accounts that are probed are moved into a copy of their home in which they may send a few messages a day.

The copy has the rules of the home, and a policy that is a copy of the home's but for one limit,
`limit_count_daily_email_sent`. What the platform answers may differ from what was written, so it is read back; where
anything in it is another, above all that limit, the quota is not armed: the round goes on as it does without one, and
that is said, logged and counted. A policy that was made for it is taken back then. 0 is never written: the platform
may drop it and answer with the plan's maximum.

A home whose own policy allows no more than the quota needs no copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.domain.platform.elsewhere import Elsewhere
from breaker.flows.designs import Made
from breaker.ports import GiveUpError, GoneError, PolicyContent, TryAgainError

if TYPE_CHECKING:
    from breaker.flows.copies import Copies
    from breaker.flows.quarantine import Quarantine
    from breaker.ports import Account, Workspace

NOT_ARMED = "the quota is not armed, and the round goes on without it"


class NotArmedError(Exception):
    """The platform does not hold accounts to the quota; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The moves of one pass into copies for probes.

    Args:
        quarantine: The other moves of the same pass.
        messages: Messages a UTC day, 1 at least, or None where no quota is configured.
    """

    quarantine: Quarantine
    messages: int | None

    async def put(self, account: Account) -> str | None:
        """Move an account to where the quota holds it, or home where none does, and return when it was read back there.

        Returns:
            A notice for people, or None.

        Raises:
            PlatformError: It could not be moved, or not yet be read back.
        """
        if self.messages is None:
            return await self.quarantine.take_home(account)
        try:
            return await self._put(account, self.messages)
        except NotArmedError as error:
            said = self.quarantine.say(Elsewhere.QUOTA_REFUSED, f"{NOT_ARMED}: {error}")
            return await self.quarantine.take_home(account) or said
        except GoneError:
            await self.quarantine.note_gone(account)
            return None

    async def _put(self, account: Account, messages: int) -> str | None:
        moves = self.quarantine
        place = await moves.place(await moves.grant(account))
        home, notice = place, None
        if moves.is_away(place):
            home, how = await moves.home(account, place)
            notice = moves.said_of(how)
        target = await copy_for(moves.copies, home, messages)
        # Home is remembered before it is left, so that no crash forgets it.
        await moves.outbox.note_placement(account.key, place, home)
        await moves.move(account, target, None if target == home else home, place)
        return notice


async def copy_for(copies: Copies, home_id: str, messages: int) -> str:
    """Return the workspace in which accounts of a home may send so many messages a day: a copy, or the home itself.

    Raises:
        NotArmedError: The platform does not hold them to it.
        PlatformError: It could not be made, or not be read back, and is to be tried again.
    """
    async with copies.lock:
        home = await copies.workspace(home_id)
        try:
            return await _copy_for(copies, home, messages)
        except GoneError as error:
            raise TryAgainError("a policy or a copy of a workspace is gone, and is made anew") from error
        except GiveUpError as error:
            raise NotArmedError(str(error)) from error


async def _copy_for(copies: Copies, home: Workspace, messages: int) -> str:
    policies = copies.platform.policies()
    content = PolicyContent()
    if home.policy_id is not None:
        try:
            content = (await policies.read(home.policy_id)).content
        except GoneError as error:
            raise NotArmedError("its home's policy is gone") from error
    own = content.daily_sends
    if own is not None and own <= messages:
        return home.id
    found = await copies.probe_of(home)
    name = copies.policy_name(found.policy_id if found else None) or copies.names.probe(home.id)
    policy_id = await _armed(copies, name, content.with_daily_sends(messages))
    wanted = copies.content(home, policy_id)
    return await copies.put_right(Made.PROBE_WORKSPACE, home, wanted, found, source=home.policy_id)


async def _armed(copies: Copies, name: str, content: PolicyContent) -> str:
    """Return the policy that says this, made or changed where need be, and read back.

    Raises:
        NotArmedError: It says something else.
    """
    policies = copies.platform.policies()
    number = await copies.policy(name, content)
    shown = (await policies.read(number)).content
    if not _says(shown, content):
        await policies.change(number, content)
        shown = (await policies.read(number)).content
    if _says(shown, content):
        return number
    written, answered = content.daily_sends, shown.daily_sends
    if not await copies.is_used(number):
        await policies.delete(number)
        await copies.forget_policy(name)
    if written != answered:
        raise NotArmedError(f"{written} messages a day were written, and the platform answers {answered or 'no limit'}")
    raise NotArmedError("the platform does not show the home's other limits as they were written")


def _says(shown: PolicyContent, wanted: PolicyContent) -> bool:
    """Tell whether a policy says all that is wanted; what else it says is the plan's."""
    told = replace(
        shown,
        limits={name: shown.limits.get(name) for name in wanted.limits},
        besides={name: shown.besides.get(name) for name in wanted.besides},
    )
    return told == wanted
