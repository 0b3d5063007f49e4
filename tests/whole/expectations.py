"""What has to hold whatever happens: after every step, and once faults have ended and time has gone on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.platform.commands import Actuator
from tests.whole.world import APPLICATION, BYSTANDERS, NAMES, WANTED, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

STOPPED, LIMITED, DOMAINS = "stopped accounts", "limited accounts", "stopped domains"

_STANDING = f"""
    SELECT a.account, a.address, a.grant_id, a.workspace_id, a.home_workspace_id, a.grant_deleted_at,
           c.state, c.epoch, c.confirmed, {WANTED} AS wanted,
           EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.epoch = c.epoch AND o.ended = 'given_up')
               AS given_up,
           (SELECT detector FROM verdicts v
            WHERE v.account = c.account AND v.held_by IS NULL AND v.from_state <> v.to_state ORDER BY v.id DESC LIMIT 1)
               AS decided_by,
           EXISTS (SELECT FROM domain_stand_ins s WHERE s.address = a.address) AS stands_in,
           (t.left_at IS NOT NULL OR t.put_back_at IS NULL) AND t.account IS NOT NULL AS left_to_people
    FROM accounts a JOIN circuits c USING (account) LEFT JOIN put_backs t ON t.account = c.account AND t.epoch = c.epoch
    WHERE a.merged_into IS NULL AND a.address IS NOT NULL
    ORDER BY a.account
"""

_OPEN = """
    SELECT o.kind, coalesce(a.address, o.domain) AS about, o.epoch, o.attempts, o.error
    FROM commands o LEFT JOIN accounts a USING (account)
    WHERE o.ended_at IS NULL ORDER BY o.id
"""

_STOPPED_DOMAINS = """
    SELECT d.domain, d.confirmed,
           EXISTS (SELECT FROM put_backs t
                   WHERE t.domain = d.domain AND t.epoch = d.epoch AND (t.left_at IS NOT NULL OR t.put_back_at IS NULL))
               AS left_to_people
    FROM domain_circuits d WHERE coalesce(d.permitted, d.state) IN ('stopped', 'probing')
"""

# Made by nobody, applied, and freer than before: a mode other than `enforce`, or a hold, has to keep it from happening.
_LET_GO_BY_ITSELF = """
    SELECT v.id, a.account, a.address, a.domain, coalesce(a.home_workspace_id, a.workspace_id) AS workspace, v.at,
           v.from_state, v.to_state, v.why
    FROM verdicts v JOIN accounts a USING (account)
    WHERE v.id > $1 AND v.author IS NULL AND v.held_by IS NULL
      AND v.detector NOT IN ('platform', 'operator', 'recovery')
      AND (v.from_state, v.to_state) IN (('stopped', 'probing'), ('limited', 'probing'), ('probing', 'sending'),
                                         ('stopped', 'sending'), ('limited', 'sending'), ('limited', 'warned'),
                                         ('stopped', 'limited'))
    ORDER BY v.id
