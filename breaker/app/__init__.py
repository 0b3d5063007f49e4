"""The composition root: settings become wired parts. Nothing outside it names concrete adapters."""

from __future__ import annotations

from breaker.adapters.http.fleet_presentation import fleet_act_as_json, guard_as_json, hold_as_json, modes_as_json
from breaker.adapters.http.lookup_presentation import past_as_json, recipients_as_json, refused_as_json
from breaker.adapters.http.presentation import (
    account_as_json,
    domain_as_json,
    explanation_as_json,
    report_as_json,
    verdict_as_json,
)
from breaker.adapters.http.support_presentation import support_as_json
from breaker.app.backtest import Backtest, TruthError, backtest
from breaker.app.daemon import Daemon, running, serve, spare_the_collector
from breaker.app.database import UnavailableError, embedded_postgres, migrate, migration_sql
from breaker.app.demo import DEMO_TOKEN, DemoPlan, DemoResult, DomainStop, Stop, demonstrate
from breaker.app.derived import (
    actuators_of,
    configured_modes,
    counting,
    fleet_accounts,
    profile,
    profiles,
    window_sizes,
)
from breaker.app.drills import drill_as_json, drill_now
from breaker.app.examination import examine
from breaker.app.foresight import WouldAct, would_act
from breaker.app.history import History, histories
from breaker.app.installations import Installation, installations
from breaker.app.live import Live, live
from breaker.app.operations import Operations, operations, wire_operations
from breaker.app.protected import Speaks, who_is_protected
from breaker.app.readiness import readiness_checks
from breaker.app.report import fleet_report
from breaker.app.suppression import suppression_office
from breaker.app.volumes import FleetVolumes, fleet_volumes

__all__ = [
    "DEMO_TOKEN",
    "Backtest",
    "Daemon",
    "DemoPlan",
    "DemoResult",
    "DomainStop",
    "FleetVolumes",
    "History",
    "Installation",
    "Live",
    "Operations",
    "Speaks",
    "Stop",
    "TruthError",
    "UnavailableError",
    "WouldAct",
    "account_as_json",
    "actuators_of",
    "backtest",
    "configured_modes",
    "counting",
    "demonstrate",
    "domain_as_json",
    "drill_as_json",
    "drill_now",
    "embedded_postgres",
    "examine",
    "explanation_as_json",
    "fleet_accounts",
    "fleet_act_as_json",
    "fleet_report",
    "fleet_volumes",
    "guard_as_json",
    "histories",
    "hold_as_json",
    "installations",
    "live",
    "migrate",
    "migration_sql",
    "modes_as_json",
    "operations",
    "past_as_json",
    "profile",
    "profiles",
    "readiness_checks",
    "recipients_as_json",
    "refused_as_json",
    "report_as_json",
    "running",
    "serve",
    "spare_the_collector",
    "support_as_json",
    "suppression_office",
    "verdict_as_json",
    "who_is_protected",
    "window_sizes",
    "wire_operations",
    "would_act",
]
