"""Free loopback ports for servers that must be able to come back on the same one."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ranges from which Linux (32768+) and macOS (49152+) take ports for outgoing connections.
# A port from those ranges can be lost to some client while its server is down for a restart, or a
# reconnecting client can even be given that very port and reach itself.
_FIRST, _LAST = 20_000, 32_000
_ATTEMPTS = 200


def free_ports(count: int = 1, above: int = 0) -> list[int]:
    """``count`` different ports on which nothing listens now.

    Args:
        above: the port this far above each of them is free as well.

    Raises:
        OSError: none was free in a few hundred attempts.
    """
    ports: list[int] = []
    for _ in range(_ATTEMPTS):
        if len(ports) == count:
            return ports
        port = random.randint(_FIRST, _LAST - above)  # noqa: S311 - no secret
        if port not in ports and _is_free(port) and _is_free(port + above):
            ports.append(port)
    raise OSError(f"no {count} free ports between {_FIRST} and {_LAST} on {LOOPBACK}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
