"""What users can mend ends a worker at once, with one sentence that says what to do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from devtools.servers import Broker
from devtools.servers.ports import LOOPBACK, free_ports
from tests.harness.deployment import Deployment

_QUICKLY_S = 20.0
"""Far below what a start waits for a broker that nobody sets a limit for (30 s), with room for a
busy machine."""


@pytest.fixture
def deployment(embedded_broker: Broker, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(embedded_broker, tmp_path) as deployment:
        yield deployment


def sentence_of(deployment: Deployment, command: str = "worker", **others: object) -> str:
    """The one sentence with which a command fails."""
    began_s = time.monotonic()
    ended = deployment.run(*command.split(), **others)
    assert time.monotonic() - began_s < _QUICKLY_S
    assert ended.returncode == 1
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("tierstream: ")
    return lines[0].removeprefix("tierstream: ")


@pytest.mark.parametrize("command", ["worker", "topics create", "dump 0"])
def test_no_broker_is_said_with_the_address(deployment: Deployment, command: str) -> None:
    (port,) = free_ports()
    nobody = {"kafka_bootstrap_servers": f"{LOOPBACK}:{port}", "startup_timeout": "1s"}
    said = sentence_of(deployment, command, **nobody)
    assert said == f"no Kafka broker answers at {LOOPBACK}:{port}"


def test_a_broker_that_is_silent_is_not_waited_for_longer_than_told(deployment: Deployment) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        address = f"{LOOPBACK}:{silent.getsockname()[1]}"
        mute = {"kafka_bootstrap_servers": address, "startup_timeout": "1s"}
        said = sentence_of(deployment, **mute)
    assert said.startswith(f"no Kafka broker answers at {address}")


def test_missing_topics_are_named_with_the_command_that_makes_them(deployment: Deployment) -> None:
    said = sentence_of(deployment)
    name = deployment.topic("orders")
    assert f"topic {name} is missing, run 'tierstream topics create'" in said


async def test_a_log_with_another_partition_count_is_refused(deployment: Deployment) -> None:
    await deployment.create_topics()
    log = deployment.topic("customer-events")
    said = sentence_of(deployment, partitions=4)
    assert said == f"topic {log} has 3 partitions but TIERSTREAM_PARTITIONS is 4"


async def test_an_output_with_another_partition_count_is_refused(deployment: Deployment) -> None:
    servers = deployment.settings.kafka_bootstrap_servers
    output, log = deployment.topic("tier-changes"), deployment.topic("customer-events")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(output, 2, 1)])
    await admin.close()
    expected = f"topic {output} has 2 partitions but {log} has 3"
    assert sentence_of(deployment, "topics create") == expected
    assert sentence_of(deployment) == expected


def test_a_wrong_policy_is_refused_with_the_key_and_the_reason(
    deployment: Deployment, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('window_days = 0\n[dormancy]\nmode = "sometimes"\n')
    said = sentence_of(deployment, policy_file=wrong)
    assert said.startswith(f"{wrong}: ")
    assert "window_days" in said
    assert "dormancy.mode" in said

    wrong.write_text("window_days = \n")
    assert "line 1" in sentence_of(deployment, policy_file=wrong)
    missing = tmp_path / "missing.toml"
    assert str(missing) in sentence_of(deployment, policy_file=missing)


def test_a_wrong_setting_is_refused_with_its_variable(deployment: Deployment) -> None:
    assert sentence_of(deployment, mode="fast").startswith("TIERSTREAM_MODE=fast: ")


async def test_a_port_that_is_taken_ends_the_worker(deployment: Deployment) -> None:
    await deployment.create_topics()
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        began_s = time.monotonic()
        ended = deployment.run("worker", http_port=port)
    assert time.monotonic() - began_s < _QUICKLY_S
    assert ended.returncode == 1
    said = f"cannot listen on {LOOPBACK}:{port} (TIERSTREAM_HTTP_HOST, TIERSTREAM_HTTP_PORT)"
    records = [json.loads(line) for line in ended.stderr.splitlines()]
    assert said in [r["message"] for r in records if r["level"] == "critical"][-1]
