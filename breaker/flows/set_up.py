"""Set up: a plan carried out step by step, each change remembered in the inventory as soon as it is made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from breaker.domain.platform.commands import Actuator
from breaker.flows.designs import COPIES, LISTS, RULES, Made, rules_for
from breaker.flows.fixtures import found_copy
from breaker.flows.set_up_plan import (
    LISTS_OF_PLANS,
    RULES_OF_PLANS,
    TRIGGERS,
    Found,
    Plan,
    SetUpRefusedError,
    StepKind,
    plan,
)
from breaker.ports import GiveUpError, InventoryItem, Rule, Webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from breaker.flows.set_up_plan import Need, Step
    from breaker.ports import Clock, Inventory, Platform

Answer = TypeVar("Answer")


@dataclass(slots=True, kw_only=True)
class SetUp:
    """Makes what Breaker needs in one application.

    Args:
        need: What has to be there.
        platform: The application on the platform.
        inventory: Where each change is remembered.
        clock: The time.
        keep_secret: Keeps a webhook's secret where the daemon reads it; raises OSError where it can't.
    """

    need: Need
    platform: Platform
    inventory: Inventory
    clock: Clock
    keep_secret: Callable[[str], None]
    _ids: dict[Made, str] = field(init=False, default_factory=dict)
    _made: list[Made] = field(init=False, default_factory=list)
    _found: Found = field(init=False)

    async def plan(self) -> Plan:
        """Say what would be done; nothing is changed.

        Raises:
            SetUpRefusedError: A person has to decide first.
            PlatformError: The platform could not be read.
        """
        self._found = await Found.on(self.platform)
        return plan(self.need, self._found, await self.inventory.items(self.need.application_id))

    async def carry_out(self, planned: Plan) -> AsyncIterator[Step]:
        """Do what `plan` has said, and yield each step when it is done.

        Raises:
            SetUpRefusedError: A step can't be done; what was done stays, and running it all again goes on from there.
            PlatformError: The same, for the platform's reasons.
        """
        for item in await self.inventory.items(self.need.application_id):
            if item.kind in LISTS or item.kind in RULES:
                self._ids.setdefault(Made(item.kind), item.platform_id)
        for step in planned.steps:
            await self._do(step)
            yield step

    async def _do(self, step: Step) -> None:
        steps: Mapping[StepKind, Callable[[Step], Awaitable[None]]] = {
            StepKind.FORGET: self._forget,
            StepKind.REMEMBER: self._remember_found,
            StepKind.TAKE_OVER: self._take_over,
            StepKind.MAKE_LIST: self._make_list,
            StepKind.MAKE_RULE: self._make_rule,
            StepKind.MEND_RULE: self._mend_rule,
            StepKind.ATTACH: self._attach,
            StepKind.MAKE_WEBHOOK: self._make_webhook,
            StepKind.CHANGE_WEBHOOK: self._change_webhook,
            StepKind.ROTATE_SECRET: self._rotate_secret,
        }
        await steps[step.kind](step)

    async def _forget(self, step: Step) -> None:
        await self.inventory.remove(self.need.application_id, step.made, step.platform_id)
        if self._ids.get(step.made) == step.platform_id:
            del self._ids[step.made]

    async def _remember_found(self, step: Step) -> None:
        await self._remember(step.made, step.platform_id, step.name)

    async def _remember(self, made: Made, platform_id: str, name: str) -> None:
        detail: dict[str, object] = {"name": name}
        if made is Made.ATTACHMENT:
            detail["rules"] = self._rule_ids()
        elif made in COPIES:
            workspace = next(one for one in self._found.workspaces if one.id == platform_id)
            copy = found_copy(replace(workspace, name=name), self._found.workspaces, self.need.names)
            detail = copy.detail(name)
        elif made in LISTS or made in RULES:
            self._ids[made] = platform_id
        item = InventoryItem(made, platform_id, detail, self.clock.now())
        await self.inventory.add(self.need.application_id, item)

    async def _take_over(self, step: Step) -> None:
        number, name = step.platform_id, step.name
        if step.made in LISTS:
            await self.platform.rename_list(number, name)
        elif step.made in RULES:
            rule = next(one for one in self._found.rules if one.id == number)
            await self.platform.change_rule(replace(rule, name=name))
        elif step.made is Made.POLICY:
            await self.platform.policies().rename(number, name)
        elif step.made in COPIES:
            workspace = next(one for one in self._found.workspaces if one.id == number)
            await self.platform.change_workspace(replace(workspace, name=name))
        else:
            webhook = next(one for one in self._found.webhooks if one.id == number)
            await self._challenged(self.platform.change_webhook(replace(webhook, description=name)))
        await self._remember(step.made, number, name)

    async def _make_list(self, step: Step) -> None:
        design = LISTS[step.made]
        try:
            made = await self.platform.create_list(step.name, design.type)
        except GiveUpError as error:
            count = len(self._found.lists) + sum(one in LISTS for one in self._made)
            raise _no_room("list", count, LISTS_OF_PLANS, design.serves, error) from error
        self._made.append(step.made)
        await self._remember(step.made, made.id, step.name)

    async def _make_rule(self, step: Step) -> None:
        design = RULES[step.made]
        try:
            made = await self.platform.create_rule(step.name, design.content(self._ids))
        except GiveUpError as error:
            for one in design.lists:
                if one in self._made:
                    # A list without a rule stops nobody, and takes room from others.
                    await self.platform.delete_list(self._ids[one])
                    await self.inventory.remove(self.need.application_id, one, self._ids[one])
            count = len(self._found.rules) + sum(one in RULES for one in self._made)
            raise _no_room("rule", count, RULES_OF_PLANS, design.serves, error) from error
        self._made.append(step.made)
        await self._remember(step.made, made.id, step.name)

    async def _mend_rule(self, step: Step) -> None:
        await self.platform.change_rule(Rule(step.platform_id, step.name, RULES[step.made].content(self._ids)))

    async def _attach(self, step: Step) -> None:
        await self.platform.attach_rules(step.platform_id, self._rule_ids())
        if self.need.names.home_of(step.name) is None:
            await self._remember(Made.ATTACHMENT, step.platform_id, step.name)

    def _rule_ids(self) -> list[str]:
        """Return the rules that the actuators need."""
        return [_known(self._ids.get(rule.made)) for rule in rules_for(self.need.actuators)]

    async def _make_webhook(self, step: Step) -> None:
        made = await self._challenged(self.platform.create_webhook(str(self.need.webhook_url), TRIGGERS, step.name))
        await self._remember(Made.WEBHOOK, made.id, step.name)
        self._keep(made)

    async def _change_webhook(self, step: Step) -> None:
        wanted = Webhook(step.platform_id, str(self.need.webhook_url), TRIGGERS, description=step.name)
        await self._challenged(self.platform.change_webhook(wanted))

    async def _rotate_secret(self, step: Step) -> None:
        self._keep(await self.platform.rotate_secret(step.platform_id))

    def _keep(self, webhook: Webhook) -> None:
        try:
            self.keep_secret(_known(webhook.secret))
        except OSError as error:
            raise SetUpRefusedError(
                f"the webhook's secret could not be kept ({error.strerror}): make BREAKER_SECRETS_DIR writable for "
                f"this user, and run `breaker setup` again, which gives the webhook a new secret"
            ) from error

    async def _challenged(self, change: Awaitable[Answer]) -> Answer:
        """Ask for a change in which the platform calls the webhook's URL, and say what to look at where that fails."""
        try:
            return await change
        except GiveUpError as error:
            raise SetUpRefusedError(
                f"the platform would not post to {self.need.webhook_url}: `breaker serve` has to run, and that address "
                f"has to lead to its webhook listener. It said: {error}"
            ) from error


def _known(value: str | None) -> str:
    if value is None:
        raise SetUpRefusedError("the platform or the plan left out what a later step needs: run `breaker setup` again")
    return value


def _no_room(
    what: str, count: int, plans: tuple[int, int], serves: Collection[Actuator], error: GiveUpError
) -> SetUpRefusedError:
    off = " and ".join(f"`{one}`" for one in sorted(serves))
    without = "switch `[suppression]` off" if Actuator.SUPPRESS in serves else f"leave {off} out of BREAKER_ACTUATORS"
    return SetUpRefusedError(
        f"the platform made no further {what}: the application has {count}, and plans allow {plans[0]} or {plans[1]}. "
        f"Delete one that is not needed, choose a larger plan, or {without}. It said: "
        f"{error}"
    )
