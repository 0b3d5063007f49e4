"""A small world: a database, a simulated platform, daemons and a shell, all of them processes of their own."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.acceptance.notifications import APPLICATION, Sender
from tests.acceptance.processes import Running, Said, run, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import aiohttp

KEY = "nyk_simulated"
TOKEN = "token-of-ada-for-the-acceptance"
READER = "token-of-eve-for-the-acceptance"
_TIMES = frozenset({"created_at", "updated_at", "status_updated_at"})
ENFORCING = {"BREAKER_MODE": "enforce", "BREAKER_ACTUATORS": "block,quarantine"}


@dataclass(slots=True)
class Platform:
    """The simulated platform, from outside.

    Attributes:
        running: Its process.
        url: Where it listens.
        session: The HTTP session.
    """

    running: Running
    url: str
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Make one API call as the application's own program would; return status and answer."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Return all items of a list, page by page."""
        found: list[dict[str, Any]] = []
        query = "?limit=100"
        while True:
            status, answer = await self.call("GET", path + query)
            if status == 429:  # whoever asks again and again shares the platform's requests with the daemon
                await asyncio.sleep(1)
                continue
            assert status == 200, answer
            found += answer["data"]
            if not answer["data"] or not answer.get("next_cursor"):
                return found
            query = f"?limit=100&page_token={answer['next_cursor']}"

    async def tell(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever it answers
        """Have something happen in the simulated world."""
        async with self.session.request(method, f"{self.url}/simulator/{path}", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return told

    async def accounts(self) -> list[dict[str, Any]]:
        """Return all accounts, in the order in which they were made."""
        accounts: list[dict[str, Any]] = (await self.tell("GET", "state"))["applications"][0]["accounts"]
        return accounts

    async def place_of(self, address: str) -> str:
        """Return the workspace that an account is in."""
        return str(next(one["workspace_id"] for one in await self.accounts() if one["email"] == address))

    async def burst(self, address: str, **order: object) -> dict[str, Any]:
        """Have an account send, and return what came of it."""
        burst: dict[str, Any] = await self.tell("POST", "bursts", {"grant_id": address, **order})
        return burst

    async def deliveries(self) -> Counter[str]:
        """Return how many webhook deliveries there were, by the status of their answer."""
        return Counter((await self.tell("GET", "state"))["deliveries"]["statuses"])

    async def delivered(self, number: int) -> float:
        """Return the moment, by the loop's clock, at which so many notifications have been answered 200."""

        async def enough() -> bool:
            return (await self.deliveries())["200"] >= number

        await until(f"{number} notifications are taken", enough)
        return asyncio.get_running_loop().time()

    async def changes(self) -> list[tuple[str, str, int]]:
        """Return method, path and status of every API call that changes something."""
        calls = await self.tell("GET", "journal?changing=true")
        return [(call["method"], call["path"], call["status"]) for call in calls]

    async def forget_calls(self) -> None:
        """Begin the journal anew."""
        await self.tell("DELETE", "journal")

    async def blocked(self) -> dict[str, list[str]]:
        """Return the values of every list, by the list's name."""
        lists = await self.all("/v3/lists")
        return {one["name"]: await self._values(one["id"]) for one in lists}

    async def books(self) -> dict[str, Any]:
        """Return everything that there is in the application, moments left out."""
        resources = ("lists", "rules", "workspaces", "webhooks", "policies", "grants")
        books: dict[str, Any] = {name: await self.all(f"/v3/{name}") for name in resources}
        books["values"] = await self.blocked()
        timeless: dict[str, Any] = _without_times(books)
        return timeless

    async def send(self, address: str, **rest: object) -> tuple[int, Any]:
        """Have an account try to send one message, with what else is in its body."""
        grant_id = next(one["grant_id"] for one in await self.accounts() if one["email"] == address)
        message = {"to": [{"email": "somebody@recipients.example.org"}], "subject": "Hello", "body": "Hello"}
        return await self.call("POST", f"/v3/grants/{grant_id}/messages/send", message | rest)

    async def _values(self, list_id: str) -> list[str]:
        return sorted(one["value"] for one in await self.all(f"/v3/lists/{list_id}/items"))


@dataclass(slots=True)
class Daemon:
    """A daemon, from outside.

    Attributes:
        running: Its process.
        webhooks: Where its webhook listener is, as a base address.
        admin: Where its admin listener is.
        session: The HTTP session.
    """

    running: Running
    webhooks: str
    admin: str
    session: aiohttp.ClientSession

    async def get(self, path: str, token: str | None = TOKEN) -> tuple[int, Any]:
        """Ask the admin listener."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.get(self.admin + path, headers=headers) as answer:
            return answer.status, await answer.json()

    async def act(self, token: str | None = TOKEN, **action: object) -> tuple[int, Any]:
        """Ask for an act."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(f"{self.admin}/api/v1/actions", json=action, headers=headers) as answer:
            return answer.status, await answer.json()

    async def account(self, name: str) -> dict[str, Any] | None:
        """Return an account, or None while it is not known."""
        status, answer = await self.get(f"/api/v1/accounts/{name}")
        if status == 404:
            return None
        assert status == 200, answer
        account: dict[str, Any] = answer
        return account

    async def known(self, name: str) -> dict[str, Any]:
        """Return an account that has to be known."""
        account = await self.account(name)
        assert account is not None
        return account

    async def counts(self, name: str) -> tuple[int, int]:
        """Return how many hard bounces of how many sends an account has."""
        bounce = (await self.known(name))["signals"]["bounce"]
        return bounce["hard_bounces"], bounce["sends"]

    async def confirmed(self, name: str, wanted: str, seconds: float = 30.0) -> dict[str, Any]:
        """Return an account once the platform was read back and shows what is wanted."""

        async def settled() -> dict[str, Any] | None:
            account = await self.account(name)
            enforcement = account["enforcement"] if account else {}
            return account if enforcement.get("wanted") == enforcement.get("confirmed") == wanted else None

        account: dict[str, Any] = await until(f"{name} is read back as {wanted}", settled, seconds)
        return account

    async def metrics(self) -> dict[str, float]:
        """Return all samples, by name and labels as they are written."""
        async with self.session.get(f"{self.admin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        samples = (re.fullmatch(r"(\S+?(?:\{.*\})?) (\S+)", line) for line in lines if not line.startswith("#"))
        return {sample[1]: float(sample[2]) for sample in samples if sample}

    async def total(self, metric: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        samples = (await self.metrics()).items()
        return sum(
            value for name, value in samples if name.partition("{")[0] == metric and all(one in name for one in wanted)
        )


@dataclass(slots=True)
class World:
    """Everything that a test can start; it is ended with the world.

    Attributes:
        folder: Where it keeps its files.
        session: The HTTP session.
        environment: What every process finds configured.
        processes: What was started.
    """

    folder: Path
    session: aiohttp.ClientSession
    environment: dict[str, str]
    processes: list[Running] = field(default_factory=list)

    def start(self, command: str, *arguments: str, **environment: str) -> Running:
        """Start a command that runs until it is told to end."""
        name = f"{command}-{len(self.processes)}"
        running = Running(name, (command, *arguments), self.environment | environment, self.folder)
        self.processes.append(running)
        return running

    async def breaker(self, *arguments: str, **environment: str) -> Said:
        """Run a command to its end."""
        return await run(arguments, self.environment | environment)

    async def platform(self, *arguments: str) -> Platform:
        """Start a simulated platform, and have every later process know it."""
        running = self.start("simulate", "--port", "0", "--api-key", KEY, *arguments)

        async def announced() -> str | None:
            running.must_run()
            found = re.search(r"export BREAKER_NYLAS_API_URL=(\S+)\n", running.out)
            return found[1] if found else None

        url = await until("the platform says where it listens", announced)
        self.environment |= {"BREAKER_NYLAS_API_URL": url, "BREAKER_NYLAS_API_KEY": KEY}
        return Platform(running, url, self.session)

    async def daemon(self, *arguments: str, **environment: str) -> Daemon:
        """Start a daemon, and return once it serves."""
        running = self.start("serve", *arguments, **environment)
        serves = await running.said("breaker serves")
        return Daemon(running, f"http://{serves['webhooks']}", f"http://{serves['admin']}", self.session)

    async def set_up(self, daemon: Daemon) -> None:
        """Make what the daemon needs on the platform, and wait until it is ready."""
        said = await self.breaker("setup", BREAKER_PUBLIC_URL=daemon.webhooks)
        assert said.code == 0, said

        async def ready() -> bool:
            return (await daemon.get("/readyz", token=None))[0] == 200

        await until("the daemon is ready", ready)

    async def guarded(self, *fleet: str, **environment: str) -> tuple[Platform, Daemon]:
        """Start a platform and a daemon that acts on it, all set up, and begin the journal anew."""
        self.environment |= ENFORCING | environment
        platform = await self.platform(*fleet)
        daemon = await self.daemon()
        await self.set_up(daemon)
        await platform.forget_calls()
        return platform, daemon

    def sender(self) -> Sender:
        """Return a sender that signs with the secret that `setup` has kept."""
        [secret] = (self.folder / "data" / "secrets" / "webhook_secrets").read_text().split()
        return Sender(self.session, secret)

    def end(self) -> None:
        """End every process that is left; the latest first."""
        for running in reversed(self.processes):
            running.kill()


def environment_of(folder: Path, base: Mapping[str, str], database_url: str | None) -> dict[str, str]:
    """Return what every process of a world finds configured."""
    ours = {
        "BREAKER_DATA_DIR": str(folder / "data"),
        "BREAKER_LISTEN": "127.0.0.1:0",
        "BREAKER_ADMIN_LISTEN": "127.0.0.1:0",
        "BREAKER_ADMIN_TOKENS": f"ada:act:{TOKEN},eve:read:{READER}",
        "BREAKER_APPLICATION_ID": APPLICATION,
        "BREAKER_LOG__FORMAT": "json",
    }
    return {**base, **ours} | ({"BREAKER_DATABASE_URL": database_url} if database_url else {})


def _without_times(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if key not in _TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value
