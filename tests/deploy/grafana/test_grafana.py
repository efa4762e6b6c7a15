"""Dashboards and alerts against the code that makes them, the metrics there are, and the runbooks they name."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.build import DASHBOARDS, FOLDER, dashboard_json
from deploy.grafana.panels import Dashboard
from tests.documented import OPERATIONS, ROOT, documented

PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS = (PROMETHEUS / "alerts.yml").read_text()
QUERIES = [query.expr for dashboard in DASHBOARDS for panel in dashboard.panels for query in panel.queries]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_the_committed_json_is_what_the_code_makes(dashboard: Dashboard) -> None:
    committed = (FOLDER / f"{dashboard.uid}.json").read_text()
    assert committed == dashboard_json(dashboard), "run python -m deploy.grafana.build"


def test_there_is_no_other_dashboard() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {dashboard.uid for dashboard in DASHBOARDS}


def test_every_metric_asked_for_is_documented() -> None:
    named = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for text in [*QUERIES, *re.findall(r"expr:(.*?)(?:for|labels):", ALERTS, re.DOTALL)]
        for name in re.findall(r"nettailor_\w+", text)
    }
    assert named <= set(documented("Metrics"))


def test_no_panel_is_kept_alive_by_a_constant() -> None:
    assert not [query for query in QUERIES if "vector(" in query or "absent" in query]


def _fields(title: str) -> dict[str, Any]:
    """How Grafana is told to draw a panel."""
    panels = [panel for path in FOLDER.glob("*.json") for panel in json.loads(path.read_text())["panels"]]
    (found,) = [panel for panel in panels if panel.get("title") == title]
    fields: dict[str, Any] = found["fieldConfig"]
    return fields


@pytest.mark.parametrize(
    ("title", "series"),
    [
        ("Answers by status", ["429", "500"]),
        ("What came of them", ["refused", "failed"]),
        ("Duration of what was not answered, p95", ["refused p95", "failed p95"]),
        ("Refused a second", ["Overloaded", "BodyTooLarge", "rate"]),
        ("Loads that failed", ["BlobMissing"]),
    ],
)
def test_what_was_refused_or_failed_is_not_green(title: str, series: list[str]) -> None:
    colours = [
        (override["matcher"]["options"], override["properties"][0]["value"]["fixedColor"])
        for override in _fields(title)["overrides"]
    ]
    for name in series:
        drawn = [colour for pattern, colour in colours if re.match(pattern, name)]
        assert drawn
        assert "green" not in drawn


def test_axes_suit_their_figures() -> None:
    scale = _fields("Switch latency by tier")["defaults"]["custom"]["scaleDistribution"]
    assert scale == {"type": "log", "log": 10}
    assert [_fields(title)["defaults"]["min"] for title in ("Images in a batch", "Tasks in a batch")] == [1, 1]
    shown = {panel.title: [query.expr for query in panel.queries] for each in DASHBOARDS for panel in each.panels}
    assert all('tier=~"device|host"' in expr for expr in shown["Memory of bundles"])


def test_durations_of_answers_know_no_refusals() -> None:
    asked = [query for query in QUERIES if "nettailor_request_seconds" in query]
    assert len(asked) == 3 + 1 + 1
    assert all('outcome="answered"' in query for query in asked if "by (le,outcome)" not in query)


def test_every_alert_has_its_runbook() -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", OPERATIONS, re.MULTILINE)
    }
    runbooks = re.findall(r'runbook_url: "{{ \$externalLabels.runbooks }}#(\S+)"', ALERTS)
    assert len(runbooks) == ALERTS.count("- alert:")
    assert set(runbooks) <= anchors


@pytest.mark.parametrize("command", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_rules(command: list[str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here; `make observability-test` insists on it")
    done = subprocess.run([promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_names_the_rules(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here; `make observability-test` insists on it")
    done = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
