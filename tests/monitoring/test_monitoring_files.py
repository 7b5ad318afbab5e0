"""Alert rules and dashboard: Prometheus accepts them, and they name metrics that exist."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.instances import ROOT
from tests.monitoring.programs import PROMTOOL, needs_prometheus

FILES = ROOT / "site" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text("utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((FILES / "rules.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
_OWN = re.compile(r"\bkm3vo_[a-z0-9_]+\b")


def known_metrics() -> set[str]:
    """Return the names of metrics in the code, also with the ends that Prometheus adds."""
    names = set()
    for part in ("publish/watching", "alerts/live"):
        for path in (ROOT / "ingest" / part).glob("*.py"):
            names |= set(re.findall(r'"(km3vo_[a-z0-9_]+)"', path.read_text("utf-8")))
    live = (ROOT / "ingest" / "alerts" / "live" / "report.py").read_text("utf-8")
    names |= {f"km3vo_alerts_{word}" for word in re.findall(r'\("([a-z]+)", "', live)}
    return names | {name + end for name in names for end in ("_total", "_bucket")}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROMTOOL, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@needs_prometheus
def test_prometheus_accepts_rules_and_settings() -> None:
    done = promtool("check", "config", FILES / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@needs_prometheus
def test_each_alert_fires_when_it_should_and_none_on_a_quiet_day() -> None:
    path = ROOT / "tests" / "monitoring" / "rules_test.yml"
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    missing = {rule["alert"] for rule in RULES} - set(re.findall(r"[A-Z]\w+", path.read_text()))
    assert not missing


@needs_prometheus
def test_prometheus_can_read_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = [
        query.replace("$__rate_interval", "5m").replace("$service", ".*") for query in QUERIES
    ]
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(queries)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(queries) > 30


def test_queries_name_metrics_that_exist() -> None:
    named = {
        name
        for query in (*QUERIES, *(rule["expr"] for rule in RULES))
        for name in _OWN.findall(query)
    }
    assert len(named) > 25
    assert named - known_metrics() == set()


def test_each_alert_leads_to_its_runbook() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    anchors = set(re.findall(r'<a id="([\w-]+)"></a>', text))
    for rule in RULES:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors, rule["alert"]
        assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_the_dashboard_can_be_provisioned_anywhere() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for part in (panel, *panel.get("targets", ())):
            if "datasource" in part:
                assert part["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    text = json.dumps(DASHBOARD)
    for found in re.findall(r"\d+\.\d+\.\d+\.\d+", text):
        pytest.fail(str(ipaddress.ip_address(found)))
    assert "http" not in text


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
