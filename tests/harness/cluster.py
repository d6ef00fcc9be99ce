"""Apache Kafka behind proxies: every process under test has its own way to every broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from devtools.servers import Broker
from devtools.servers.kafka_jars import Front, start_kafka
from devtools.servers.ports import LOOPBACK
from tests.harness.proxy import Condition, Proxy, ProxyThread
from tests.harness.small_disk import SmallDisk

# Groups may have short sessions here, so that the dead are noticed soon. A request that cannot be
# answered since the broker was away is given up soon, too.
_CONFIG = {
    "group.min.session.timeout.ms": "1000",
    "connections.max.idle.ms": "120000",
}

# Brokers start again and again here: that takes half the time without the optimizing compiler.
_JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class Cluster:
    """A running cluster; use it in a `with` statement.

    The rig itself speaks to the brokers directly. Processes under test go through a *lane*: one
    proxy to each broker, and a listener of each broker that tells clients these proxies.

    Attributes:
        disk: the disk under the brokers' data, where it is one that can be filled.

    Args:
        brokers: nodes.
        lanes: names of the ways.
        config: further server properties.
    """

    def __init__(
        self, brokers: int, lanes: Sequence[str], config: Mapping[str, str] | None = None
    ) -> None:
        self.brokers = brokers
        self.lanes = tuple(lanes)
        self.disk: SmallDisk | None = None
        self._config = {**_CONFIG, **(config or {})}
        self._proxies = ProxyThread()
        self._ways: dict[tuple[str, int], Proxy] = {}
        self._broker: Broker | None = None

    def __enter__(self) -> Self:
        self._proxies.__enter__()
        try:
            fronts = [self._front(lane) for lane in self.lanes]
            self._broker = start_kafka(
                brokers=self.brokers,
                config=self._config,
                fronts=fronts,
                java_options=_JAVA_OPTIONS,
            )
        except BaseException:
            self._proxies.__exit__()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything."""
        self.broker.stop()
        self._proxies.__exit__()

    @property
    def broker(self) -> Broker:
        """The brokers, to kill, pause and restart."""
        assert self._broker is not None, "the cluster is not entered"
        return self._broker

    @property
    def bootstrap_servers(self) -> str:
        """The brokers without proxies."""
        return self.broker.bootstrap_servers

    def through(self, lane: str) -> str:
        """The brokers by a lane."""
        return ",".join(f"{LOOPBACK}:{self._ways[lane, node].port}" for node in range(self.brokers))

    def set(self, condition: Condition, lane: str | None = None, node: int | None = None) -> None:
        """Let connections fare like this: of one lane or all, to one broker or all."""
        for (name, number), proxy in self._ways.items():
            if lane in (None, name) and node in (None, number):
                self._proxies.set(proxy, condition)

    def heal(self) -> None:
        """Let everything pass, and every broker run."""
        self.set(Condition())
        if self.disk is not None:
            self.disk.empty()
        self.broker.resume()
        self.broker.start()

    def _front(self, lane: str) -> Front:
        def front(node: int, port: int) -> int:
            proxy = self._ways[lane, node] = self._proxies.add(port)
            return proxy.port

        return front
