"""From a daemon that knows no secret to one that guards, and all of it taken back."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING

from tests.acceptance.notifications import Message, Sender, body_of
from tests.acceptance.processes import until
from tests.acceptance.world import ENFORCING

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, World

BAD = "agent-001@agents-1.example.com"


async def test_a_daemon_waits_for_its_secret_and_teardown_leaves_the_platform_as_it_was(world: World) -> None:
    world.environment |= ENFORCING
    platform = await world.platform("--accounts", "4")
    # What is there already has to be there in the end, in the same order.
    status, other = await platform.call("POST", "/v3/rules", OTHER_RULE)
    assert status in {200, 201}, other
    [home] = {await platform.place_of(BAD)}
    status, _ = await platform.call("PATCH", f"/v3/workspaces/{home}", {"rule_ids": [other["data"]["id"]]})
    assert status == 200
    before = await platform.books()
    daemon = await world.daemon()
    body = body_of(
        Message(id="m-1", sender=BAD, sent_at=time.time(), recipient="a@b.example.net", grant_id="grant-1").delivered()
    )

    await _answers_without_a_secret(daemon, body)

    # The plan, then the deed.
    await platform.forget_calls()
    public = {"BREAKER_PUBLIC_URL": daemon.webhooks}
    plan = await world.breaker("setup", "--plan", "--json", **public)
    [planned] = plan.json["applications"]
    assert (plan.code, await platform.changes(), await platform.books()) == (0, [], before)
    done = await world.breaker("setup", "--json", **public)
    assert done.code == 0, done
    assert [one["step"] for one in done.json["applications"][0]["steps"]] == [one["step"] for one in planned["steps"]]
    assert all(one["done"] for one in done.json["applications"][0]["steps"])
    secret_file = world.folder / "data" / "secrets" / "webhook_secrets"
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    [secret] = secret_file.read_text().split()
    assert secret not in done.out + done.err
    sender = Sender(world.session, secret)

    async def taken() -> bool:
        return await sender.post(daemon.webhooks, body) == 200

    await until("the daemon knows the secret", taken)
    assert (await daemon.get("/readyz", token=None))[0] == 200
    [webhook] = await platform.all("/v3/webhooks")
    assert webhook["webhook_url"] == f"{daemon.webhooks}/webhooks/nylas"

    # A second set-up finds everything as it should be.
    after = await platform.books()
    await platform.forget_calls()
    again = await world.breaker("setup", "--json", **public)
    assert (again.code, again.json["applications"][0]["steps"]) == (0, [])
    assert (await platform.changes(), await platform.books()) == ([], after)
    assert secret_file.read_text().split() == [secret]

    # An account is stopped and away from home when all is taken back.
    await platform.burst(BAD, sends=120, hard_bounces=60)
    await daemon.confirmed(BAD, "stopped")
    assert await platform.place_of(BAD) != home
    torn = await world.breaker("teardown", "--yes")
    assert torn.code == 0, torn
    assert await platform.books() == before
    assert (await platform.send(BAD))[0] == 200
    # It says what is, not what it wants.
    account = await daemon.known(BAD)
    assert (account["state"], account["enforcement"]["confirmed"]) == ("stopped", None)
    assert "NOT YET CONFIRMED" in (await world.breaker("explain", BAD)).out


async def _answers_without_a_secret(daemon: Daemon, body: bytes) -> None:
    url = f"{daemon.webhooks}/webhooks/nylas"
    async with daemon.session.post(url, data=body) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    async with daemon.session.get(f"{url}?challenge=c-1%2B2") as answer:
        assert (answer.status, answer.content_type, await answer.text()) == (200, "text/plain", "c-1+2")
    status, readiness = await daemon.get("/readyz", token=None)
    assert (status, "breaker setup" in readiness["checks"]["webhook_secret"]) == (503, True)
    assert (await daemon.get("/livez", token=None))[0] == 200


OTHER_RULE = {
    "name": "the owner's own",
    "trigger": "outbound",
    "priority": 10,
    "match": {
        "operator": "all",
        "conditions": [{"field": "recipient.domain", "operator": "is", "value": "rival.example"}],
    },
    "actions": [{"type": "block"}],
}
