"""The alerts, as Prometheus itself reads them, and the runbooks, as whoever is woken types them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry

from breaker.adapters.drill_metrics import DrillMetrics
from breaker.adapters.line_metrics import LineMetrics
from breaker.adapters.metrics import Metrics
from breaker.adapters.stop_metrics import StopMetrics
from breaker.adapters.sweep_metrics import SweepMetrics
from breaker.cli.main import build

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "breaker.rules.yml"
PAGES = {
    "BreakerDown",
    "BreakerNothingPolled",
    "BreakerFeedBlind",
    "BreakerWebhookFailed",
    "BreakerTakenOut",
    "BreakerStopNotConfirmed",
    "BreakerStopLeaks",
    "BreakerDrillFailed",
    "BreakerCredentialsRejected",
    "BreakerGuardHolding",
    "BreakerDomainStopped",
    "BreakerPlatformPausedAccount",
    "BreakerApplicationRestricted",
}
TICKETS = {
    "BreakerAccountStopped",
    "BreakerWebhookFailing",
    "BreakerAccountsUnprotected",
    "BreakerAccountsElsewhere",
    "BreakerDriftFight",
    "BreakerCountsDiffer",
    "BreakerOutcomesLate",
    "BreakerProbeStalled",
    "BreakerResetNotConfirmed",
    "BreakerDrillOverdue",
    "BreakerExemptOverLine",
    "BreakerDatabaseErrors",
    "BreakerConfigurationNotReloaded",
}

prometheus = pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"), reason="promtool is not installed"
)


def _alerts() -> list[dict[str, dict[str, str]]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [alert for group in groups for alert in group["rules"]]


def _promtool(*arguments: str) -> str:
    said = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


@prometheus
def test_prometheus_finds_nothing_wrong_with_the_rules() -> None:
    assert "27 rules found" in _promtool("check", "rules", "--lint=all", str(RULES))


@prometheus
def test_each_alert_fires_when_it_should_and_is_quiet_beside_that() -> None:
    assert "SUCCESS" in _promtool("test", "rules", str(RULES.with_name("breaker.rules_test.yml")))


def test_each_alert_has_both_cases() -> None:
    names = [one["name"] for one in yaml.safe_load(RULES.with_name("breaker.rules_test.yml").read_text())["tests"]]

    for alert in PAGES | TICKETS:
        assert [name.split(" ")[1:3] for name in names if name.split(" ")[0] == alert] == [
            ["fires", "where"],
            ["is", "quiet"],
        ], alert


def test_what_wakes_a_person_is_told_from_what_can_wait() -> None:
    found = {str(alert["alert"]): alert["labels"]["severity"] for alert in _alerts()}

    assert found == dict.fromkeys(PAGES, "page") | dict.fromkeys(TICKETS, "ticket") | {"BreakerWatchdog": "none"}


def test_each_alert_asks_for_metrics_that_there_are() -> None:
    registries = [Metrics().registry]
    for more in (DrillMetrics, LineMetrics, StopMetrics, SweepMetrics):
        registries.append(CollectorRegistry())
        more(registries[-1])
    families = {family.name for registry in registries for family in registry.collect()}
    asked = {
        re.sub(r"_(total|bucket)$", "", name)
        for alert in _alerts()
        for name in re.findall(r"breaker_[a-z_]+", str(alert["expr"]))
    }

    assert asked - families == set()


def test_each_alert_has_a_runbook_of_four_parts() -> None:
    for alert in _alerts():
        runbook = (DEPLOY.parent / alert["annotations"]["runbook"]).read_text()

        assert re.findall(r"^## (.*)$", runbook, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def _typed() -> Iterator[tuple[str, list[str]]]:
    """Give the commands that runbooks say to type: in blocks and within sentences."""
    for path in sorted((DEPLOY / "runbooks").iterdir()):
        text = " ".join(path.read_text().split("\n"))
        for command in re.findall(r"`(breaker [^`]*)`", text):
            yield path.stem, shlex.split(command)
        for line in path.read_text().splitlines():
            if line.startswith("breaker "):
                yield path.stem, shlex.split(line, comments=True)


def test_the_commands_of_the_runbooks_are_commands() -> None:
    everything = typer.main.get_command(build())
    typed = list(_typed())
    assert len(typed) > 50
    for runbook, words in typed:
        command: Any = everything
        rest = words[1:]
        while rest and (among := getattr(command, "commands", None)):
            assert rest[0] in among, f"{runbook}: {' '.join(words)}"
            command = among[rest.pop(0)]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, f"{runbook}: {' '.join(words)}"
