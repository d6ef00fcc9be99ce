"""The Kafka of docker-compose.yml, with its settings read by Kafka itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from devtools.servers import BrokerUnavailable
from devtools.servers.jar_cache import java_program, kafka_jars
from tests.harness.kafka import skip_without_java

ROOT = Path(__file__).resolve().parents[2]
NO_PROPERTY = {"KAFKA_HEAP_OPTS"}


@pytest.mark.kafka
def test_kafka_accepts_the_settings_of_the_compose_file(tmp_path: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    environment: dict[str, str] = compose["services"]["kafka"]["environment"]
    # The image makes properties of the variables in this way: the prefix goes, `_` becomes `.`.
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in NO_PROPERTY
    }
    properties["log.dirs"] = str(tmp_path / "data")
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    try:
        command = [java_program(), "-cp", f"{kafka_jars()}/*", "kafka.tools.StorageTool", "format"]
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise
    done = subprocess.run(
        [*command, "-t", environment["CLUSTER_ID"], "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