"""


@dataclass
class Expectations:
    """What was seen before, to compare with.

    Attributes:
        epochs: The largest epoch seen, by account.
        looked_at: The last verdict looked at.
    """

    epochs: dict[int, int]
    looked_at: int = 0

    @classmethod
    def new(cls) -> Expectations:
        """Have seen nothing."""
        return cls({})

    async def after_a_step(self, world: World) -> None:
        """Check what holds at any time."""
        assert not world.released, f"let go though they are wanted held: {world.released}"
        standing = await world.database.fetch(_STANDING)
        for one in standing:
            before = self.epochs.get(one["account"], 0)
            assert one["epoch"] >= before, f"the epoch of {one['address']} went back from {before} to {one['epoch']}"
            self.epochs[one["account"]] = one["epoch"]
            if world.touched.get(one["address"], one["epoch"]) < one["epoch"]:
                del world.touched[one["address"]]  # it was decided about since
            if problem := _told_wrongly(world, one):
                raise AssertionError(problem)
        await self._let_go_by_itself(world)
        _bystanders(world)

    async def unsettled(self, world: World) -> bool:
        """Tell whether something is still under way."""
        standing = await world.database.fetch(_STANDING)
        return bool(await world.database.fetch(_OPEN)) or any(
            one["confirmed"] != one["wanted"] and _is_there(world, one) and not _is_excused(one) for one in standing
        )

    async def in_the_end(self, world: World) -> None:
        """Check what holds once nothing is in the way any more."""
        open_ = [dict(one) for one in await world.database.fetch(_OPEN)]
        assert not open_, f"commands are still open: {open_}"
        standing = [one for one in await world.database.fetch(_STANDING) if _is_there(world, one)]
        for one in standing:
            assert one["confirmed"] == one["wanted"] or _is_excused(one), f"not confirmed: {dict(one)}"
        world.touched.clear()
        await self.after_a_step(world)
        await _lists_agree(world, await world.database.fetch(_STANDING))
        await _domains_agree(world)

    async def _let_go_by_itself(self, world: World) -> None:
        rows = await world.database.fetch(_LET_GO_BY_ITSELF, self.looked_at)
        for one in rows:
            self.looked_at = one["id"]
            modes = {
                row["scope"]: row["mode"]
                for row in await world.database.fetch(
                    """
                SELECT scope, mode FROM modes
                WHERE set_at < $1 - 2 AND (expires_at IS NULL OR expires_at > $1)
                  AND (scope, name) IN (('account', $2), ('domain', $3), ('workspace', $4), ('application', $5))
                """,
                    one["at"],
                    str(one["account"]),
                    one["domain"],
                    one["workspace"] or "",
                    APPLICATION,
                )
            }
            mode = next(
                (modes[scope] for scope in ("account", "domain", "workspace", "application") if scope in modes),
                "enforce",
            )
            assert mode == "enforce", f"in mode {mode}: {dict(one)}"


def _is_there(world: World, one: asyncpg.Record) -> bool:
    """Tell whether an account can be held on the platform."""
    grant = world.application.grants.by_address(one["address"])
    return grant is not None and grant.id == one["grant_id"] and grant.provider == "nylas"


def _is_excused(one: asyncpg.Record) -> bool:
    """Tell whether it is shown that nothing holds an account: a stranger took it off again, or Breaker may not act."""
    return bool(one["left_to_people"]) and one["confirmed"] is None


def _quarantines(world: World) -> set[str]:
    return {one.workspace_id for one in world.application.workspaces if NAMES.home_of(one.name)}


def _told_wrongly(world: World, one: asyncpg.Record) -> str | None:
    """Return what is shown as confirmed and is not so, where no stranger has had a hand in it."""
    address, confirmed = one["address"], one["confirmed"]
    if confirmed is None or not _is_there(world, one) or address in world.touched:
        return None
    grant = world.application.grants.by_address(address)
    assert grant is not None
    moved = grant.workspace_id in _quarantines(world)
    # Who stands in for his domain is blocked in its place, whatever is wanted of himself.
    blocked = address in world.listed(STOPPED) and (confirmed == "stopped" or not one["stands_in"])
    held = (blocked, address in world.listed(LIMITED), moved)
    # What was found blocked is taken as it was found.
    moves = moved if one["decided_by"] == "platform" else Actuator.QUARANTINE in _actuators(world, one)
    right: Mapping[str, Sequence[tuple[bool, bool, bool]]] = {
        "stopped": [(True, False, moves), (True, True, moves)],
        "limited": [(False, True, False)],
        "sending": [(False, False, False)],
    }
    if held in right[confirmed]:
        return None
    return f"{address} is shown as {confirmed}, and (blocked, limited, in quarantine) is {held}: {dict(one)}"


def _actuators(world: World, one: asyncpg.Record) -> frozenset[Actuator]:
    [application] = world.settings.guarded_applications()
    return application.workspace(one["home_workspace_id"] or one["workspace_id"]).actuators


def _bystanders(world: World) -> None:
    listed = world.listed(STOPPED) | world.listed(LIMITED)
    assert not listed & set(BYSTANDERS), f"bystanders are listed: {listed & set(BYSTANDERS)}"


async def _lists_agree(world: World, standing: Sequence[asyncpg.Record]) -> None:
    """Compare the lists with what is wanted; who is gone may stay in them as long as he would be stopped."""
    there = {one["address"]: one["wanted"] for one in standing if _is_there(world, one) and not _is_excused(one)}
    known = {one["address"]: one["wanted"] for one in standing}
    blocked, slowed = world.listed(STOPPED), world.listed(LIMITED)
    missing = {address for address, wanted in there.items() if wanted == "stopped"} - blocked
    assert not missing, f"wanted stopped and not blocked: {missing}"
    missing = {address for address, wanted in there.items() if wanted == "limited"} - slowed
    assert not missing, f"wanted limited and not so: {missing}"
    stand_ins = {one["address"] for one in standing if one["stands_in"]}
    too_many = {one for one in blocked - stand_ins if known.get(one) != "stopped"}
    assert not too_many, f"blocked and not wanted stopped: {too_many}"
    too_many = {one for one in slowed if known.get(one) not in {"limited", "stopped"}}
    assert not too_many, f"limited and not wanted so: {too_many}"


async def _domains_agree(world: World) -> None:
    stopped = {one["domain"] for one in await world.database.fetch(_STOPPED_DOMAINS) if not one["left_to_people"]}
    left = {one["domain"] for one in await world.database.fetch(_STOPPED_DOMAINS) if one["left_to_people"]}
    assert stopped <= world.listed(DOMAINS) <= stopped | left, f"stopped {stopped}, listed {world.listed(DOMAINS)}"
