"""The files for operators name metrics, commands, probes and settings that exist."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import app
from config.settings import Settings, load_settings, variable_names
from streams.runtime.metrics import Metrics
from tests.support.each import for_each

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops"
DASHBOARDS = {
    file.stem: json.loads(file.read_text())
    for file in sorted((OPS / "grafana/dashboards").glob("*.json"))
}
ALERTS = yaml.safe_load((OPS / "prometheus/alerts.yml").read_text())
PROMETHEUS = yaml.safe_load((OPS / "prometheus/prometheus.yml").read_text())
KUBERNETES = [
    document
    for file in sorted((OPS / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
COMMANDS = {command.name for command in app.registered_commands}
VARIABLES = {variable for name in Settings.model_fields for variable in variable_names(name)}
JOBS = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}

RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [
    panel
    for dashboard in DASHBOARDS.values()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


def metric_labels() -> dict[str, set[str]]:
    """Names as they are asked for, histograms taken apart, with the labels of each."""
    names: dict[str, set[str]] = {}
    for declared in Metrics().declarations:
        labels = {*declared.labels, "job", "instance"}
        suffixes = ["_bucket", "_sum", "_count"] if declared.kind == "histogram" else [""]
        for suffix in suffixes:
            names[declared.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    names["tierstream_build_info"] |= {"version", "build", "python"}
    names["tierstream_worker_info"] |= {"app_id", "mode"}
    return names


METRICS = metric_labels()


EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in RULES] + [
    (panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]
]


@for_each("where, expression", EXPRESSIONS)
def test_metrics_asked_for_exist_with_the_labels_asked_for(where: str, expression: str) -> None:
    asked = re.findall(r"(tierstream_\w+|process_\w+|up)(?:\{([^}]*)\})?", expression)
    assert asked, f"{where} asks for none of our metrics"
    for name, selector in asked:
        known = METRICS.get(
            name, {"job", "instance"} if not name.startswith("tierstream") else None
        )
        assert known is not None, f"{where} asks for {name}"
        for label in re.findall(r"(\w+) *(?:=~|!=|!~|=)", selector):
            assert label in known, f"{where} asks for the label {label} of {name}"
    grouped = {
        label for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(", ")
    }
    assert grouped <= set().union(*(METRICS.get(name, set()) for name, _ in asked))


@for_each("panel", PANELS)
def test_legend_uses_labels_that_the_expression_keeps(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        asked = re.findall(r"tierstream_\w+", target["expr"])
        grouping = re.search(r"by \(([^)]*)\)", target["expr"])
        kept = set(grouping[1].split(", ")) if grouping else {"job", "instance"}
        if not re.search(r"\b(?:sum|max|histogram_quantile)\b", target["expr"]):
            kept |= set().union(*(METRICS[name] for name in asked))
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept


def test_there_is_a_dashboard_for_operators_and_one_for_the_business() -> None:
    assert {name: board["uid"] for name, board in DASHBOARDS.items()} == {
        "tierstream": "tierstream",
        "tierstream-business": "tierstream-business",
    }
    assert len({board["title"] for board in DASHBOARDS.values()}) == len(DASHBOARDS)


def test_every_metric_of_ours_is_on_a_dashboard() -> None:
    shown = set(re.findall(r"tierstream_\w+", json.dumps(DASHBOARDS)))
    missing = set()
    for declared in Metrics().declarations:
        suffixes = ("_bucket", "_sum", "_count") if declared.kind == "histogram" else ("",)
        if not {declared.name + suffix for suffix in suffixes} & shown:
            missing.add(declared.name)
    assert missing == set()


@for_each("name", DASHBOARDS)
def test_dashboard_panels_do_not_overlap_and_use_the_provisioned_source(name: str) -> None:
    board = DASHBOARDS[name]
    source = yaml.safe_load((OPS / "grafana/provisioning/datasources/prometheus.yml").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    uids = {panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"}
    assert uids == {source["datasources"][0]["uid"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboards_are_looked_for_where_compose_puts_them() -> None:
    provider = yaml.safe_load((OPS / "grafana/provisioning/dashboards/tierstream.yml").read_text())
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    path = provider["providers"][0]["options"]["path"]
    assert f"./ops/grafana/dashboards:{path}:ro" in compose["services"]["grafana"]["volumes"]


@for_each("rule", RULES)
def test_every_alert_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["for"]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"].endswith(".")


def test_alerts_and_configuration_agree_about_the_jobs() -> None:
    asked = {job for rule in RULES for job in re.findall(r'job="([^"]+)"', rule["expr"])}
    assert asked == JOBS
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]


def test_prometheus_looks_for_the_services_of_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for job in PROMETHEUS["scrape_configs"]:
        (found,) = job["dns_sd_configs"]
        assert set(found["names"]) <= set(services)
        assert found["port"] == Settings.model_fields["http_port"].default


def test_alert_rules_come_with_their_own_test() -> None:
    text = (OPS / "prometheus/alerts.test.yml").read_text()
    assert {rule["alert"] for rule in RULES} == set(re.findall(r'alertname="(\w+)"', text))


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for document in KUBERNETES if document["kind"] == kind]


@for_each("deployment", of_kind("Deployment"))
def test_kubernetes_runs_our_commands_with_probes_and_without_rights(
    deployment: dict[str, Any],
) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert set(container["args"]) <= COMMANDS
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["enableServiceLinks"] is False, "its variables could be taken for settings"
    assert {variable["name"] for variable in container["env"]} <= VARIABLES
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert deployment["spec"]["selector"]["matchLabels"].items() <= (
        deployment["spec"]["template"]["metadata"]["labels"].items()
    )


def test_kubernetes_makes_a_report_each_week_where_it_may_write() -> None:
    (job,) = of_kind("CronJob")
    assert (job["spec"]["schedule"], job["spec"]["timeZone"]) == ("10 0 * * 1", "Etc/UTC")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command, *_, out = container["args"]
    assert command in COMMANDS
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert {variable["name"] for variable in container["env"]} <= VARIABLES
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert out.startswith(f"{mounts['reports']}/")
    (claim,) = of_kind("PersistentVolumeClaim")
    claims = [volume.get("persistentVolumeClaim") for volume in pod["volumes"]]
    assert {"claimName": claim["metadata"]["name"]} in claims


def test_kubernetes_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    (settings,) = of_kind("ConfigMap")
    for name, value in settings["data"].items():
        monkeypatch.setenv(name, value)
    for name in ("TIERSTREAM_SASL_PASSWORD", "TIERSTREAM_REDIS_PASSWORD"):
        monkeypatch.setenv(name, "from a secret")
    assert load_settings().security_protocol == "SASL_SSL"
    assert set(settings["data"]) <= VARIABLES


def test_kubernetes_api_listens_beyond_loopback_with_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (found,) = [each for each in of_kind("Deployment") if each["metadata"]["name"].endswith("api")]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    for variable in container["env"]:
        if "value" in variable and "_API_" in variable["name"]:
            monkeypatch.setenv(variable["name"], variable["value"])
    settings = load_settings()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.http_port, "api": settings.api_port}
    assert str(settings.api_token_file).startswith(
        next(m["mountPath"] for m in container["volumeMounts"] if m["name"] == "tokens")
    )


def test_systemd_unit_starts_a_command_that_exists() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(OPS / "systemd/tierstream-worker.service")
    service = unit["Service"]
    assert service["ExecStart"].split()[1] in COMMANDS
    assert service["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "it is never given up"
    assert (service["RestartSec"], service["RestartMaxDelaySec"]) == ("5s", "60s")
    assert int(service["RestartSteps"]) > 1
    variables = re.findall(r"(TIERSTREAM_\w+)=", service["Environment"])
    assert variables
    assert set(variables) <= VARIABLES
