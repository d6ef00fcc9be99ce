"""A local broker, embedded or Apache Kafka, with one interface for both."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Literal, Self

from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK
from devtools.servers.server_process import ServerProcess, wait_until_ready

BrokerKind = Literal["embedded", "kafka"]

_METADATA, _VERSION, _CORRELATION = 3, 1, 1
_CLIENT = b"tierstream-probe"
_NO_TOPICS = 0
_MAX_ANSWER_BYTES = 1 << 20


class Broker:
    """A running broker on loopback, or a cluster of them.

    Attributes:
        kind: ``embedded`` or ``kafka``.
        bootstrap_servers: ``host:port`` of each node, separated by commas; kept over restarts.
        idempotence: whether producers may set ``enable_idempotence``.
        durable: whether topics and records outlive a restart. The embedded broker keeps everything
            in memory, so after a restart it is empty.
        nodes: the processes, in the order of their node numbers (from 0).
    """

    def __init__(
        self,
        kind: BrokerKind,
        nodes: Sequence[ServerProcess],
        workspace: Workspace,
        *,
        idempotence: bool,
        durable: bool,
        start_timeout_s: float,
    ) -> None:
        self.kind: BrokerKind = kind
        self.nodes = tuple(nodes)
        self.bootstrap_servers = ",".join(f"{LOOPBACK}:{node.port}" for node in nodes)
        self.idempotence = idempotence
        self.durable = durable
        self._workspace = workspace
        self._start_timeout_s = start_timeout_s

    def start(self, node: int | None = None) -> None:
        """Start the nodes that do not run (or one of them) and wait until they can work.

        Raises:
            ServerFailed: a node ended or did not answer in time.
        """
        for process in self._chosen(node):
            if not process.running:
                process.launch()
        wait_until_ready(self._running(), self._ready, self._start_timeout_s)

    def restart(self, node: int | None = None) -> None:
        """End the nodes (or one of them) in an orderly way where they run, and start them again.

        After `kill` this is the recovery from the crash: same ports, same data (where `durable`).
        """
        for process in self._chosen(node):
            process.ask_to_end()  # all at once: a node without its controllers takes long to end
        for process in self._chosen(node):
            process.stop()
        self.start(node)

    def kill(self, node: int | None = None) -> None:
        """End all nodes, or one of them, at once and without warning."""
        for process in self._chosen(node):
            process.kill()

    def pause(self, node: int | None = None) -> None:
        """Freeze all nodes, or one of them (SIGSTOP)."""
        for process in self._chosen(node):
            process.pause()

    def resume(self, node: int | None = None) -> None:
        """Let frozen nodes go on (SIGCONT)."""
        for process in self._chosen(node):
            process.resume()

    def stop(self) -> None:
        """End the broker for good and remove its data. Harmless when repeated."""
        for process in self.nodes:
            process.kill()  # its data is thrown away: an orderly shutdown would only take time
        self._workspace.close()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines each node wrote."""
        return "\n".join(process.log_tail(lines) for process in self.nodes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _chosen(self, node: int | None) -> tuple[ServerProcess, ...]:
        return self.nodes if node is None else (self.nodes[node],)

    def _running(self) -> list[ServerProcess]:
        return [process for process in self.nodes if process.running]

    def _ready(self) -> bool:
        running = self._running()
        return bool(running) and all(
            brokers_known(process.port) >= len(running) for process in running
        )


def brokers_known(port: int, timeout_s: float = 1.0) -> int:
    """The number of live brokers that a broker reports; 0 without an answer.

    It sends a Metadata request over a plain socket: a port that accepts connections is not yet a
    working broker, and an asyncio client cannot be used in a function that may be called inside a
    running event loop.
    """
    body = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(_CLIENT))
    body += _CLIENT + struct.pack(">i", _NO_TOPICS)
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(connection, 4))
            if not 8 <= size <= _MAX_ANSWER_BYTES:
                return 0
            correlation, brokers = struct.unpack_from(">ii", _read(connection, size))
    except OSError:
        return 0
    return int(brokers) if correlation == _CORRELATION else 0


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the broker closed the connection")
        data += part
    return data
