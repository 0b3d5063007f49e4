"""A reload: the configuration is read again and put in force as a whole, or not at all.

What holds something open or has shaped what is kept needs a restart, and the log says which settings those are. Nobody
is stopped by a reload: another threshold bites at an account's next bad outcome, through the fleet guard like any. But
whom it would stop is found out in the background, and logged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.logs import configure_logging
from breaker.config import ConfigurationError, changed
from breaker.flows.foresee import foresee
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.adapters.http.admin import AdminListener
    from breaker.adapters.metrics import Metrics
    from breaker.app.guarded import WebhookSecrets
    from breaker.app.intake import Intake
    from breaker.app.operations import Operations
    from breaker.config import Settings
    from breaker.domain.profiles.profiles import Profiles

LISTED = 20
"""Accounts that the log names after a reload; of more it has the number, and `check-config --would-stop` the list."""

log = structlog.get_logger(__name__)


class Reload:
    """Reads the configuration again when asked to.

    Args:
        again: Reads it, from where it was read first.
        operations: The use-cases, whose configuration is replaced.
        intake: What counts and judges.
        secrets: The webhook secrets.
        admin: The admin listener.
        metrics: Where it is told how the last one ended.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - wired once, in the daemon
        self,
        again: Callable[[], Settings],
        operations: Operations,
        intake: Intake,
        secrets: WebhookSecrets,
        admin: AdminListener,
        metrics: Metrics,
    ) -> None:
        """Keep the parts; nothing is read yet."""
        self._again = again
        self._operations = operations
        self._intake = intake
        self._secrets = secrets
        self._admin = admin
        self._metrics = metrics
        self._asked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        metrics.reloaded(operations.clock.now(), successful=True)

    def ask(self) -> None:
        """Ask for a reload; of several that were asked for meanwhile, there is one."""
        self._asked.set()

    async def run(self) -> None:
        """Reload whenever it is asked for, until cancelled."""
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                before = self._operations.in_force.profiles
                if self.now():
                    await self._stop_looking()
                    self._looking = asyncio.create_task(self._foresee(before), name="foresee")
        finally:
            await self._stop_looking()

    def now(self) -> bool:
        """Reload, and tell whether the new configuration is in force."""
        in_force, now = self._operations.in_force, self._operations.clock.now()
        try:
            settings, waiting = changed(in_force.settings, self._again())
            self._secrets.configure(settings, settings.guarded_applications())
        except ConfigurationError as error:
            self._metrics.reloaded(now, successful=False)
            log.error("the configuration was not reloaded, and the old one stays in force", problems=error.problems)  # noqa: TRY400 - no fault of ours
            return False
        in_force.replace(settings)
        self._operations.modes.configure(in_force.modes)
        self._intake.configure()
        self._admin.configure(settings.admin_tokens)
        configure_logging(settings.log.format, settings.log.level)
        self._metrics.reloaded(now, successful=True)
        log.info("configuration reloaded", profiles=[one.name for one in in_force.profiles])
        if waiting:
            log.warning("these settings changed too, and need a restart", settings=waiting)
        return True

    async def _foresee(self, before: Profiles) -> None:
        """Log whom the new thresholds would act on at the next bad outcome, and the former ones would not."""
        operations = self._operations
        in_force, numbers, named = operations.in_force, Counter[str](), list[str]()
        now = operations.clock.now()
        try:
            async for one in foresee(
                operations.active, in_force.profiles, now, before=before, protected=in_force.protected
            ):
                numbers[one.suspicion.step] += 1
                if len(named) < LISTED:
                    named.append(f"{one.account.id}: {one.state} -> {one.suspicion.step} ({one.profile})")
        except StoreError as error:
            log.warning("whom the new thresholds would stop can't be told now", error=str(error))
            return
        if numbers:
            log.warning(
                "the new thresholds would act on accounts at their next bad outcome, as far as the guard lets them",
                numbers=dict(numbers),
                accounts=named,
            )
        else:
            log.info("the new thresholds would act on nobody at the next bad outcome")

    async def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
