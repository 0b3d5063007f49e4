"""The README's picture of the states is drawn from the table that decides."""

from __future__ import annotations

from pathlib import Path

from breaker.domain.circuits.states import TRANSITIONS, State


def diagram() -> str:
    edges: dict[tuple[State, State], list[str]] = {}
    for (before, cause), after in TRANSITIONS.items():
        if before is not after:
            edges.setdefault((before, after), []).append(cause.replace("_", " "))
    lines = [f"    {before} --> {after}: {', '.join(causes)}" for (before, after), causes in edges.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> sending", *lines, "```"])


def test_the_readme_draws_every_way_from_one_state_to_another_and_no_other() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")

    assert diagram() in readme, f"put this into README.md:\n{diagram()}"
