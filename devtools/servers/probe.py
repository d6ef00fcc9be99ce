"""Asks a Kafka port how many brokers it knows, with nothing but a socket.

A port that accepts connections is not yet a broker that works, and an asyncio client cannot be used
from a plain function that may be called inside a running event loop.
"""

from __future__ import annotations

import socket
import struct

from devtools.servers.ports import LOOPBACK

_METADATA, _VERSION, _CORRELATION = 3, 1, 1
_CLIENT = b"tierstream-probe"
_NO_TOPICS = 0
_MAX_ANSWER_BYTES = 1 << 20


def brokers_known(port: int, timeout_s: float = 1.0) -> int:
    """The number of live brokers in the answer to a Metadata request; 0 without an answer."""
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
