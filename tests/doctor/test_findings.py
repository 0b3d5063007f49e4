"""Every fault planted alone in a sound installation is found, with what to type, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.examination.signs_of_life import Guarding
from breaker.domain.outcomes.signatures import Signing
from breaker.flows.designs import LISTS, Made
from breaker.flows.fixtures import Names
from breaker.ports import InventoryItem
from breaker.simulator.faults import FaultKind
from breaker.simulator.webhooks import notifications
from tests.guarded import NAMES
from tests.setup.conftest import done
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.doctor.ward import Ward

HOUR = 3_600.0


async def test_nothing_is_found_in_a_sound_installation_and_nothing_changed(sound: Ward) -> None:
    sound.world.platform.journal.clear()

    assert await sound.findings() == []
    assert sound.world.changing_calls() == []


async def a_quarantine_without_a_policy(sound: Ward) -> None:
    sound.cell.policy_id = None


async def the_default_workspace_without_a_policy(sound: Ward) -> None:
    sound.default.policy_id = None


async def a_rule_disabled(sound: Ward) -> None:
    rule = await sound.place.rule()
    await sound.world.client.change_rule(replace(rule, content=replace(rule.content, enabled=False)))


async def the_limiting_rule_disabled(sound: Ward) -> None:
    rule = await sound.place.rule(Made.LIMIT_RULE)
    await sound.world.client.change_rule(replace(rule, content=replace(rule.content, enabled=False)))


async def a_rule_that_does_something_else(sound: Ward) -> None:
    rule = await sound.place.rule(Made.LIMIT_RULE)
    conditions = tuple(one for one in rule.content.conditions if one.operator == "in_list")
    await sound.world.client.change_rule(replace(rule, content=replace(rule.content, conditions=conditions)))


def a_rule_without_its_list(made: Made, listed: Made) -> Callable[[Ward], Awaitable[None]]:
    async def plant(sound: Ward) -> None:
        rule, other = await sound.place.rule(made), await sound.world.client.create_list("theirs", LISTS[listed].type)
        known = await sound.place.list_id(listed)
        conditions = tuple(
            replace(one, values=(other.id,)) if known in one.values else one for one in rule.content.conditions
        )
        await sound.world.client.change_rule(replace(rule, content=replace(rule.content, conditions=conditions)))

    return plant


def a_list_deleted(made: Made) -> Callable[[Ward], Awaitable[None]]:
    async def plant(sound: Ward) -> None:
        await sound.world.client.delete_list(await sound.place.list_id(made))

    return plant


async def a_rule_deleted(sound: Ward) -> None:
    await sound.world.client.delete_rule((await sound.place.rule()).id)


async def rules_detached(sound: Ward) -> None:
    sound.sales.rule_ids = []


async def a_new_workspace(sound: Ward) -> None:
    new = sound.world.application.add_workspace("Support")
    sound.world.application.add_grant("support@x.example", workspace_id=new.workspace_id)


async def an_account_in_no_workspace(sound: Ward) -> None:
    sound.sender.workspace_id = None


async def an_account_in_quarantine_that_is_not_stopped(sound: Ward) -> None:
    sound.world.application.move_grant(sound.seller.id, sound.cell.workspace_id)


async def a_stopped_account_out_of_quarantine(sound: Ward) -> None:
    sound.world.application.move_grant(sound.stopped.id, sound.sales.workspace_id)


async def a_home_that_is_gone(sound: Ward) -> None:
    await sound.store.pool.execute(
        "UPDATE accounts SET home_workspace_id = 'w-gone' WHERE grant_id = $1", sound.stopped.id
    )


async def a_stopped_account_taken_out_of_the_list(sound: Ward) -> None:
    await sound.world.client.remove_values(await sound.place.list_id(), [sound.stopped.email])


async def a_stopped_account_that_goes_on_sending(sound: Ward) -> None:
    confirmed_at = int(sound.store.clock.now()) - 3_600
    await sound.store.pool.execute(
        "UPDATE circuits c SET confirmed = c.state, confirmed_at = $2 FROM accounts a "
        "WHERE a.account = c.account AND a.grant_id = $1",
        sound.stopped.id,
        float(confirmed_at),
    )
    for sent_at in (confirmed_at - 60, confirmed_at + 60, confirmed_at + 600):
        await sound.store.pool.execute("SELECT ledger_partition($1)", sent_at // 86_400)
        await sound.store.pool.execute(
            "INSERT INTO ledger (send, sent_at, account, application, outcomes) "
            "SELECT gen_random_uuid(), $2, account, application, 1 FROM accounts WHERE grant_id = $1",
            sound.stopped.id,
            sent_at,
        )


async def an_actuator_that_was_never_set_up(sound: Ward) -> None:
    for one in (await sound.place.rule(Made.LIMIT_RULE),):
        await sound.world.client.delete_rule(one.id)
        await sound.store.inventory.remove(APPLICATION, Made.LIMIT_RULE, one.id)


async def no_actuator_that_stops(sound: Ward) -> None:
    sound.configure(more='actuators = ["limit"]')


async def a_configured_quarantine_that_is_not_there(sound: Ward) -> None:
    sound.configure(cell="w-gone")


async def another_installation_s_things(sound: Ward) -> None:
    await sound.world.client.create_list(Names("installation-2").block_list, "address")


async def a_list_there_twice(sound: Ward) -> None:
    await sound.world.client.create_list(NAMES.block_list, "address")


async def no_room_for_what_is_missing(sound: Ward) -> None:
    await sound.world.client.delete_rule((await sound.place.rule(Made.LIMIT_RULE)).id)
    for number in range(4):
        await sound.world.client.create_rule(f"theirs {number}", (await sound.place.rule()).content)


async def a_webhook_without_triggers(sound: Ward) -> None:
    [webhook] = sound.world.application.destinations
    webhook.trigger_types = [one for one in webhook.trigger_types if "bounced" not in one]


def a_webhook_that_is(status: str) -> Callable[[Ward], Awaitable[None]]:
    async def plant(sound: Ward) -> None:
        [webhook] = sound.world.application.destinations
        webhook.status = status  # type: ignore[assignment] # one of the platform's

    return plant


async def a_webhook_to_another_address(sound: Ward) -> None:
    sound.configure(public_url="https://breaker.example")


async def no_webhook(sound: Ward) -> None:
    [webhook] = await sound.world.client.webhooks()
    await sound.world.client.delete_webhook(webhook.id)


async def no_secret(sound: Ward) -> None:
    (sound.file.parent / "secrets" / "webhook_secrets").unlink()


def signed(how: Signing, *, packed: bool = False, compressed: bool = False) -> Callable[[Ward], Awaitable[None]]:
    async def plant(sound: Ward) -> None:
        [webhook] = sound.world.application.destinations
        webhook.compressed_delivery = compressed
        await sound.store.pool.execute(
            "INSERT INTO signings VALUES ($1, $2, 3, $3, $4)", APPLICATION, how, sound.store.clock.now() - 60, packed
        )

    return plant


async def a_daemon_that_is_gone(sound: Ward) -> None:
    await sound.store.pool.execute("UPDATE daemons SET seen_at = seen_at - $1::float8", HOUR)


async def a_daemon_that_only_observes(sound: Ward) -> None:
    await sound.live(observe_only=True)


async def a_daemon_without_a_key(sound: Ward) -> None:
    await sound.live(guarding=Guarding(NAMES.installation, acts=False))


async def a_daemon_that_has_not_learnt_its_application(sound: Ward) -> None:
    await sound.live(guarding=Guarding("", acts=True))


async def a_daemon_of_another_installation(sound: Ward) -> None:
    await sound.live("daemon-2", guarding=Guarding("installation-2", acts=True))


async def a_daemon_that_observes_where_the_configuration_says_enforce(sound: Ward) -> None:
    await sound.live(guarding=Guarding(NAMES.installation, acts=True, observing=("",)))


async def a_daemon_of_another_application(sound: Ward) -> None:
    await sound.live("daemon-2", application="app-2")


async def a_daemon_whose_clock_differs(sound: Ward) -> None:
    await sound.live(ahead=HOUR)


async def a_person_s_mode_observe(sound: Ward) -> None:
    await sound.store.pool.execute(
        "INSERT INTO modes SELECT application, 'workspace', $1, 'observe', 'not yet', 'ada', 0, NULL FROM applications",
        sound.sales.workspace_id,
    )


async def a_hold(sound: Ward) -> None:
    await sound.store.pool.execute("INSERT INTO holds (reason, author, set_at) VALUES ('strange numbers', 'ada', 0)")


async def a_feed_that_is_blind(sound: Ward) -> None:
    await sound.store.pool.execute(
        """
        INSERT INTO feeds (application, known_since, listening_since, listened_at)
        SELECT application, 0, $1, $1 FROM applications
        """,
        sound.store.clock.now(),
    )
    await sound.store.pool.execute(
        """
        INSERT INTO feed_gaps (application, begins_at, cause, why, found_at, seen_at)
        SELECT application, 0, 'silence', 'nothing was heard for 40 minutes', 0, 0 FROM applications
        """
    )


async def a_feed_that_is_silent_though_mail_is_delivered(sound: Ward) -> None:
    await sound.store.pool.execute(
        """
        INSERT INTO feeds (application, known_since, listening_since, listened_at)
        SELECT application, 0, $1, $1 FROM applications
        """,
        sound.store.clock.now() - HOUR,
    )
    message = sound.world.application.send(sound.sender.id, ["jane@example.org"])
    delivered = notifications.delivered(message.recipients, int(sound.store.clock.now() - 1_000))
    sound.world.application.activity.record(delivered.happened_to(message))


async def a_command_that_waits_for_long(sound: Ward) -> None:
    await sound.store.pool.execute(
        "UPDATE commands SET ended_at = NULL, ended = NULL, created_at = created_at - $1", HOUR
    )


async def a_domain_that_is_not_verified(sound: Ward) -> None:
    await sound.store.pool.execute(
        "INSERT INTO unverified_domains SELECT application, 'x.example', $1 FROM applications", sound.store.clock.now()
    )


async def no_api_key(sound: Ward) -> None:
    sound.file.write_text(sound.file.read_text().replace('api_key = "nyk_v0_test"', ""))


async def a_key_that_was_revoked(sound: Ward) -> None:
    sound.configure(key="nyk_v0_revoked")


async def a_key_of_another_application(sound: Ward) -> None:
    sound.world.platform.add_application("app-2", "nyk_v0_other")
    sound.configure(key="nyk_v0_other")


async def a_platform_that_fails(sound: Ward) -> None:
    sound.world.fault(FaultKind.STATUS, status=503, path="/v3/rules")


async def a_teardown(sound: Ward) -> None:
    await done(sound.place.tear_down(quarantines=(sound.cell.workspace_id,)))


FAULTS: dict[Callable[[Ward], Awaitable[None]], list[tuple[str, str]]] = {
    a_quarantine_without_a_policy: [("quarantine_without_policy", "policy_id")],
    the_default_workspace_without_a_policy: [("default_without_policy", "policy_id")],
    a_rule_disabled: [("rule_disabled", "breaker setup")],
    the_limiting_rule_disabled: [("rule_disabled", "breaker setup")],
    a_rule_that_does_something_else: [("rule_changed", "breaker setup")],
    a_rule_without_its_list(Made.RULE, Made.LIST): [("rule_without_list", "breaker setup")],
    a_rule_without_its_list(Made.RULE, Made.DOMAIN_LIST): [("rule_without_list", "breaker setup")],
    a_rule_without_its_list(Made.LIMIT_RULE, Made.LIMIT_LIST): [("rule_without_list", "breaker setup")],
    a_list_deleted(Made.LIST): [("list_missing", "breaker setup")],
    a_list_deleted(Made.LIMIT_LIST): [("list_missing", "breaker setup")],
    a_list_deleted(Made.DOMAIN_LIST): [("list_missing", "breaker setup")],
    a_rule_deleted: [("rule_missing", "breaker setup")],
    rules_detached: [("unprotected", "breaker setup")],
    a_new_workspace: [("unprotected", "breaker setup")],
    an_account_in_no_workspace: [("unprotected", "workspace_id")],
    an_account_in_quarantine_that_is_not_stopped: [("wrong_workspace", "workspace_id")],
    a_stopped_account_out_of_quarantine: [("wrong_workspace", "workspace_id")],
    a_home_that_is_gone: [("home_gone", "--home WORKSPACE")],
    a_stopped_account_taken_out_of_the_list: [("not_listed", "/items")],
    a_stopped_account_that_goes_on_sending: [("stop_leaks", "breaker explain")],
    an_actuator_that_was_never_set_up: [("never_set_up", "breaker setup")],
    no_actuator_that_stops: [("no_actuator", "BREAKER_ACTUATORS")],
    a_configured_quarantine_that_is_not_there: [
        ("workspace_gone", "check-config"),
        ("wrong_workspace", "workspace_id"),
    ],
    a_daemon_that_has_not_learnt_its_application: [("daemon_knows_no_application", "BREAKER_NYLAS_API_KEY")],
    another_installation_s_things: [("other_installation", "--take-over")],
    a_list_there_twice: [("made_twice", "BREAKER_INSTALLATION")],
    no_room_for_what_is_missing: [("no_room", "larger plan"), ("rule_missing", "breaker setup")],
    a_webhook_without_triggers: [("webhook_triggers", "breaker setup")],
    a_webhook_that_is("failing"): [("webhook_failing", "breaker serve")],
    a_webhook_that_is("failed"): [("webhook_failed", "breaker backfill")],
    a_webhook_that_is("pause"): [("webhook_inactive", "breaker setup")],
    a_webhook_to_another_address: [("webhook_url", "breaker setup")],
    no_webhook: [("webhook_missing", "breaker setup")],
    no_secret: [("no_secret", "breaker setup")],
    signed(Signing.WRONG_SECRET): [("signature_wrong_secret", "BREAKER_WEBHOOK_SECRETS")],
    signed(Signing.RESERIALISED): [("signature_reserialised", "byte for byte")],
    signed(Signing.UNPACKED): [("signature_unpacked", "gzip")],
    signed(Signing.WRONG_SECRET, compressed=True): [("signature_unpacked", "gzip")],
    signed(Signing.WRONG_SECRET, compressed=True, packed=True): [("signature_wrong_secret", "BREAKER_WEBHOOK_SECRETS")],
    signed(Signing.MISSING): [("signature_missing", "X-Nylas-Signature")],
    a_daemon_that_is_gone: [("daemon_not_running", "breaker serve")],
    a_daemon_that_only_observes: [("embedded_only_observes", "--embedded")],
    a_daemon_without_a_key: [("daemon_cannot_act", "BREAKER_NYLAS_API_KEY")],
    a_daemon_of_another_installation: [("other_installation", "BREAKER_INSTALLATION")],
    a_daemon_that_observes_where_the_configuration_says_enforce: [("mode_not_in_force", "HUP")],
    a_daemon_of_another_application: [("daemon_guards_another", "restart")],
    a_daemon_whose_clock_differs: [("clocks_differ", "timedatectl")],
    a_person_s_mode_observe: [("observed_by_hand", "breaker mode workspace:")],
    a_hold: [("on_hold", "breaker hold off")],
    a_feed_that_is_blind: [("feed_blind", "breaker backfill")],
    a_feed_that_is_silent_though_mail_is_delivered: [("feed_stale", "breaker backfill")],
    a_command_that_waits_for_long: [("not_confirmed", "breaker status")],
    a_domain_that_is_not_verified: [("domain_not_verified", "DNS")],
    no_api_key: [("no_api_key", "BREAKER_NYLAS_API_KEY")],
    a_key_that_was_revoked: [("key_rejected", "BREAKER_NYLAS_API_KEY")],
    a_key_of_another_application: [("other_application", "BREAKER_APPLICATION_ID")],
    a_platform_that_fails: [("platform_unreadable", "BREAKER_NYLAS_API_URL")],
    a_teardown: [("unarmed", "breaker setup")],
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__qualname__.partition(".")[0])
async def test_a_fault_is_found_with_its_fix(sound: Ward, plant: Callable[[Ward], Awaitable[None]]) -> None:
    await plant(sound)

    found = sorted(await sound.findings(), key=lambda one: one.kind)

    expected = sorted(FAULTS[plant])
    assert [one.kind for one in found] == [kind for kind, _ in expected], found
    assert [fix in one.fix for one, (_, fix) in zip(found, expected, strict=True)] == [True] * len(expected), found


class Ahead:
    """A clock of a machine that is an hour ahead."""

    def __init__(self, sound: Ward) -> None:
        self._clock = sound.store.clock

    def now(self) -> float:
        return self._clock.now() + HOUR

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


async def test_clocks_that_differ_are_told_with_whose_it_is(sound: Ward) -> None:
    found = await sound.findings(Ahead(sound))

    assert [one.sentence.partition(" is ")[0] for one in found] == [
        "the platform's clock",
        "the database's clock",
        "the clock of the daemon daemon-1",
    ]
    assert {one.kind for one in found} == {"clocks_differ"}


async def test_a_person_s_mode_where_the_configuration_only_observes_is_as_it_should_be(sound: Ward) -> None:
    await a_person_s_mode_observe(sound)
    sound.configure(mode="observe")

    assert await sound.findings() == []


async def test_an_attachment_that_was_left_over_arms_nothing(sound: Ward) -> None:
    await a_teardown(sound)
    left = InventoryItem(Made.ATTACHMENT, sound.sales.workspace_id, {"name": "Sales", "rules": []}, 0.0)
    await sound.store.inventory.add(APPLICATION, left)

    assert await sound.kinds() == ["unarmed"]


async def test_what_stood_wrong_before_right_signatures_came_is_told_no_more(sound: Ward) -> None:
    now = sound.store.clock.now()
    await sound.store.pool.executemany(
        "INSERT INTO signings VALUES ($1, $2, 5, $3, false)",
        [(APPLICATION, Signing.WRONG_SECRET, now - 2 * HOUR), (APPLICATION, Signing.RIGHT, now - HOUR)],
    )

    assert await sound.findings() == []
