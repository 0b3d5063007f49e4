"""Workspaces: what groups grants and carries one policy and an array of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from breaker.simulator.errors import ErrorFamily
from breaker.simulator.options import WorkspaceGeneration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breaker.simulator.state.base import Json, Surroundings

_ERRORS = ErrorFamily.MANAGEMENT


class WorkspaceCreation(msgspec.Struct):
    """The body that creates a workspace."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    domain: str | None = None
    auto_group: bool | None = None
    policy_id: str | None = None
    rule_ids: list[str] | None = None


class WorkspaceChange(msgspec.Struct):
    """The body that changes a workspace: what is omitted stays, null detaches."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    domain: str | msgspec.UnsetType | None = msgspec.UNSET
    auto_group: bool | msgspec.UnsetType = msgspec.UNSET
    policy_id: str | msgspec.UnsetType | None = msgspec.UNSET
    rule_ids: list[str] | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(slots=True)
class Workspace:
    """A group of grants; `domain` is None where it was made without one."""

    workspace_id: str
    application_id: str
    sequence: int
    name: str
    domain: str | None
    auto_group: bool
    default: bool
    created_at: int
    updated_at: int
    policy_id: str | None = None
    rule_ids: list[str] = field(default_factory=list)

    def as_json(self, missing_domain: str | None = None) -> Json:
        """Return it as the platform shows it (SPEC WorkspaceObject)."""
        shown: Json = {
            "workspace_id": self.workspace_id,
            "application_id": self.application_id,
            "name": self.name,
            "domain": self.domain or missing_domain,
            "auto_group": self.auto_group,
            "default": self.default,
            "rule_ids": list(self.rule_ids),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.policy_id is not None:
            shown["policy_id"] = self.policy_id
        return shown


class Workspaces:
    """The workspaces of one application, the default one among them from the start.

    Args:
        surroundings: What every part of the application is given.
        has_policy: Tells whether a policy belongs to the application.
        has_rule: Tells whether a rule belongs to the application.
    """

    def __init__(
        self, surroundings: Surroundings, has_policy: Callable[[str], bool], has_rule: Callable[[str], bool]
    ) -> None:
        self._surroundings = surroundings
        self._has_policy = has_policy
        self._has_rule = has_rule
        self._by_id: dict[str, Workspace] = {}
        self.default = self._add("Default workspace", domain=None, auto_group=False, default=True)

    def __iter__(self) -> Iterator[Workspace]:
        return iter(self._by_id.values())

    def create(self, body: WorkspaceCreation) -> Workspace:
        """Create a workspace by the rules of the generation in force.

        Raises:
            ApiError: 400, with the platform's reason.
        """
        old = self._surroundings.options.workspaces is WorkspaceGeneration.DOMAIN_REQUIRED
        if body.name is msgspec.UNSET or not body.name.strip():
            raise _ERRORS.bad_request("name is required")
        domain = body.domain.strip().lower() if body.domain else None
        if old and domain is None:
            raise _ERRORS.bad_request("domain is required")
        if domain is not None and any(workspace.domain == domain for workspace in self):
            raise _ERRORS.bad_request("a workspace already exists for the application and domain")
        auto_group = old if body.auto_group is None else body.auto_group
        if auto_group and domain is None:
            raise _ERRORS.bad_request("auto_group requires a domain")
        self._check_references(body.policy_id, body.rule_ids)
        workspace = self._add(body.name.strip(), domain=domain, auto_group=auto_group, default=False)
        workspace.policy_id = body.policy_id
        workspace.rule_ids = list(body.rule_ids or [])
        return workspace

    def get(self, id_or_domain: str) -> Workspace:
        """Return a workspace by its id or its domain, as `GET` and `DELETE` take either (SDK).

        Raises:
            ApiError: Not found.
        """
        known = self._by_id.get(id_or_domain)
        if known is None:
            known = next((one for one in self if one.domain and one.domain == id_or_domain.lower()), None)
        if known is None:
            raise _ERRORS.not_found("workspace")
        return known

    def by_id(self, workspace_id: str) -> Workspace:
        """Return a workspace by its id alone.

        Raises:
            ApiError: Not found.
        """
        known = self._by_id.get(workspace_id)
        if known is None:
            raise _ERRORS.not_found("workspace")
        return known

    def find(self, workspace_id: str | None) -> Workspace | None:
        """Return a workspace by its id, or None where there is none."""
        return None if workspace_id is None else self._by_id.get(workspace_id)

    def change(self, workspace_id: str, body: WorkspaceChange) -> Workspace:
        """Change a workspace; `rule_ids` replaces the whole array.

        Raises:
            ApiError: 400 or not found, with nothing changed.
        """
        workspace = self.by_id(workspace_id)
        if body == WorkspaceChange():
            raise _ERRORS.bad_request("at least one field is required")  # SDK, Python
        if body.domain is not msgspec.UNSET and body.domain != workspace.domain:
            raise _ERRORS.bad_request("domain cannot be changed")
        if workspace.default and (body.name is not msgspec.UNSET or body.auto_group is not msgspec.UNSET):
            raise _ERRORS.bad_request("only policy_id and rule_ids can be updated on the default workspace")
        if body.auto_group is True and workspace.domain is None:
            raise _ERRORS.bad_request("auto_group requires a domain")
        self._check_references(
            None if body.policy_id is msgspec.UNSET else body.policy_id,
            None if body.rule_ids is msgspec.UNSET else body.rule_ids,
        )
        if body.name is not msgspec.UNSET:
            workspace.name = body.name
        if body.auto_group is not msgspec.UNSET:
            workspace.auto_group = body.auto_group
        if body.policy_id is not msgspec.UNSET:
            workspace.policy_id = body.policy_id
        if body.rule_ids is not msgspec.UNSET:
            workspace.rule_ids = list(dict.fromkeys(body.rule_ids or []))
        workspace.updated_at = self._surroundings.now()
        return workspace

    def remove(self, id_or_domain: str) -> Workspace:
        """Remove a workspace; what becomes of its grants is the application's affair.

        Raises:
            ApiError: 400 for the default workspace, or not found.
        """
        workspace = self.get(id_or_domain)
        if workspace.default:
            raise _ERRORS.bad_request("the default workspace cannot be deleted")
        del self._by_id[workspace.workspace_id]
        return workspace

    def placement(self, email: str) -> Workspace:
        """Return where a new grant goes that named no workspace: by its domain where that groups, else the default."""
        domain = email.rpartition("@")[2]
        return next((one for one in self if one.auto_group and one.domain == domain), self.default)

    def detach_rule(self, rule_id: str) -> None:
        """Take a rule out of every workspace's array."""
        for workspace in self:
            if rule_id in workspace.rule_ids:
                workspace.rule_ids = [one for one in workspace.rule_ids if one != rule_id]

    def _check_references(self, policy_id: str | None, rule_ids: list[str] | None) -> None:
        if policy_id is not None and not self._has_policy(policy_id):
            raise _ERRORS.bad_request("policy_id does not belong to the application")
        if not all(self._has_rule(rule_id) for rule_id in rule_ids or []):
            raise _ERRORS.bad_request("rule_ids contains a rule that does not belong to the application")

    def _add(self, name: str, *, domain: str | None, auto_group: bool, default: bool) -> Workspace:
        now = self._surroundings.now()
        workspace = Workspace(
            workspace_id=self._surroundings.identifiers.unique(),
            application_id=self._surroundings.application_id,
            sequence=self._surroundings.next_sequence(),
            name=name,
            domain=domain,
            auto_group=auto_group,
            default=default,
            created_at=now,
            updated_at=now,
        )
        self._by_id[workspace.workspace_id] = workspace
        return workspace
