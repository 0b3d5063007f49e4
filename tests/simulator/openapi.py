"""The platform's own OpenAPI file as a judge of the simulated platform's answers.

The file is not ours and not in the repository: its path comes from the environment variable `NYLAS_OPENAPI`. Answers
are held against it more strictly than it asks: a property that it does not name is an error too, unless it is listed
here with the source that names it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from pathlib import Path

Schema = dict[str, Any]

#: Where later or other sources say more than the file of 2026-08: properties added to a schema, by its place.
_ADDITIONS: dict[tuple[str, ...], Schema] = {
    # Changelog 2026-09-24: a workspace may be without a domain.
    ("schemas", "WorkspaceObject"): {"domain": {"type": ["string", "null"]}},
    # SDK (Python): it fails without.
    ("schemas", "transactional_send_message"): {
        field: {"type": kind} for field, kind in (("grant_id", "string"), ("thread_id", "string"), ("date", "integer"))
    },
    # "An example payload": the file names its data alone, a payload is the whole envelope (ASYNC).
    ("responses", "get_mock_payload_200", "content", "application/json", "schema", "properties", "data"): {
        field: {} for field in ("id", "source", "specversion", "time", "type", "webhook_delivery_attempt")
    },
    # The examples beside the schema.
    ("responses", "202", "content", "application/json", "schema"): {"schedule_id": {"type": "string"}},
    # The workspace article; SDKs (Node).
    ("schemas", "GrantRuleEvaluationObject", "properties", "applied_actions"): {
        "blocked_by_evaluation_error": {"type": "boolean"}
    },
    # SDKs: every answer with a destination has its times and its compression.
    **{
        ("responses", name, "content", "application/json", "schema", "properties", "data", *below): {
            field: {"type": kind}
            for field, kind in (
                ("status_updated_at", "integer"),
                ("created_at", "integer"),
                ("updated_at", "integer"),
                ("compressed_delivery", "boolean"),
            )
        }
        for name, below in (
            ("create_200", ()),
            ("get_200", ("items",)),
            ("get_by_id_200", ()),
            ("rotate_secret_200", ()),
        )
    },
}

#: Triggers of the other operations that the schema of one answer forgets.
_WHOLE_TRIGGERS = ("responses", "get_by_id_200", "content", "application/json", "schema", "properties", "data")


class OpenApi:
    """The file, prepared for judging.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._document: Schema = yaml.safe_load(path.read_text(encoding="utf-8"))
        components = self._document["components"]
        for place, properties in _ADDITIONS.items():
            _at(components, place)["properties"].update(properties)
        # Its own examples contradict these two: the data of a page of drafts is an array.
        for name in ("common_response", "common_response_with_cursor"):
            del components["schemas"][name]["properties"]["data"]
        _at(components, _WHOLE_TRIGGERS)["properties"]["trigger_types"] = {"$ref": "#/components/schemas/trigger_types"}
        _strict(components)
        _strict(self._document["paths"])
        assigned = self.operation("POST", "/v3/workspaces/{workspace_id}/manual-assign")["responses"]["200"]
        for field in ("grants_assigned", "grants_removed", "domain"):  # SDK, CLI: null where nothing matched
            found = assigned["content"]["application/json"]["schema"]["properties"]["data"]["properties"][field]
            found["type"] = [found["type"], "null"]

    def operation(self, method: str, template: str) -> Schema:
        """Return what the file says of an operation."""
        found: Schema = self._document["paths"][template][method.lower()]
        return found

    def operations(self) -> set[tuple[str, str]]:
        """Return all operations of the file."""
        methods = {"get", "post", "put", "patch", "delete"}
        return {
            (method.upper(), template)
            for template, item in self._document["paths"].items()
            for method in item
            if method in methods
        }

    def errors(self, method: str, template: str, status: int, body: object) -> list[str]:
        """Return what is wrong with an answer; one of a status that the file does not name is wrong."""
        responses = self.operation(method, template)["responses"]
        if str(status) not in responses:
            return [f"{method} {template}: {status} is not documented"]
        response = self._resolved(responses[str(status)])
        content = response.get("content", {}).get("application/json")
        if content is None:
            return []
        schema = {**copy.deepcopy(content["schema"]), "components": self._document["components"]}
        validator = Draft202012Validator(schema)
        return [
            f"{method} {template} {status}: {error.json_path}: {error.message}" for error in validator.iter_errors(body)
        ]

    def _resolved(self, node: Schema) -> Schema:
        """Return what a reference stands for; the file refers to one answer as a schema that is in truth an answer."""
        while "$ref" in node:
            node = _at(self._document, tuple(node["$ref"].removeprefix("#/").split("/")))
        return node


def _at(node: Schema, place: tuple[str, ...]) -> Schema:
    for name in place:
        node = node[name]
    return node


def _strict(node: object) -> None:
    """Forbid properties that are not named, and read OpenAPI 3.0's `nullable` as what it means."""
    if isinstance(node, list):
        for one in node:
            _strict(one)
    elif isinstance(node, dict):
        if node.pop("nullable", False) and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        if isinstance(node.get("properties"), dict) and node.get("type") == "object":
            node.setdefault("additionalProperties", False)
        for name, one in node.items():
            if name not in {"example", "examples"}:
                _strict(one)
