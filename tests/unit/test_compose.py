"""docker-compose.yml fits the program it starts: its commands, its settings, its ports."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from config.settings import Settings, load_settings, variable_names
from serving.api.token_file import read_tokens
from tests.support.each import for_each

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HTTP_PORT: int = Settings.model_fields["http_port"].default


def usage(words: list[str]) -> str:
    """The usage line of the command that the words name."""
    shown = CliRunner().invoke(app, [*words, "--help"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    return next(line.strip() for line in shown.output.splitlines() if "Usage:" in line)


def assert_runs(words: list[str]) -> None:
    """The words name a command that does something, not a group of commands."""
    assert f"{' '.join(words)} [OPTIONS]" in usage(words)
    assert "COMMAND" not in usage(words)


def test_the_system_is_whole() -> None:
    others = {"kafka", "redis", "prometheus", "grafana"}
    assert set(SERVICES) == {*others, "topics", "worker", "projector", "api", "report"}
    assert set(OURS) == {"topics", "worker", "projector", "api", "report"}


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="No such command"):
        assert_runs(["workers"])
    with pytest.raises(AssertionError):
        assert_runs(["topics"])


@for_each("name", OURS)
def test_a_service_of_ours_runs_a_command_that_exists(name: str) -> None:
    command = OURS[name]["command"]
    assert_runs(list(takewhile(lambda word: not word.startswith("-"), command)))


def test_the_image_runs_a_command_that_exists() -> None:
    entry = re.search(r'^ENTRYPOINT \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
    default = re.search(r'^CMD \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
    assert entry is not None
    assert entry[1] == "tierstream"
    assert default is not None
    assert_runs([default[1]])


@for_each("name", OURS)
def test_every_variable_given_to_a_service_is_a_setting(name: str) -> None:
    known = {variable for field in Settings.model_fields for variable in variable_names(field)}
    assert set(OURS[name]["environment"]) <= known


def test_the_settings_of_the_services_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OURS["worker"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.replication_factor == 1
    assert settings.http_host == "0.0.0.0"


@for_each("name", [name for name in SERVICES if "ports" in SERVICES[name]])
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_the_api_is_published_where_it_listens_and_asks_for_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OURS["api"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert {port.rsplit(":", 1)[1] for port in OURS["api"]["ports"]} == {
        str(settings.api_port),
        str(HTTP_PORT),
    }
    assert settings.api_token_file is not None
    (folder,) = (volume.split(":") for volume in OURS["api"]["volumes"])
    assert settings.api_token_file.parent == Path(folder[1])
    assert read_tokens(ROOT / folder[0] / settings.api_token_file.name) == (), "nobody yet"


@for_each("name", ["worker", "projector"])
def test_the_published_port_is_the_one_the_program_listens_on(name: str) -> None:
    assert [port.rsplit(":", 1)[1] for port in OURS[name]["ports"]] == [str(HTTP_PORT)]
    assert f"EXPOSE {HTTP_PORT}\n" in DOCKERFILE


def test_the_image_is_checked_where_the_program_answers() -> None:
    check = re.search(r"HEALTHCHECK (?:.*\\\n)*.*\n", DOCKERFILE)
    assert check is not None
    assert "/livez" in check[0]
    assert "TIERSTREAM_HTTP_PORT" in variable_names("http_port")
    assert f"'{HTTP_PORT}'" in check[0]


@for_each("name", [name for name in SERVICES if name not in OURS])
def test_servers_of_others_are_pinned_and_checked(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+|-alpine)", SERVICES[name]["image"])
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@for_each("name", SERVICES)
def test_every_service_is_limited_and_comes_back(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} <= set(limits)
    assert SERVICES[name]["restart"] == ("no" if name == "topics" else "unless-stopped")


@for_each("name", OURS)
def test_our_services_can_change_nothing_on_their_machine(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert "privileged" not in OURS[name]
    assert re.search(r"^USER tierstream$", DOCKERFILE, re.MULTILINE)


def test_nothing_starts_before_the_topics_are_there() -> None:
    for name in ("worker", "projector", "api", "report"):
        assert OURS[name]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert OURS["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_every_folder_that_is_mounted_exists() -> None:
    sources = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    ]
    assert {source for source in sources if not source.startswith("./")} == set(COMPOSE["volumes"])
    assert [s for s in sources if s.startswith("./") and not (ROOT / s).is_dir()] == []


def test_services_find_each_other_where_they_listen() -> None:
    environment = OURS["worker"]["environment"]
    broker = environment["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"INSIDE://{broker}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert environment["REDIS_URL"].startswith("redis://redis:6379/")


def test_reports_are_made_only_if_asked_for_and_where_the_image_may_write() -> None:
    service = OURS["report"]
    assert service["profiles"] == ["report"]
    (volume,) = service["volumes"]
    folder = volume.split(":")[1]
    assert service["command"][-1].startswith(f"{folder}/")
    assert re.search(
        rf"install --directory --owner=tierstream .*{folder}$", DOCKERFILE, re.MULTILINE
    )
