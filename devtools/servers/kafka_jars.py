"""Apache Kafka in KRaft mode, run from jars with the Java of this machine."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools.servers.broker import Broker
from devtools.servers.guardian import Workspace
from devtools.servers.jar_cache import OPS, java_program, kafka_jars
from devtools.servers.ports import LOOPBACK, free_ports
from devtools.servers.server_process import ServerFailed, ServerProcess, run_program

_MAX_BROKERS = 5
_HEAP = "-Xmx384m"
_FORMAT_TIMEOUT_S = 60.0

Front = Callable[[int, int], int]
"""Takes a node and the port of its listener; returns the port at which clients must reach it."""


def start_kafka(
    *,
    brokers: int = 1,
    config: Mapping[str, str] | None = None,
    fronts: Sequence[Front] = (),
    java_options: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    start_timeout_s: float = 60.0,
) -> Broker:
    """Start a cluster of ``brokers`` nodes, each broker and controller in one process.

    Args:
        brokers: nodes of the cluster.
        config: further server properties.
        fronts: each gives every node one more listener, for clients that come through a proxy.
        java_options: further options of the Java machine of each node.
        progress: called with a sentence about what takes time.
        start_timeout_s: seconds until the cluster must answer.

    Raises:
        BrokerUnavailable: no Java 17, or the jars are neither cached nor to be had.
        ServerFailed: a node did not start.
    """
    if not 1 <= brokers <= _MAX_BROKERS:
        raise ValueError(f"a local cluster has 1 to {_MAX_BROKERS} brokers, not {brokers}")
    java = java_program()
    classpath = f"{kafka_jars(progress)}/*"
    workspace = Workspace("kafka")
    try:
        nodes = _prepare(workspace, [java, *java_options], classpath, brokers, config or {}, fronts)
        broker = Broker(
            "kafka",
            nodes,
            workspace,
            idempotence=True,
            durable=True,
            start_timeout_s=start_timeout_s,
        )
        broker.start()
    except BaseException:
        workspace.close()
        raise
    return broker


def _prepare(
    workspace: Workspace,
    java: Sequence[str],
    classpath: str,
    brokers: int,
    config: Mapping[str, str],
    fronts: Sequence[Front],
) -> list[ServerProcess]:
    ports = free_ports((2 + len(fronts)) * brokers)
    client_ports, controller_ports = ports[:brokers], ports[brokers : 2 * brokers]
    files = []
    for node in range(brokers):
        properties = {
            **_properties(node, client_ports, controller_ports, workspace.path),
            **config,
        }
        for number, front in enumerate(fronts):
            port = ports[(2 + number) * brokers + node]
            _listen(properties, f"FRONT{number}", port, front(node, port))
        file = workspace.path / f"node-{node}.properties"
        file.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        files.append(file)
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    with ThreadPoolExecutor(brokers) as pool:
        list(pool.map(lambda file: _format(java[0], classpath, cluster, file), files))
    logging = f"-Dlog4j2.configurationFile={OPS / 'log4j2.xml'}"
    command = [*java, _HEAP, "-Djava.awt.headless=true", logging, "-cp", classpath, "kafka.Kafka"]
    return [
        ServerProcess(
            f"Apache Kafka (node {node})",
            [*command, str(file)],
            port=client_ports[node],
            workspace=workspace,
        )
        for node, file in enumerate(files)
    ]


def _properties(
    node: int, client_ports: Sequence[int], controller_ports: Sequence[int], folder: Path
) -> dict[str, str]:
    brokers = len(client_ports)
    copies = str(min(brokers, 3))
    in_sync = str(min(brokers, 2))
    voters = ",".join(f"{i}@{LOOPBACK}:{port}" for i, port in enumerate(controller_ports))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{client_ports[node]},"
        f"CONTROLLER://{LOOPBACK}:{controller_ports[node]}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{client_ports[node]}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / f"data-{node}"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Few partitions of the internal topics: a group's first join creates them all.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        # A dead node is noticed in seconds, so that tests of a failure need not wait.
        "broker.heartbeat.interval.ms": "1000",
        "broker.session.timeout.ms": "4000",
    }


def _listen(properties: dict[str, str], name: str, port: int, advertised_port: int) -> None:
    """Add a listener on a port, advertised to clients at another one."""
    properties["listeners"] += f",{name}://{LOOPBACK}:{port}"
    properties["advertised.listeners"] += f",{name}://{LOOPBACK}:{advertised_port}"
    properties["listener.security.protocol.map"] += f",{name}:PLAINTEXT"


def _format(java: str, classpath: str, cluster: str, properties: Path) -> None:
    """Write the cluster's id into the empty data folder; a broker refuses to start without."""
    command = [java, "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool"]
    command += ["format", f"--cluster-id={cluster}", "-c", str(properties)]
    try:
        done = run_program(command, _FORMAT_TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        raise ServerFailed("Kafka's storage tool did not end in time") from late
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        raise ServerFailed(f"Kafka's storage tool refused {properties.name}:\n{tail}")
