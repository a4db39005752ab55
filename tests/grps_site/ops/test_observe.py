"""Alerts, dashboards, shippers and uptime checks of deploy/observe: each name in them exists."""

import json
import re
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands
from django.test import Client
from prometheus_client import REGISTRY

from common.environment import BASE_DIR
from grps_site.ops import uptime
from tests import debian
from tests.grps_site.ops import alloy

OBSERVE = BASE_DIR / "deploy" / "observe"
DASHBOARDS = sorted((OBSERVE / "dashboards").glob("*.json"))
METRIC = re.compile(r"\bgrps_[a-z_]+\b")
# Words of the texts that are no metrics: database roles, the application and publications.
OTHERS = {"grps_site", "grps_app", "grps_owner", "grps_analytics", "grps_portal", "grps_metrics"}
# What the Prometheus library adds to the name of a counter or histogram.
SUFFIX = re.compile(r"_(bucket|sum|count|created)$")


def expressions() -> list[tuple[str, str]]:
    """Return the title and the expression of each query of the dashboards."""
    boards = [json.loads(file.read_text()) for file in DASHBOARDS]
    return [
        (panel["title"], target["expr"])
        for board in boards
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def metrics_in(text: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in METRIC.findall(text)} - OTHERS


def shown(client: Client, settings: Any) -> set[str]:
    """Return the names on /metrics, and those of declared counters that count nothing yet."""
    settings.METRICS_TOKEN = "a token of the tests"
    page = client.get("/metrics", headers={"Authorization": "Bearer a token of the tests"})
    names = re.findall(r"^# TYPE (\S+)", page.content.decode(), re.MULTILINE)
    return {SUFFIX.sub("", name) for name in (*names, *REGISTRY._names_to_collectors)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "source", ["deploy/observe/alerts.yml", "deploy/observe/dashboards", "docs/operate.md"]
)
def test_every_metric_that_is_named_exists(client: Client, settings: Any, source: str) -> None:
    path = BASE_DIR / source
    text = "".join(file.read_text() for file in (path.iterdir() if path.is_dir() else [path]))
    named = metrics_in(text)
    assert named
    assert named - shown(client, settings) == set()


def test_the_alerts_fire_for_their_causes_only() -> None:
    promtool = debian.program("prometheus", "usr/bin/promtool")
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *words], cwd=OBSERVE, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_and_explained() -> None:
    rules = yaml.safe_load((OBSERVE / "alerts.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((OBSERVE / "alerts_test.yml").read_text())["tests"]
    alerts = {rule["alert"] for rule in rules}
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert alerts == fired
    assert alerts <= set(re.findall(r"`(Grps\w+)`", (BASE_DIR / "docs" / "operate.md").read_text()))
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in rules)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_one_that_grafana_imports(file: Path) -> None:
    board = json.loads(file.read_text())
    assert board["schemaVersion"] == 39
    assert board["uid"]
    assert len(board["panels"]) == 12
    assert len({panel["id"] for panel in board["panels"]}) == 12
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == 12
    (variable,) = board["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    for panel in board["panels"]:
        assert panel["type"] in {"timeseries", "stat"}
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


def test_loki_gets_few_labels_and_the_ids_as_metadata() -> None:
    stages = alloy.stages((OBSERVE / "grps.alloy").read_text())
    assert set(stages["labels"]) == set(stages["label_keep"]) == {"service", "env", "level"}
    assert {"request_id", "trace_id"} <= set(stages["structured_metadata"])
    schema = json.loads((OBSERVE / "log.schema.json").read_text())
    for path in stages["json"].values():
        node = schema
        for name in path.split("."):
            node = node["properties"][name]


def test_vector_and_datadog_read_every_unit() -> None:
    units = {file.stem for file in (BASE_DIR / "deploy" / "systemd").glob("grps-*.service")}
    vector = yaml.safe_load((OBSERVE / "vector.yaml").read_text())
    datadog = yaml.safe_load((OBSERVE / "datadog" / "conf.yaml").read_text())
    journal = set(vector["sources"]["journal"]["include_units"])
    agent = {unit.removesuffix(".service") for unit in datadog["logs"][0]["include_units"]}
    assert journal == agent == units
    assert set(vector["sinks"]["loki"]["labels"]) == {"service", "env", "level"}
    for sink in vector["sinks"].values():
        assert sink["inputs"] == ["grps"]
    assert vector["transforms"]["grps"]["inputs"] == ["journal", "docker"]


@pytest.mark.django_db
@pytest.mark.usefixtures("bootstrapped")
@pytest.mark.parametrize("check", uptime.CHECKS, ids=lambda check: check.path)
def test_the_addresses_of_uptime_checks_exist(client: Client, check: uptime.HttpCheck) -> None:
    answer = client.get(check.path)
    assert answer.status_code in {200, 503}  # no worker runs here
    if answer.status_code == 200:
        assert check.keyword in answer.content.decode()
    else:
        assert check.keyword not in answer.content.decode()


@pytest.mark.parametrize("service", uptime.SERVICES)
def test_uptime_prints_every_check_and_heartbeat(service: str, settings: Any) -> None:
    settings.HEARTBEAT_URLS = {"mine": "https://monitor.example.org/a-secret"}
    out = StringIO()
    call_command("uptime", service, "https://grps.example.org/", stdout=out)
    printed = json.loads(out.getvalue())
    text = json.dumps(printed)
    for check in uptime.CHECKS:
        assert check.path in text
    heartbeats = [] if service == "pingdom" else ["audit", "ledger", "backup", "drill", "mine"]
    assert len(printed) == len(uptime.CHECKS) + len(heartbeats)
    assert all(f"GRPS {job}" in text for job in heartbeats)
    assert "a-secret" not in text


def test_uptime_wants_an_address() -> None:
    with pytest.raises(CommandError, match="is not an address"):
        call_command("uptime", "pingdom", "grps.example.org")


WORKFLOWS = sorted((BASE_DIR / "deploy" / "github").glob("*.yml"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_pins_actions_by_commit_and_runs_commands_that_exist(file: Path) -> None:
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    commands = re.findall(r"manage\.py (\w+)", file.read_text())
    assert set(commands) <= set(get_commands())
