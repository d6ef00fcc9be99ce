"""Real servers on loopback for the demo, the tests and the benchmark.

Every server takes free ports and waits until it is ready. It ends exactly the processes it started:
on `stop`, at interpreter exit, and when this process is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devtools.servers.broker import Broker, BrokerKind
from devtools.servers.embedded import start_embedded
from devtools.servers.kafka_jars import start_kafka
from devtools.servers.redis_server import RedisServer, start_redis
from devtools.servers.server_process import (
    BrokerUnavailable,
    LocalServerError,
    RedisUnavailable,
    ServerFailed,
)

__all__ = [
    "Broker",
    "BrokerKind",
    "BrokerUnavailable",
    "LocalServerError",
    "RedisServer",
    "RedisUnavailable",
    "ServerFailed",
    "start_broker",
    "start_redis",
]


def start_broker(
    kind: BrokerKind = "embedded",
    *,
    brokers: int = 1,
    config: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Broker:
    """Start a broker and return it ready for work; use it in a `with` statement.

    Args:
        kind: ``embedded`` (in memory, starts at once) or ``kafka`` (Apache Kafka, needs Java).
        brokers: nodes of the cluster, 1 to 5; the embedded broker has one.
        config: further server properties, for Apache Kafka only.
        progress: called with a sentence about what takes time, such as fetching the jars.

    Raises:
        BrokerUnavailable: this machine lacks what the broker needs.
        ServerFailed: the broker did not start; the message ends with its log.
        ValueError: nodes or properties asked of the embedded broker.
    """
    if kind == "kafka":
        return start_kafka(brokers=brokers, config=config or {}, progress=progress)
    if brokers != 1 or config:
        raise ValueError("the embedded broker is one node without further properties")
    return start_embedded()
